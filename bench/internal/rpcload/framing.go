package rpcload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// Protocol is an RPC protocol that can be driven and served.
type Protocol struct {
	// Name is how weir's configuration spells it.
	Name    string
	framing framing
}

// Bolt is version 1 of SofaRPC's protocol.
func Bolt() Protocol { return Protocol{"bolt", bolt{version: 1}} }

// BoltV2 is version 2 of SofaRPC's protocol, with checksums.
func BoltV2() Protocol { return Protocol{"boltv2", bolt{version: 2}} }

// Dubbo is version 2 of Dubbo's protocol, with Hessian 2.
func Dubbo() Protocol { return Protocol{"dubbo", dubbo{}} }

// ByName returns the protocol of a name.
func ByName(name string) (Protocol, error) {
	var names []string
	for _, p := range []Protocol{Bolt(), BoltV2(), Dubbo()} {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Protocol{}, fmt.Errorf("no protocol %q, but %s", name, strings.Join(names, ", "))
}

// framing is how a protocol's frames look: to both sides (length), to a client (call, heartbeat, read) and to a server (echo). It
// keeps nothing, and what it is given and returns is lent until the next call.
type framing interface {
	// length is the length of the frame that b begins with, and 0 if b is too short to tell.
	length(b []byte) (int, error)
	// call is a request to a service.
	call(service string, body []byte) form
	// heartbeat asks whether the peer is alive.
	heartbeat() form
	// read takes apart a frame that a client got.
	read(frame []byte) (answer, error)
	// echo appends the answer to a frame that a server got, if there is to be one.
	echo(dst, frame []byte) ([]byte, error)
}

// answer is what a client is told.
type answer struct {
	id   uint64
	kind kind
	body []byte // of a good one
}

type kind uint8

const (
	good kind = iota
	failed
	alive // answers a heartbeat
)

// form is a frame that is sent many times, with another id each time.
type form struct {
	frame  []byte
	id     span
	body   int  // where a request's body begins
	sealed bool // the last four bytes are a checksum of all others
}

// span is a field of a frame.
type span struct{ at, size int }

// append appends the frame with an id, and with a tag at the begin of its body if it has one.
func (f *form) append(dst []byte, id uint64, t tag) []byte {
	from := len(dst)
	dst = append(dst, f.frame...)
	frame := dst[from:]
	if field := frame[f.id.at:]; f.id.size == 4 {
		binary.BigEndian.PutUint32(field, uint32(id))
	} else {
		binary.BigEndian.PutUint64(field, id)
	}
	if f.body > 0 {
		t.put(frame[f.body:])
	}
	if f.sealed {
		seal(frame)
	}
	return dst
}

const sealSize = 4

// seal puts the checksum of a frame into its last bytes.
func seal(frame []byte) {
	end := len(frame) - sealSize
	binary.BigEndian.PutUint32(frame[end:], crc32.ChecksumIEEE(frame[:end]))
}

func sealedWell(frame []byte) bool {
	end := len(frame) - sealSize
	return end >= 0 && binary.BigEndian.Uint32(frame[end:]) == crc32.ChecksumIEEE(frame[:end])
}

// bodySize is the length of every body: of bytes in bolt, of letters in dubbo.
const bodySize = 128

// tag tells the body of a request from all others: it is the number of its caller, and its number with this caller.
type tag struct{ caller, call uint32 }

const tagSize = 16

// put writes the tag as letters over the begin of a body.
func (t tag) put(body []byte) {
	const digits = "0123456789abcdef"
	n := uint64(t.caller)<<32 | uint64(t.call)
	for i := range tagSize {
		body[i] = digits[n>>60]
		n <<= 4
	}
}

// newBody is a body that waits for its tag.
func newBody() []byte {
	return []byte(strings.Repeat("abcdefghijklmnopqrstuvwxyz", bodySize/26+1)[:bodySize])
}

var (
	errFrame    = errors.New("not a frame that was asked for")
	errChecksum = errors.New("wrong checksum")
)
