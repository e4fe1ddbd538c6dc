package bolt

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// ListenerSettings are a listener's extend_config for bolt.
type ListenerSettings struct {
	xprotocol.ListenerSettings
	// true: at the begin of a drain, bolt clients are sent a GoAway, which clients that do not know it answer by closing.
	EnableBoltGoaway bool `json:"enable_bolt_goaway"`
}

// Codec returns the codec for the listener's connections.
func (s *ListenerSettings) Codec(*config.Report) xprotocol.Codec {
	return New(Options{GoAway: s.EnableBoltGoaway})
}
