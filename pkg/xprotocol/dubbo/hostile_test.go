package dubbo_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// check parses a body that may be anything behind the header of a frame: it must
// go on as it came.
func check(t *testing.T, header, body []byte) *stream.Head {
	t.Helper()
	b := join(9, header[:16], body, nil)
	h := &stream.Head{}
	h.Clear()
	span, err := dubbo.New().Parse(b, h)
	if err != nil || int(span.Off) < 16 || span.End() > len(b) {
		t.Fatalf("%x: content %+v, %v", b, span, err)
	}
	h.KeepFrame("dubbo", b, span)
	head, tail := h.Frame()
	if got := join(9, head, b[span.Off:span.End()], tail); !bytes.Equal(got, b) {
		t.Fatalf("%x became %x", b, got)
	}
	return h
}

// TestTruncations: a body that breaks off anywhere costs no connection.
func TestTruncations(t *testing.T) {
	for _, f := range frames(t) {
		body := f.bytes[16:]
		step := 1 + len(body)/2000
		for n := 0; n < len(body); n += step {
			h := check(t, f.bytes, body[:n])
			if _, tail := h.Frame(); len(tail) > 0 {
				t.Fatalf("%s: attachments in %d of %d bytes", f.name, n, len(body))
			}
			if h.Len() > 0 || h.RPC.Timeout != 0 || h.RPC.Group.Len > 0 {
				t.Fatalf("%s: fields without attachments in %d of %d bytes", f.name, n, len(body))
			}
		}
		h := check(t, f.bytes, append(bytes.Clone(body), 'N'))
		if _, tail := h.Frame(); len(tail) > 0 && len(body) > 0 {
			t.Errorf("%s: attachments before a byte too many", f.name)
		}
	}
}

func TestMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range frames(t) {
		if len(f.bytes) == 16 || len(f.bytes) > 20000 {
			continue
		}
		for range 300 {
			body := bytes.Clone(f.bytes[16:])
			for range 1 + random.IntN(4) {
				body[random.IntN(len(body))] = byte(random.Uint32())
			}
			h := check(t, f.bytes, body)
			h.Add("new", "1")
			h.SetAttribute(stream.Method, []byte("other"))
			out, tail, err := dubbo.New().Append(nil, h)
			if err == nil && (tail > len(out)-16 || tail == 0) {
				t.Fatalf("%s: tail of %d in %d bytes", f.name, tail, len(out))
			}
		}
	}
}

// TestBombs: lengths and numbers that promise more than there is cost neither
// memory nor time.
func TestBombs(t *testing.T) {
	const front = "05322e302e32 0161 0131 016d "
	arg := front + "12 4c6a6176612f6c616e672f4f626a6563743b " // one Object
	tests := []struct {
		name, body string
		strings    bool // whether they are understood
	}{
		{"string of 65535 units", front + "53ffff", false},
		{"string of no last piece", strings.Repeat("520000", 1000), false},
		{"class of 2^31-1 fields", arg + "43 0161 497fffffff", true},
		{"class of -1 fields", arg + "43 0161 8f", true},
		{"class of 4097 fields", arg + "43 0161 d41001", true},
		{"classes of classes", arg + strings.Repeat("43 0161 90", 300) + "60 4e", true},
		{"object of no class", arg + "60 4e", true},
		{"object of class -1", arg + "4f 8f 4e", true},
		{"list of 2^31-1", arg + "58 497fffffff", true},
		{"list of -1", arg + "58 49ffffffff", true},
		{"typed list of 2^31-1", arg + "56 90 497fffffff", true},
		{"lists in lists", arg + strings.Repeat("57", 5000), true},
		{"maps in maps", arg + strings.Repeat("48", 5000), true},
		{"lists of one in lists", arg + strings.Repeat("79", 5000) + "4e 4e", true},
		{"binary without end", arg + strings.Repeat("410000", 5000), true},
		{"map without end", front + "00 48" + strings.Repeat("00 00", 5000), true},
		{"map of too many", front + "00 48" + strings.Repeat("00 00", 1025) + "5a", true},
		{"map without a value", front + "00 48 0161 5a", true},
		{"map of another kind", front + "00 57 5a", true},
		{"type of no class file", front + "015b 4e 4e", true},
		{"type without an end", front + "054c6a617661 4e 4e", true},
		{"unknown type", front + "0158 4e 4e", true},
		{"reserved marks", arg + "40 45 47 50 4e", true},
		{"an integer for the path", "05322e302e32 90 0131 016d 00 4e", false},
		{"nothing", "", false},
	}
	header := unhex(t, "dabbc200000000000000000000000000")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := check(t, header, unhex(t, tt.body))
			_, tail := h.Frame()
			if _, ok := h.Attribute(stream.Service); ok != tt.strings || len(tail) > 0 || h.Len() > 0 || !h.RPC.Unread {
				t.Errorf("service %s, %d fields, tail %x", h.Path(), h.Len(), tail)
			}
		})
	}
}

