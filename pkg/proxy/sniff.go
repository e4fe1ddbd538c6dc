package proxy

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// sniffer is the codec of a connection whose protocol is not known yet. As soon as
// the first bytes tell it, the connection gets that protocol's codec, and is never
// looked at again.
type sniffer downConn

var _ stream.ServerCodec = (*sniffer)(nil)

var errUnknownProtocol = errors.New("proxy: the connection speaks no protocol that the listener has")

// Feed looks at the first bytes, and consumes none of them.
func (s *sniffer) Feed(in buffer.View) (int, error) {
	c := (*downConn)(s)
	b := in.Bytes()
	p, verdict := c.l.Detector.Detect(b[:min(len(b), protocol.MaxSignature)])
	switch verdict {
	case protocol.Yes:
		for i := range c.l.Protocols {
			if speaker := &c.l.Protocols[i]; speaker.Protocol == p {
				c.speak(speaker)
				return c.codec.Feed(in)
			}
		}
	case protocol.More:
		c.sniffed = true
		return 0, nil
	}
	c.sniffed = false
	c.l.stats.ConnectionUnknown++
	return 0, errUnknownProtocol
}

// Phase tells that the client has begun something, once bytes have come.
func (s *sniffer) Phase() stream.Phase {
	switch {
	case s.closing:
		return stream.Closing
	case s.sniffed:
		return stream.ReadingHead
	}
	return stream.Idle
}

// EOF ends the connection: what it speaks will not be known.
func (s *sniffer) EOF() (busy bool) { return false }

// TimedOut ends the connection: its bytes do not tell what it speaks.
func (s *sniffer) TimedOut() {
	s.l.stats.ConnectionUnknown++
	s.closing = true
}

// Drain ends the connection.
func (s *sniffer) Drain() { s.closing = true }

// Pressure does nothing: nothing is sent.
func (s *sniffer) Pressure(bool) {}

// Close does nothing: there is no stream.
func (s *sniffer) Close(stream.Reset) {}
