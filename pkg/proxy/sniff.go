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
	if c.l.Detector == nil { // the configuration was changed
		if c.choose(); c.proto == nil { // it is passed on, once that is possible
			return 0, nil
		}
		return c.codec.Feed(in)
	}
	b := in.Bytes()
	p, verdict := c.l.Detector.Detect(b[:min(len(b), protocol.MaxSignature)])
	switch verdict {
	case protocol.Yes:
		for i := range c.l.Protocols {
			if speaker := &c.l.Protocols[i]; speaker.Protocol == p {
				c.speak(speaker)
				if c.l.TCP != nil { // the time for a request's head begins only now
					c.phase = stream.Idle
				}
				return c.codec.Feed(in)
			}
		}
	case protocol.More:
		c.opening = undecided
		return 0, nil
	}
	c.opening = opened
	c.l.stats.ConnectionUnknown++
	if c.l.TCP != nil {
		c.passOn()
		return 0, nil
	}
	s.opening = unrecognised
	return 0, errUnknownProtocol
}

// Phase tells that the client has begun something, once bytes have come. Where
// there is a fallback, it has begun to connect: its server may have to speak first.
func (s *sniffer) Phase() stream.Phase {
	switch {
	case s.opening == unrecognised:
		return stream.Closing
	case s.opening == undecided, s.l.TCP != nil && !s.l.draining:
		return stream.ReadingHead
	}
	return stream.Idle
}

// EOF ends the connection, as what it speaks will not be known, or passes on what
// there is of it.
func (s *sniffer) EOF() (busy bool) {
	if s.opening != undecided || s.l.TCP == nil {
		return false
	}
	s.l.stats.ConnectionUnknown++
	(*downConn)(s).passOn().endFollows = true
	return true
}

// Features returns none: no protocol is spoken yet.
func (*sniffer) Features() stream.ServerFeatures { return stream.ServerFeatures{} }

// TimedOut ends the connection, as its bytes do not tell what it speaks, or passes
// it on.
func (s *sniffer) TimedOut() {
	s.l.stats.ConnectionUnknown++
	if s.l.TCP != nil {
		(*downConn)(s).passOn()
		return
	}
	s.opening = unrecognised
}

// Drain ends the connection.
func (s *sniffer) Drain() { s.opening = unrecognised }

// Pressure does nothing: nothing is sent.
func (s *sniffer) Pressure(bool) {}

// Close does nothing: there is no stream.
func (s *sniffer) Close(stream.Reset) {}
