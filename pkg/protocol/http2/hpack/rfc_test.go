package hpack

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// list keeps the fields of a block, as text.
type list struct {
	fields []string
	most   int // 0: any number
}

func (l *list) Field(f Field) bool {
	l.fields = append(l.fields, line(f))
	return l.most == 0 || len(l.fields) < l.most
}

func line(f Field) string {
	s := fmt.Sprintf("%s: %s", f.Name, f.Value)
	if f.Sensitive {
		s += " (sensitive)"
	}
	return s
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entries is the content of a dynamic table, newest entry first.
func entries(d *table) []string {
	var all []string
	for i := range d.n {
		e := d.at(i)
		all = append(all, fmt.Sprintf("%s: %s", d.name(e), d.value(e)))
	}
	return all
}

// An rfcBlock is one of the blocks in RFC 7541, appendix C, with the fields that
// it stands for and the table afterwards.
type rfcBlock struct {
	block  string
	fields []string
	table  []string
	size   uint32
}

var rfcExamples = []struct {
	name   string
	max    uint32
	blocks []rfcBlock
}{
	{"C.2.1 literal with indexing", 4096, []rfcBlock{{
		"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
		[]string{"custom-key: custom-header"}, []string{"custom-key: custom-header"}, 55,
	}}},
	{"C.2.2 literal without indexing", 4096, []rfcBlock{{
		"040c 2f73 616d 706c 652f 7061 7468", []string{":path: /sample/path"}, nil, 0,
	}}},
	{"C.2.3 literal never indexed", 4096, []rfcBlock{{
		"1008 7061 7373 776f 7264 0673 6563 7265 74", []string{"password: secret (sensitive)"}, nil, 0,
	}}},
	{"C.2.4 indexed", 4096, []rfcBlock{{"82", []string{":method: GET"}, nil, 0}}},
	{"C.3 requests", 4096, rfcRequests(
		"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
		"8286 84be 5808 6e6f 2d63 6163 6865",
		"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
	)},
	{"C.4 requests, Huffman", 4096, rfcRequests(
		"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
		"8286 84be 5886 a8eb 1064 9cbf",
		"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
	)},
	{"C.5 responses with eviction", 256, rfcResponses(
		"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
		"4803 3330 37c1 c0bf",
		"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
	)},
	{"C.6 responses with eviction, Huffman", 256, rfcResponses(
		"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
		"4883 640e ffc1 c0bf",
		"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
	)},
}

// rfcRequests is the content of C.3 and C.4.
func rfcRequests(first, second, third string) []rfcBlock {
	const authority = ":authority: www.example.com"
	return []rfcBlock{
		{first, []string{":method: GET", ":scheme: http", ":path: /", authority}, []string{authority}, 57},
		{
			second, []string{":method: GET", ":scheme: http", ":path: /", authority, "cache-control: no-cache"},
			[]string{"cache-control: no-cache", authority}, 110,
		},
		{
			third, []string{":method: GET", ":scheme: https", ":path: /index.html", authority, "custom-key: custom-value"},
			[]string{"custom-key: custom-value", "cache-control: no-cache", authority}, 164,
		},
	}
}

// rfcResponses is the content of C.5 and C.6.
func rfcResponses(first, second, third string) []rfcBlock {
	const (
		date21   = "date: Mon, 21 Oct 2013 20:13:21 GMT"
		date22   = "date: Mon, 21 Oct 2013 20:13:22 GMT"
		location = "location: https://www.example.com"
		control  = "cache-control: private"
		cookie   = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
	)
	return []rfcBlock{
		{first, []string{":status: 302", control, date21, location}, []string{location, date21, control, ":status: 302"}, 222},
		{second, []string{":status: 307", control, date21, location}, []string{":status: 307", location, date21, control}, 222},
		{
			third, []string{":status: 200", control, date22, location, "content-encoding: gzip", cookie},
			[]string{cookie, "content-encoding: gzip", date22}, 215,
		},
	}
}

func TestDecodeRFC(t *testing.T) {
	for _, c := range rfcExamples {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(4096)
			d.dynamic.setMax(c.max)
			for i, b := range c.blocks {
				var got list
				if err := d.Decode(unhex(t, b.block), &got); err != nil {
					t.Fatalf("block %d: %v", i+1, err)
				}
				if diff := cmp.Diff(b.fields, got.fields); diff != "" {
					t.Errorf("block %d: fields (-want +got):\n%s", i+1, diff)
				}
				if diff := cmp.Diff(b.table, entries(&d.dynamic)); diff != "" {
					t.Errorf("block %d: table (-want +got):\n%s", i+1, diff)
				}
				if d.dynamic.size != b.size {
					t.Errorf("block %d: table of %d bytes, want %d", i+1, d.dynamic.size, b.size)
				}
			}
		})
	}
}

// The encoder makes the very blocks of the examples that use Huffman's code, but
// for one that uses it where it saves nothing.
func TestEncodeRFC(t *testing.T) {
	plain307 := strings.NewReplacer("4883 640e ff", "4803 3330 37")
	for _, c := range rfcExamples {
		if !strings.Contains(c.name, "Huffman") {
			continue
		}
		e := NewEncoder()
		e.dynamic.setMax(c.max)
		for i, b := range c.blocks {
			dst := e.Begin(nil)
			for _, f := range b.fields {
				cut := strings.Index(f[1:], ": ") + 1
				dst = e.Append(dst, []byte(f[:cut]), []byte(f[cut+2:]), Index)
			}
			if diff := cmp.Diff(unhex(t, plain307.Replace(b.block)), dst); diff != "" {
				t.Errorf("%s, block %d (-want +got):\n%s", c.name, i+1, diff)
			}
			if diff := cmp.Diff(b.table, entries(&e.dynamic)); diff != "" {
				t.Errorf("%s, block %d: table (-want +got):\n%s", c.name, i+1, diff)
			}
		}
	}
}