// TestJSONBBombs is TestBombs for attachments of fastjson2.
func TestJSONBBombs(t *testing.T) {
	const front = "00000006 4e322e302e32 00000002 4a61 00000002 4a31 00000002 4a6d 00000001 49 "
	header := unhex(t, "dabbd700000000000000000000000000")
	for _, tail := range []string{
		"", "7fffffff", "ffffffff af", "00000000", "00000002 af", "00000001 a6", "00000001 94", "00000002 afaf", "00000003 a6a5 a5",
		"00000004 a6 4a61 a5", "00000006 a6 797fffffff", "00000007 a6 79 48ffffffff a5", "00000007 a6 79 487fffffff a5",
		"00000008 a6 49 a4487fffffff a5", "00000004 a6 49 7f a5", "00000005 a6 49 92 00 a5", "00000004 a6 49 9f a5",
		"00000008 a6 49 9148ffffffff", "00000003 92 00 a6", "00000004 a649 93a5",
	} {
		h := check(t, header, unhex(t, front+tail))
		if _, kept := h.Frame(); len(kept) > 0 || h.Len() > 0 || string(h.Path()) != "/a/m" {
			t.Errorf("%s: tail %x, %d fields, path %s", tail, kept, h.Len(), h.Path())
		}
	}
	deep := unhex(t, front+"00001389 a6 49"+strings.Repeat("95", 5000-2)+"afa5")
	if h := check(t, header, deep); h.Len() > 0 {
		t.Errorf("%d fields of arrays in arrays", h.Len())
	}
}

// TestBudget: the largest body that a connection takes is not read to its end if it
// is of the smallest values, and is if it is of large ones.
func TestBudget(t *testing.T) {
	front := unhex(t, "05322e302e32 0161 0131 016d 12 4c6a6176612f6c616e672f4f626a6563743b")
	end := unhex(t, "48 0567726f7570 04626c7565 5a")
	header := unhex(t, "dabbc200000000000000000000000000")

	many := append(bytes.Clone(front), 0x57)
	many = append(many, bytes.Repeat([]byte{0x90}, 8<<20-len(front)-len(end)-2)...)
	many = append(append(many, 'Z'), end...)
	h := check(t, header, many)
	if string(h.Path()) != "/a/m" || h.RPC.Group.Len > 0 || !h.RPC.Unread {
		t.Errorf("path %s, group %+v", h.Path(), h.RPC.Group)
	}

	large := append(bytes.Clone(front), 0x57)
	for range 120 {
		large = append(append(large, 'S', 0xff, 0xff), bytes.Repeat([]byte("x"), 0xffff)...)
	}
	large = append(append(large, 'Z'), end...)
	h = check(t, header, large)
	if group, _ := h.Attribute(stream.Group); string(group) != "blue" || h.RPC.Unread {
		t.Errorf("group %q behind %d bytes of text", group, len(large))
	}
}

// TestUnread: of which requests something may be missing that stands in them.
func TestUnread(t *testing.T) {
	const front = "05322e302e32 0161 0131 016d "
	for body, want := range map[string]bool{
		front + "00 48 0567726f7570 04626c7565 5a": false, // a group
		front + "00 4e":            false, // null
		front + "00 48 5a":         false,
		front + "00":               false, // none
		front + "0149 91":          false,
		front + "0149 91 48 5a 00": true, // something behind them
		front + "0149":             true, // an argument that is not there
		front + "00 48 0161 0162":  true, // no end
		front + "00 " + strings.Repeat("57", 200) + strings.Repeat("5a", 200): true,
		front: true,
		"":    true,
	} {
		for _, flags := range []string{"c2", "82"} {
			h := check(t, unhex(t, "dabb"+flags+"00 0000000000000000 00000000"), unhex(t, body))
			if h.RPC.Unread != want {
				t.Errorf("%s: unread %v", body, h.RPC.Unread)
			}
		}
	}
	for serialization := range 32 {
		b := append([]byte{0xda, 0xbb, 0xc0 | byte(serialization)}, make([]byte, 13)...)
		h := check(t, b, unhex(t, "05322e302e32 0161 0131 016d 00 4e"))
		if !h.RPC.Unread && serialization != 2 {
			t.Errorf("serialization %d is read", serialization)
		}
	}
}

// TestCharactersOfFourBytes: some peers write UTF-8, and count its characters or
// UTF-16's units.
func TestCharactersOfFourBytes(t *testing.T) {
	header := unhex(t, "dabbc200000000000000000000000000")
	for name, length := range map[string]string{"units": "03", "characters": "02"} {
		body := unhex(t, "05322e302e32 0161 0131 016d 12 4c6a6176612f6c616e672f537472696e673b "+length+"f09f988062 48 0161"+length+"f09f988062 5a")
		h, content := parse(t, join(9, header, body, nil))
		if v, ok := h.Header.Get("a"); !ok || string(v) != "\U0001f600b" {
			t.Errorf("%s: %q", name, v)
		}
		same(t, name, encode(t, h, content), join(9, header, body, nil))
		h.Add("c", "d")
		want := append(body[:len(body)-1:len(body)-1], 1, 'c', 1, 'd', 'Z')
		same(t, name+" and a field", encode(t, h, content), join(9, header, want, nil))
		h.Header.Set("a", "\U0001f600")
		want = bytes.Replace(want, unhex(t, "0161"+length+"f09f988062"), unhex(t, "0161 02 eda0bdedb880"), 1)
		same(t, name+" replaced", encode(t, h, content), join(9, header, want, nil))
	}
	// In the strings that a request begins with.
	for name, length := range map[string]string{"units": "03", "characters": "02"} {
		body := unhex(t, "05322e302e32 "+length+"f09f988062 0131 016d 00 4e")
		h, content := parse(t, join(9, header, body, nil))
		if string(h.Path()) != "/\U0001f600b/m" {
			t.Errorf("%s: path %s", name, h.Path())
		}
		h.SetAttribute(stream.Method, []byte("n"))
		want := bytes.Replace(body, unhex(t, "016d"), unhex(t, "016e"), 1)
		same(t, name+" in the path", encode(t, h, content), join(9, header, want, nil))
	}
}
