package events

import (
	"fmt"
	"log/slog"
	"time"
)

// Kind is what happened to a host.
type Kind uint8

const (
	// Added: it is a member of the cluster from now on.
	Added Kind = iota
	// Removed: it is no member any more.
	Removed
	// Healthy: it is well again.
	Healthy
	// Unhealthy: it is not well.
	Unhealthy
	// Degraded: it takes requests when the others are not enough.
	Degraded
	// Ejected: it gets no requests for a while, because it fails them.
	Ejected
	// Returned: its ejection is over.
	Returned
	// Weight: its share of the requests is another.
	Weight
	// Draining: it takes no new requests, and is about to go.
	Draining
)

// String names the kind in one word.
func (k Kind) String() string { return k.about().name }

// about is how a kind is spoken of.
type about struct {
	name    string
	message string // in the process's log
	detail  string // the key of an event's detail there
	level   slog.Level
}

func (k Kind) about() about {
	switch k {
	case Added:
		return about{"added", "a host was added", "detail", slog.LevelInfo}
	case Removed:
		return about{"removed", "a host was removed", "detail", slog.LevelInfo}
	case Healthy:
		return about{"healthy", "a host is well again", "detail", slog.LevelInfo}
	case Unhealthy:
		return about{"unhealthy", "a host is not well", "reason", slog.LevelWarn}
	case Degraded:
		return about{"degraded", "a host is degraded", "reason", slog.LevelInfo}
	case Ejected:
		return about{"ejected", "a host was ejected", "reason", slog.LevelWarn}
	case Returned:
		return about{"returned", "a host is no longer ejected", "reason", slog.LevelInfo}
	case Weight:
		return about{"weight", "a host has another weight", "weight", slog.LevelInfo}
	case Draining:
		return about{"draining", "a host is draining", "detail", slog.LevelInfo}
	}
	panic(fmt.Sprintf("there is no kind %d of events", uint8(k)))
}

// Event is a change of a host.
type Event struct {
	// Seq numbers events from 1 on. [Log.Add] sets it.
	Seq uint64
	// Time is when it happened. Log.Add sets it if it is zero.
	Time          time.Time
	Cluster, Host string
	Kind          Kind
	// Detail says more, such as why; it may be empty. Of a long one, the beginning is
	// kept.
	Detail string
}
