package http2

import (
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// looked has a server look at a time for responses that nobody has come any further with
// for 1000, where the client took something last at moved, and has taken what was sent
// until then. It returns what is written.
func (s *server) looked(now, moved, until int64) string {
	s.tb.Helper()
	s.now = now
	s.conn.ResetStalled(now-1000, stream.Taken{Moved: moved, Until: until})
	return s.written()
}

// waiting is a server whose client wants one byte of each of n responses of three.
func waiting(t *testing.T, n int) *server {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1})
	for i := range n {
		s.client.get(uint32(2*i + 1))
	}
	s.exchange()
	s.now = 1000
	for _, r := range s.streams {
		s.response(r.sender, 200, "xyz")
	}
	s.sent()
	return s
}

// Responses that nobody takes are given up once nothing of them has left for long
// enough, and not before.
func TestResetStalled(t *testing.T) {
	s := waiting(t, 2)
	s.client.get(5)
	s.exchange()
	expect(t, "at once", s.looked(1100, 1100, 1100), "")
	expect(t, "nearly in time", s.looked(2099, 1100, 2099), "")
	s.client.window(3, 1)
	expect(t, "taken", s.exchange(), lines(`3 DATA "y"`))
	expect(t, "the first", s.looked(2100, 2100, 2099), lines("1 RST CANCEL"))
	expect(t, "waits", s.conn.Stalled(), true)
	expect(t, "before it is known to have been taken", s.looked(3050, 3050, 2099), "")
	expect(t, "nearly", s.looked(4099, 4099, 3000), "")
	expect(t, "not yet: it was taken a little before", s.looked(5000, 5000, 5000), "")
	expect(t, "the second", s.looked(5100, 5100, 5100), lines("3 RST CANCEL"))
	expect(t, "waits", s.conn.Stalled(), false)
	expect(t, "phase", s.conn.Phase(), stream.Busy) // the third waits for its response
	s.close()
}

// A client that takes what the system has for it comes nearer to what waits behind
// that: it cannot open a window for what it has not got.
func TestASlowClientIsNotReaped(t *testing.T) {
	s := waiting(t, 1)
	for now := int64(2000); now < 20_000; now += 500 {
		expect(t, "while it takes something", s.looked(now, now, 500), "")
	}
	expect(t, "when it has taken all", s.looked(20_000, 20_000, 1500), "")
	expect(t, "it has the full time then", s.looked(20_999, 20_999, 1500), "")
	expect(t, "but no more, whatever it takes else", s.looked(21_000, 21_000, 20_500), lines("1 RST CANCEL"))
	s.close()
	s = waiting(t, 1)
	expect(t, "while it takes something", s.looked(9000, 8100, 500), "")
	expect(t, "when it takes nothing", s.looked(9100, 8100, 500), lines("1 RST CANCEL"))
	s.close()
}

// A response that waits for nothing but the connection goes on as that does.
func TestWaitingForTheConnection(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	s.now = 1000
	s.conn.Pressure(true)
	s.response(s.last().sender, 200, "xyz")
	s.sent()
	for now := int64(2000); now < 20_000; now += 500 {
		expect(t, "while it moves", s.looked(now, now-100, 1100), "")
	}
	expect(t, "no more", s.looked(20_500, 19_400, 1100), lines("1 RST CANCEL"))
	s.close()
}

// One that waits for the connection's window has its turn when others have had theirs;
// but that the client takes other frames is nothing to it.
func TestWaitingForTheConnectionsWindow(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 20}).get(1).get(3).get(5).get(7)
	s.exchange()
	s.now = 1000
	for _, r := range s.streams {
		s.response(r.sender, 200, text(60_000))
	}
	s.sent()
	for now := int64(1500); now < 10_000; now += 500 {
		s.now = now
		s.client.window(0, 1000)
		s.exchange()
		expect(t, "while others have their turn", s.looked(now+400, now+400, now+300), "")
	}
	expect(t, "nearly", s.looked(10_899, 10_899, 10_899), "")
	var got []string
	for now := int64(10_900); now < 12_000; now += 100 {
		got = append(got, s.looked(now, now, now))
	}
	for _, id := range []int{3, 5, 7} {
		if all := strings.Join(got, ""); strings.Count(all, fmt.Sprintf("%d RST CANCEL", id)) != 1 {
			t.Errorf("stream %d: %q", id, got)
		}
	}
	s.close()
}
