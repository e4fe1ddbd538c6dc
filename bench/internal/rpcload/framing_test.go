package rpcload

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func protocols() []Protocol { return []Protocol{Bolt(), BoltV2(), Dubbo()} }

func TestByName(t *testing.T) {
	for _, want := range protocols() {
		if got, err := ByName(want.Name); got != want || err != nil {
			t.Errorf("%s: %v, %v", want.Name, got, err)
		}
	}
	if got, err := ByName("tars"); err == nil || !strings.Contains(err.Error(), "bolt, boltv2, dubbo") {
		t.Errorf("tars: %v, %v", got, err)
	}
}

// Heartbeats and their answers as peers of other makes write them.
func TestFramesOfOthers(t *testing.T) {
	for _, tc := range []struct{ protocol, heartbeat, answer string }{
		{"bolt", "0101000001000000070100000bb80000000000000000", "0100000001000000070100000000000000000000"},
		{
			"boltv2", "02020100000100000008010100000bb80000000000000000d3ea5c58",
			"02020000000100000008010100000000000000000000e533f29c",
		},
		{"dubbo", "dabbe2000000000000000001000000014e", "dabb22140000000000000001000000014e"},
	} {
		p, err := ByName(tc.protocol)
		if err != nil {
			t.Fatal(err)
		}
		heartbeat, answer := unhex(t, tc.heartbeat), unhex(t, tc.answer)
		read, err := p.framing.read(answer)
		if err != nil || read.kind != alive {
			t.Errorf("%s: %+v, %v, want an answer to a heartbeat", tc.protocol, read, err)
		}
		f := p.framing.heartbeat()
		if got := f.append(nil, read.id, tag{}); !bytes.Equal(got, heartbeat) {
			t.Errorf("%s: heartbeat\n%x, want\n%x", tc.protocol, got, heartbeat)
		}
		if got, err := p.framing.echo(nil, heartbeat); err != nil || !bytes.Equal(got, answer) {
			t.Errorf("%s: answer\n%x, %v, want\n%x", tc.protocol, got, err, answer)
		}
	}
}

func TestErrorAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		p     Protocol
		frame string
		id    uint64
	}{
		"bolt status 6":      {Bolt(), "010000020100000007010006" + "0000000000000000", 7},
		"boltv2 no checksum": {BoltV2(), "0202000002010000000801000010" + "0000000000000000", 8},
		"boltv2 version 1":   {BoltV2(), "0201000002010000000801010010" + "0000000000000000", 8},
		"dubbo status 70":    {Dubbo(), "dabb024600000000000000010000000a" + "09737973206572726f72", 1},
	} {
		frame := unhex(t, tc.frame)
		if n, err := tc.p.framing.length(frame); n != len(frame) || err != nil {
			t.Errorf("%s: length %d, %v, want %d", name, n, err, len(frame))
			continue
		}
		if a, err := tc.p.framing.read(frame); a.kind != failed || a.id != tc.id || err != nil {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestEchoedBodies(t *testing.T) {
	for _, p := range protocols() {
		body := newBody()
		f := p.framing.call("com.test.Service", body)
		id := idsOf(p) | 77
		request := f.append(nil, id, tag{3, 77})
		if !bytes.Contains(request, []byte("com.test.Service")) || !bytes.Contains(request, []byte("000000030000004dqrst")) {
			t.Errorf("%s: request %q", p.Name, request)
		}
		lengthsAreKnown(t, p, request)
		response, err := p.framing.echo([]byte("before"), request)
		if err != nil {
			t.Fatal(err)
		}
		response = response[len("before"):]
		lengthsAreKnown(t, p, response)
		a, err := p.framing.read(response)
		if check := (checker{3, body}); err != nil || a.kind != good || a.id != id || !check.right(a.body, 77) || check.right(a.body, 78) {
			t.Errorf("%s: %+v, %v", p.Name, a, err)
		}
		if a, err := p.framing.read(request); !errors.Is(err, errFrame) {
			t.Errorf("%s: request taken for an answer: %+v, %v", p.Name, a, err)
		}
	}
}

// lengthsAreKnown checks that every prefix of a frame either is too short to tell or tells the right length.
func lengthsAreKnown(t *testing.T, p Protocol, frame []byte) {
	t.Helper()
	known := false
	for i := range frame {
		n, err := p.framing.length(frame[:i])
		if err != nil || n != len(frame) && (n != 0 || known) {
			t.Errorf("%s: length %d, %v from %d of %d bytes", p.Name, n, err, i, len(frame))
		}
		known = n > 0
	}
	if !known {
		t.Errorf("%s: length of %x not known", p.Name, frame)
	}
	if _, err := p.framing.length([]byte("HTTP")); !errors.Is(err, errFrame) {
		t.Errorf("%s: %v for HTTP", p.Name, err)
	}
}

func TestChecksums(t *testing.T) {
	f := BoltV2().framing.call("com.test.Service", newBody())
	request := f.append(nil, 1, tag{})
	response, err := BoltV2().framing.echo(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	for i := 12; i < len(response); i++ { // those before say what the frame is
		response[i] ^= 1
		if a, err := BoltV2().framing.read(response); !errors.Is(err, errChecksum) {
			t.Errorf("byte %d changed: %+v, %v", i, a, err)
		}
		response[i] ^= 1
	}
	request[7] ^= 1 // the id, as a proxy does that forgets the checksum
	if _, err := BoltV2().framing.echo(nil, request); !errors.Is(err, errChecksum) {
		t.Errorf("id changed: %v", err)
	}
}

func TestHessianStrings(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 255, 256, 1023} {
		s := strings.Repeat("x", n)
		b := appendString(nil, s)
		got, rest, err := cutString(append(b, "rest"...))
		if string(got) != s || string(rest) != "rest" || err != nil {
			t.Errorf("%d letters: %q, %q, %v", n, got, rest, err)
		}
		for i := range b {
			if got, _, err := cutString(b[:i:i]); err == nil {
				t.Errorf("%d of %d bytes: %q", i, len(b), got)
			}
		}
	}
	if got, rest, err := cutString([]byte("S\x00\x02abc")); string(got) != "ab" || string(rest) != "c" || err != nil {
		t.Errorf("%q, %q, %v", got, rest, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
