package protocol

import (
	"regexp"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// HTTPTimeouts are the times that clients are given, in either version of HTTP.
type HTTPTimeouts struct {
	// Time for a request's head to arrive, from its first byte on.
	RequestHeaderTimeout time.Duration `json:"request_header_timeout"`
	// Time for a whole request to arrive; 0s means without limit.
	RequestTimeout time.Duration `json:"request_timeout"`
	// A request on which nothing moves in either direction for this long is given up; 0s means without limit. What a slow client or
	// host takes of what waits for it moves as well.
	StreamIdleTimeout time.Duration `json:"stream_idle_timeout"`
	// A connection without a request for this long is closed; 0s takes the listener's connection_idle_timeout.
	IdleTimeout time.Duration `json:"idle_timeout"`
}

// SetDefaults sets what a configuration does not give.
func (t *HTTPTimeouts) SetDefaults() {
	t.RequestHeaderTimeout = 10 * time.Second
	t.StreamIdleTimeout = 5 * time.Minute
}

// Timeouts returns the times that clients are given.
func (t *HTTPTimeouts) Timeouts() Timeouts {
	return Timeouts{
		Header:     t.RequestHeaderTimeout,
		Request:    t.RequestTimeout,
		StreamIdle: t.StreamIdleTimeout,
		Idle:       t.IdleTimeout,
	}
}

// CheckTimeouts reports times that cannot be. s is the struct that they are part of.
func (t *HTTPTimeouts) CheckTimeouts(s config.Source, r *config.Report) {
	if t.RequestHeaderTimeout == 0 {
		r.Errorf(s.At("request_header_timeout"), "must be greater than 0s: a client must not hold a connection without a request")
	}
}

// The forms of what may be upgraded to: HTTP/1 names a protocol, with a version
// perhaps; HTTP/2 has a token.
var (
	upgradeName  = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+(/[-!#$%&'*+.^_`|~0-9A-Za-z]+)?$")
	upgradeToken = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
)

// CheckUpgradeNames reports what cannot be in the Upgrade field of HTTP/1.
func CheckUpgradeNames(s config.Source, names []string, r *config.Report) {
	checkUpgrades(s, names, upgradeName, "the name of a protocol", r)
}

// CheckUpgradeTokens reports what cannot be the :protocol of HTTP/2.
func CheckUpgradeTokens(s config.Source, names []string, r *config.Report) {
	checkUpgrades(s, names, upgradeToken, "a token, as :protocol is", r)
}

func checkUpgrades(s config.Source, names []string, form *regexp.Regexp, want string, r *config.Report) {
	for i, name := range names {
		if form.MatchString(name) {
			continue
		}
		at := s.At("upgrades")
		if items := at.Items(); i < len(items) {
			at = items[i]
		}
		r.Errorf(at, "must be %s, is %q", want, name)
	}
}

// HTTPLimits are limits of a message's head.
type HTTPLimits struct{ Size, Count *int }

// Widen raises limits of responses that a cluster does not give to those that a
// listener has for requests: who has raised these means both directions.
func (l HTTPLimits) Widen(given *config.Node, size, count int) {
	if given.Get("max_header_size") == nil {
		*l.Size = max(*l.Size, size)
	}
	if given.Get("max_header_count") == nil {
		*l.Count = max(*l.Count, count)
	}
}
