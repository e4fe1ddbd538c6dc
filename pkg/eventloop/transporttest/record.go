package transporttest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// Everything on the wire is a record: a kind, a length of two bytes, and that many bytes
// that are masked. The client's hello has a challenge, the server's name, and the
// protocols that it offers; the answer has the signed challenge, the protocol that was
// chosen, and who the server is. Data is masked by the challenge, and so cannot be
// read, or mistaken for something else, before the handshake.
//
//	client: hello ->                    data ... end
//	server:          <- answer, or alert  data ... end
const (
	kindHello byte = 0xc1 + iota
	kindAnswer
	kindAlert
	kindData
	kindEnd

	headSize   = 3
	largest    = 10_000 // bytes in a record
	challenge  = 8
	signature  = 0x33 // that each byte of a challenge is changed by
	helloMask  = 0x5a
	firstBytes = headSize
)

// Errors of the toy.
var (
	ErrBadRecord    = errors.New("transporttest: a record of the wrong kind")
	ErrBadSignature = errors.New("transporttest: the challenge is signed wrongly")
	ErrNoProtocol   = errors.New("transporttest: no protocol in common")
	// ErrAlert: the other side refused the handshake.
	ErrAlert = errors.New("transporttest: the other side sent an alert")
)

// Config is what a side wants.
type Config struct {
	Client     bool
	ServerName string   // that the client asks for
	Protocols  []string // that it offers, or knows
	Name       string   // who the server is
	// Sign computes the answer to a challenge, on a goroutine of its own; nil signs
	// it. done is closed when the connection is gone.
	Sign func(challenge []byte, done <-chan struct{}) ([]byte, error)
}

// Peer is the identity that a server has.
type Peer string

// String returns the name.
func (p Peer) String() string { return string(p) }

// Sign signs a challenge as it is to be.
func Sign(challenge []byte, _ <-chan struct{}) ([]byte, error) {
	signed := slices.Clone(challenge)
	for i := range signed {
		signed[i] ^= signature
	}
	return signed, nil
}

// Detect reports whether first bytes are a client's of the toy: 1 yes, 0 there are too
// few, -1 no.
func Detect(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] != kindHello:
		return -1
	case len(b) < firstBytes:
		return 0
	}
	return 1
}

func appendRecord(dst []byte, kind, mask byte, b []byte) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	for _, x := range b {
		dst = append(dst, x^mask)
	}
	return dst
}

// parseRecord takes a record from the front of b; n is 0 if it is not whole.
func parseRecord(b []byte, mask byte) (kind byte, content []byte, n int) {
	if len(b) < headSize {
		return 0, nil, 0
	}
	n = headSize + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < n {
		return 0, nil, 0
	}
	content = slices.Clone(b[headSize:n])
	for i := range content {
		content[i] ^= mask
	}
	return b[0], content, n
}

// state is what both ways to use the toy have in common.
type state struct {
	cfg       *Config
	challenge []byte
	mask      byte // of data
	session   eventloop.Session
}

// hello returns the client's first record.
func (s *state) hello() []byte {
	s.challenge = binary.BigEndian.AppendUint64(nil, rand.Uint64()) // nothing is secret here
	s.mask = s.challenge[0]
	content := string(s.challenge) + s.cfg.ServerName + "|" + strings.Join(s.cfg.Protocols, ",")
	return appendRecord(nil, kindHello, helloMask, []byte(content))
}

// takeHello is the server's side of it.
func (s *state) takeHello(kind byte, content []byte) error {
	if kind != kindHello || len(content) < challenge {
		return ErrBadRecord
	}
	s.challenge = content[:challenge]
	s.mask = s.challenge[0]
	name, offered, _ := strings.Cut(string(content[challenge:]), "|")
	s.session.ServerName = name
	if offered == "" || s.cfg.Protocols == nil {
		return nil
	}
	for _, p := range strings.Split(offered, ",") {
		if slices.Contains(s.cfg.Protocols, p) {
			s.session.Protocol = p
			return nil
		}
	}
	return ErrNoProtocol
}

func (s *state) sign(done <-chan struct{}) ([]byte, error) {
	if s.cfg.Sign == nil {
		return Sign(s.challenge, done)
	}
	return s.cfg.Sign(s.challenge, done)
}

// answer returns the server's record.
func (s *state) answer(signed []byte) []byte {
	return appendRecord(nil, kindAnswer, helloMask, fmt.Appendf(signed, "%s|%s", s.session.Protocol, s.cfg.Name))
}

func alert() []byte { return appendRecord(nil, kindAlert, helloMask, nil) }

// takeAnswer is the client's side of it.
func (s *state) takeAnswer(kind byte, content []byte) error {
	switch {
	case kind == kindAlert:
		return ErrAlert
	case kind != kindAnswer || len(content) < challenge:
		return ErrBadRecord
	}
	if want, _ := Sign(s.challenge, nil); string(want) != string(content[:challenge]) {
		return ErrBadSignature
	}
	protocol, name, _ := strings.Cut(string(content[challenge:]), "|")
	s.session = eventloop.Session{Protocol: protocol, ServerName: s.cfg.ServerName, Peer: Peer(name)}
	return nil
}

// takeData returns the content of a record after the handshake, and whether it was the
// last.
func takeData(kind byte, content []byte) (data []byte, end bool, err error) {
	switch kind {
	case kindData:
		return content, false, nil
	case kindEnd:
		return nil, true, nil
	}
	return nil, false, ErrBadRecord
}
