package health

import (
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/weirproxy/weir/pkg/config"
)

func unhex(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// beat is a protocol's heartbeat as a host sees it, and answers to it, in hex. In the
// place of the id are dots.
type beat struct {
	protocol string
	request  string
	good     string
	bad      string // the host is not well
}

func beats() []beat {
	return []beat{
		{"bolt", "01 01 0000 01 ........ 01 ffffffff 0000 0000 00000000", "01 00 0000 01 ........ 01 0000 0000 0000 00000000",
			"01 00 0000 01 ........ 01 0001 0000 0000 00000000"},
		{"dubbo", "dabb e2 00 ................ 00000001 4e", "dabb 22 14 ................ 00000001 4e",
			"dabb 22 50 ................ 00000001 4e"},
	}
}

// beating is a host that answers each heartbeat: with what answer says for the
// connection and the heartbeat, counted from 1.
func (b *beat) beating(t *testing.T, answer func(conn, n int) string) func(net.Conn, int) {
	request := strings.ReplaceAll(b.request, " ", "")
	from := strings.Index(request, ".") / 2
	to := strings.LastIndex(request, ".")/2 + 1
	return func(c net.Conn, conn int) {
		for n := 1; ; n++ {
			got := make([]byte, len(request)/2)
			if _, err := io.ReadFull(c, got); err != nil {
				return
			}
			id := hex.EncodeToString(got[from:to])
			if b.with(b.request, id) != string(got) {
				t.Errorf("the heartbeat is %x", got)
			}
			io.WriteString(c, b.with(answer(conn, n), id))
		}
	}
}

// with returns a frame with an id.
func (b *beat) with(frame, id string) string {
	return unhex(strings.ReplaceAll(strings.ReplaceAll(frame, " ", ""), strings.Repeat(".", len(id)), id))
}

func TestHeartbeats(t *testing.T) {
	for _, b := range beats() {
		for _, tt := range []struct {
			name   string
			answer func(conn, n int) string
			reason string
			kept   bool
		}{
			{"well", func(int, int) string { return b.good }, "", true},
			{"not well", func(int, int) string { return b.bad }, "the host answers that it is not well", true},
			{"silence", func(int, int) string { return "" }, "no answer within 1s", false},
			{"half an answer", func(int, int) string { return b.good[:8] }, "no answer within 1s", false},
			{"the answer to another", func(int, int) string { return strings.ReplaceAll(b.good, "..", "77") }, "no answer within 1s", false},
		} {
			t.Run(b.protocol+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &hosts{handler: b.beating(t, tt.answer)}
					reason, kept := once(t, newCheck(t, b.protocol, nil), h)
					if reason != tt.reason || kept != tt.kept {
						t.Errorf("%q, kept: %v, want %q, %v", reason, kept, tt.reason, tt.kept)
					}
				})
			})
		}
	}
}

// TestHostsOwnHeartbeat: a host may ask before it answers, and is answered.
func TestHostsOwnHeartbeat(t *testing.T) {
	for _, b := range beats() {
		synctest.Test(t, func(t *testing.T) {
			h := &hosts{handler: func(c net.Conn, _ int) {
				read := func(n int) string {
					got := make([]byte, n)
					io.ReadFull(c, got)
					return string(got)
				}
				id := strings.Repeat("77", strings.Count(b.request, ".")/2)
				request := strings.ReplaceAll(b.request, " ", "")
				got := read(len(request) / 2)
				at := strings.Index(request, ".") / 2
				io.WriteString(c, b.with(b.request, id))
				answer := b.with(b.good, id)
				if got := read(len(answer)); got != answer {
					t.Errorf("%s: the host's heartbeat is answered %x", b.protocol, got)
				}
				io.WriteString(c, b.with(b.good, hex.EncodeToString([]byte(got[at:at+len(id)/2]))))
				io.Copy(io.Discard, c)
			}}
			if reason, kept := once(t, newCheck(t, b.protocol, nil), h); reason != "" || !kept {
				t.Errorf("%s: %q, kept: %v", b.protocol, reason, kept)
			}
		})
	}
}

// TestAnyProtocol: every protocol that has heartbeats can be checked by them, under
// any of its names, and no other.
func TestAnyProtocol(t *testing.T) {
	newCheck(t, "plain", nil)
	newCheck(t, "boltv2", nil)
	for name, want := range map[string]string{
		"mute": "the protocol mute has no heartbeats", "Http1": "", "none": `there is no protocol "none"`,
	} {
		c := config.Default[config.HealthCheck]()
		c.Protocol = name
		c.Config.HTTP = &config.HTTPCheck{}
		if _, err := NewCheck(&c, 0, registry()); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
