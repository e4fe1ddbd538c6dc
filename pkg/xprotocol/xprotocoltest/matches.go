package xprotocoltest

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// beginnings are what clients of other protocols begin with.
var beginnings = []struct{ name, bytes string }{
	{"HTTP/1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"HTTP/1", "POST /service HTTP/1.1\r\n\r\n"},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03ZZZZZZZZZZZZZ"},
	{"PROXY protocol", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"},
	{"PROXY protocol", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02"},
	{"bolt 1", "\x01\x01\x00\x01\x01\x00\x00\x00\x02\x01\x00\x00\x0b\xb8\x00\x2c\x00\x2e\x00\x00\x00\xf9co"},
	{"bolt 2", "\x02\x01\x01\x00\x01\x00\x00\x01\x00\x00\x00\x08\x01\x00\x00\x00\x0b\xb8\x00\x00\x00\x00\x00\x00"},
	{"Dubbo", "\xda\xbb\xc2\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01\x13\x052.0.2"},
	{"TR", "\x0d\x00\x04\x02\x00\x00\x00\x00\x81\x2c\x00\x00\x01\xdb\x4f\xbacom.taob"},
	{"Motan 2", "\xf1\xf1\x00\x08\x00\x18\x2c\xdf\xb0\x7e\x50\x00\x60\x00\x00\x00\x10\x4d\x5f\x70\x0a\x61\x2e\x42"},
	{"Thrift", "\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"},
	{"framed Thrift", "\x00\x00\x00\x11\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00\x00\x00"},
	{"Tars", "\x00\x00\x00\x5e\x10\x01\x2c\x3c\x40\x01\x56\x12TestApp.Hell"},
	{"bRPC", "PRPC\x00\x00\x00\x1e\x00\x00\x00\x0f\x0a\x0d\x0a\x04Echo\x12\x05he"},
	{"Redis", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI"},
	{"zeros", string(make([]byte, protocol.MaxSignature))},
	{"ones", string(bytes.Repeat([]byte{0xff}, protocol.MaxSignature))},
	{"text", "EHLO mail.example.com\r\n\r\n"},
}

// matched holds Match against what clients begin with: the protocol's own, and others.
func matched(k *kit) {
	if k.spec.Match == nil {
		return
	}
	k.each(k.of(stream.KindRequest, stream.KindOneWay, stream.KindHeartbeat), k.recognised)
	for _, b := range beginnings {
		if !k.begins(b.bytes) {
			k.try("what clients of "+b.name+" begin with", func() { k.refused(b.name, []byte(b.bytes)) })
		}
	}
	for c := range 256 {
		if k.spec.Match([]byte{byte(c)}) == protocol.No {
			return
		}
	}
	k.Errorf("there is no first byte that is not taken: connections of other protocols would wait until the time to tell is over")
}

// recognised checks that a frame is told from its first bytes.
func (k *kit) recognised(f *Frame) {
	was, decided := bytes.Clone(f.Bytes), false
	for n := 1; n <= len(f.Bytes); n++ {
		k.prefix = n
		v := k.spec.Match(f.Bytes[:n:n])
		if v == protocol.No || decided && v != protocol.Yes || v == protocol.More && n >= protocol.MaxSignature {
			k.Errorf("%s: after %d bytes, the verdict is %v", f.Name, n, v)
			break
		}
		decided = v == protocol.Yes
	}
	if !decided {
		k.Errorf("%s: the protocol is not recognised", f.Name)
	}
	k.untouched(f.Name, "Match", f.Bytes, was)
}

// begins reports whether the codec is one of the protocol that begins so: then one
// of the frames does, by its first three bytes.
func (k *kit) begins(b string) bool {
	for _, f := range k.frames {
		if len(f.Bytes) >= 3 && b[:3] == string(f.Bytes[:3]) && k.spec.Match([]byte(b)) == protocol.Yes {
			if n, err := k.spec.Codec.Length([]byte(b)); err == nil && n >= 0 {
				return true
			}
		}
	}
	return false
}

// refused checks that the first bytes of another protocol are not taken.
func (k *kit) refused(name string, b []byte) {
	for n := 1; n <= min(len(b), protocol.MaxSignature); n++ {
		k.prefix = n
		switch k.spec.Match(b[:n:n]) {
		case protocol.No:
			return
		case protocol.Yes:
			k.Errorf("what clients of %s begin with is taken for the protocol, after %d bytes", name, n)
			return
		}
	}
	k.Errorf("what clients of %s begin with is not refused within %d bytes", name, protocol.MaxSignature)
}

// untouched checks that bytes that are only lent were not written to.
func (k *kit) untouched(name, method string, b, was []byte) {
	k.Helper()
	if !bytes.Equal(b, was) {
		k.Errorf("%s: %s changes bytes that are only lent", name, method)
		copy(b, was)
	}
}
