package e2e_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/pkg/server"
)

// beats are heartbeats with their answers, in hex, as sofa-bolt-node and Dubbo's
// Java send them. failure is the answer of a proxy that is not well; Dubbo has none.
var beats = []struct {
	name, request, answer, failure string
}{
	{"bolt 1", "0101000001000000070100000bb80000000000000000",
		"0100000001000000070100000000000000000000",
		"0100000001000000070100010000000000000000"},
	{"bolt 2 with a checksum", "02020100000100000008010100000bb80000000000000000d3ea5c58",
		"02020000000100000008010100000000000000000000e533f29c",
		sealed("02020000000100000008010100010000000000000000")},
	{"Dubbo", "dabbe2000000000000000001000000014e", "dabb22140000000000000001000000014e", ""},
}

// bytesOf is what hex says.
func bytesOf(hexadecimal string) string {
	b, err := hex.DecodeString(hexadecimal)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// sealed adds the checksum to a frame in hex.
func sealed(frame string) string {
	return fmt.Sprintf("%s%08x", frame, crc32.ChecksumIEEE([]byte(bytesOf(frame))))
}

// gets checks the next bytes, which are given in hex.
func (c *raw) gets(want string) {
	c.t.Helper()
	if got := hex.EncodeToString([]byte(c.bytes(len(want) / 2))); got != want {
		c.t.Errorf("got  %s\nwant %s", got, want)
	}
}

// boltFrame reads a frame of bolt without a class or a header, "" at the end.
func (c *raw) boltFrame() string {
	front := c.bytes(1)
	if front == "" {
		return ""
	}
	n := 22
	if front == "\x02" {
		front += c.bytes(1)
		n += 6
	}
	front += c.bytes(1)
	if front[len(front)-1] == 0 { // a response
		n -= 2
	}
	return front + c.bytes(n-len(front))
}

// shows answers the heartbeat of weir's own that comes first on a connection.
func (c *raw) shows() {
	beat := c.bytes(22)
	if beat == "" {
		return
	}
	answer := []byte(bytesOf(beats[0].answer))
	if beat[0] == 2 {
		beat += c.bytes(2)
		answer = []byte(bytesOf(beats[1].answer)[:22])
		answer[11] = 0 // it has no checksum
	}
	copy(boltID(answer), boltID([]byte(beat)))
	c.send(string(answer))
}

// boltID is where a frame of bolt has its id.
func boltID(frame []byte) []byte {
	at := 4 + int(frame[0])
	return frame[at : at+4]
}

// boltCall is a request of bolt's version 1 for a service, without a content.
func boltCall(id uint32, service string) string {
	header := "\x00\x00\x00\x18sofa_head_target_service\x00\x00\x00" + string(rune(len(service))) + service
	b := []byte("\x01\x01\x00\x01\x01")
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, "\x01\xff\xff\xff\xff\x00\x01"...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(header)))
	return string(append(b, "\x00\x00\x00\x00C"+header...))
}

// boltCallLen is the length of such a request.
func boltCallLen(service string) int { return len(boltCall(0, service)) }

// boltAnswer answers a request of bolt's version 1, or a heartbeat if command is 0.
func boltAnswer(to string, command, status byte) string {
	return "\x01\x00\x00" + string(command) + "\x01" + to[5:9] + "\x01\x00" + string(status) + strings.Repeat("\x00", 8)
}

// anyProtocol is a proxy that detects what its clients speak.
const anyProtocol = `"downstream_protocol": "Auto"`

// healthFilter is a listener's filter of that type.
func healthFilter(config string) string {
	return `"stream_filters": [{"type": "healthcheck", "config": {` + config + `}}]`
}

// TestHeartbeatsAnswered: weir answers heartbeats itself, with the filter and
// without, however they come, and no host sees any.
func TestHeartbeatsAnswered(t *testing.T) {
	host := record(t)
	for name, filters := range map[string]string{"plain": "", "filter": healthFilter("")} {
		t.Run(name, func(t *testing.T) {
			w := start(t, setup{up: host.addr(), proxy: anyProtocol, listener: filters})
			for _, b := range beats {
				c := dial(t, w.addr())
				for i := range len(b.request) / 2 {
					c.send(bytesOf(b.request[2*i : 2*i+2]))
				}
				c.gets(b.answer)
				c.send(strings.Repeat(bytesOf(b.request), 3))
				c.gets(strings.Repeat(b.answer, 3))
			}
		})
	}
	if n := host.accepted.Load(); n != 0 {
		t.Errorf("%d connections to the host", n)
	}
}

// TestHeartbeatsPassThrough: a host answers heartbeats, each by an id of weir's;
// answers come back with the ids and the checksums of the clients', whatever their
// order and whatever they say.
func TestHeartbeatsPassThrough(t *testing.T) {
	ids := make(chan []byte, 2)
	host := serveRaw(t, func(c *raw, _ int) {
		c.shows()
		for {
			first := c.boltFrame()
			second := c.boltFrame()
			if second == "" {
				return
			}
			for i, frame := range []string{second, first} {
				ids <- boltID([]byte(frame))
				answer := []byte(bytesOf(beats[0].answer))
				answer[11] = byte(i) // the one to the second is a success
				if frame[0] == 2 {
					answer = []byte(bytesOf(beats[1].answer))[:22]
					answer[13] = byte(i)
				}
				copy(boltID(answer), boltID([]byte(frame)))
				if frame[0] == 2 {
					answer = binary.BigEndian.AppendUint32(answer, crc32.ChecksumIEEE(answer))
				}
				c.send(string(answer))
			}
		}
	})
	w := start(t, setup{up: host.addr(), proxy: anyProtocol, listener: healthFilter(`"pass_through": true`),
		routes: `{"match": {}, "route": {"cluster_name": "up"}}`})
	for _, b := range beats[:2] {
		first, second := []byte(bytesOf(b.request)), []byte(bytesOf(b.request))
		boltID(first)[0], boltID(second)[0] = 0xf1, 0xf2
		success, failure := []byte(bytesOf(b.answer)), []byte(bytesOf(b.failure))
		boltID(success)[0], boltID(failure)[0] = 0xf2, 0xf1
		for _, frame := range []*[]byte{&first, &second, &success, &failure} {
			if (*frame)[0] == 2 {
				plain := (*frame)[:len(*frame)-4]
				*frame = binary.BigEndian.AppendUint32(plain, crc32.ChecksumIEEE(plain))
			}
		}
		c := dial(t, w.addr())
		c.send(string(first), string(second))
		c.gets(hex.EncodeToString(success))
		c.gets(hex.EncodeToString(failure))
		if a, b := <-ids, <-ids; slices.Equal(a, b) || a[0] >= 0xf1 || b[0] >= 0xf1 {
			t.Errorf("the host was asked by the ids %x and %x", a, b)
		}
	}
	if n := w.count("upstream.cluster.up", "request_total"); n != 4 {
		t.Errorf("%d requests to the cluster", n)
	}
}

// TestHeartbeatNotPassed: where there is no host to ask, the client hears that, if
// there is a word for it.
func TestHeartbeatNotPassed(t *testing.T) {
	for name, s := range map[string]setup{
		"no route":      {up: refusing(t), routes: route("/nowhere", "up", "")},
		"no connection": {up: refusing(t), routes: `{"match": {}, "route": {"cluster_name": "up"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s.proxy, s.listener = anyProtocol, healthFilter(`"pass_through": true`)
			w := start(t, s)
			for _, b := range beats {
				c := dial(t, w.addr())
				c.send(bytesOf(b.request))
				c.gets(b.failure)
				c.CloseWrite()
				c.ended()
			}
		})
	}
}

// TestHealthEndpoint: requests for the path are answered like heartbeats, others
// are not.
func TestHealthEndpoint(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), listener: healthFilter(`"endpoint": "/health"`)})
	through := start(t, setup{up: up.addr(), listener: healthFilter(`"endpoint": "/health", "pass_through": true`)})
	c := client(t)
	get(t, c, w.url("/health")).expect(t, 200, "alive\n")
	do(t, c, "POST", w.url("/health?all=yes"), "a body").expect(t, 200, "alive\n")
	if up.requests.Load() != 0 {
		t.Error("a health check reached the host")
	}
	get(t, c, w.url("/healthy")).expect(t, 200, "up")
	get(t, c, through.url("/health")).expect(t, 200, "up")
}

// TestHealthFailsInDrain: from the begin of a drain on, health checks fail, by
// whichever protocol they come; and only if that is asked for.
func TestHealthFailsInDrain(t *testing.T) {
	const check = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			w := start(t, setup{up: refusing(t), proxy: anyProtocol,
				listener: healthFilter(fmt.Sprintf(`"endpoint": "/health", "fail_on_drain": %v`, fails))})
			web, rpc, dubbo := dial(t, w.addr()), dial(t, w.addr()), dial(t, w.addr())
			web.send(check)
			web.expect(200, "alive\n")
			rpc.send(bytesOf(beats[0].request))
			rpc.gets(beats[0].answer)
			dubbo.send(bytesOf(beats[2].request))
			dubbo.gets(beats[2].answer)
			drained := make(chan int)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				drained <- w.Drain(ctx)
			}()
			until(t, "the drain begins", func() bool { return w.Stage() == server.Draining })
			var status int
			until(t, "the drain reaches HTTP", func() bool {
				web.send(check)
				head, _ := web.message()
				status = statusOf(head)
				return strings.Contains(head, "Connection: close")
			})
			web.ended()
			if want := map[bool]int{false: 200, true: 503}[fails]; status != want {
				t.Errorf("HTTP gets %d, want %d", status, want)
			}
			ok, failed := bytesOf(beats[0].answer), bytesOf(beats[0].failure)
			var answer string
			until(t, "the drain reaches bolt", func() bool {
				rpc.send(bytesOf(beats[0].request))
				answer = rpc.bytes(len(ok))
				return answer != ok || !fails
			})
			if fails && answer != failed || !fails && answer != ok {
				t.Errorf("bolt gets %x", answer)
			}
			if cut := <-drained; cut != 0 {
				t.Errorf("%d requests were cut off", cut)
			}
			rpc.ended()
		})
	}
}

// TestHostBeats: weir asks a host for a sign of life while it says nothing, by ids
// that no request has; and a host that gives it has all the time that it needs.
func TestHostBeats(t *testing.T) {
	const enough = 6
	host := serveRaw(t, func(c *raw, _ int) {
		c.shows()
		call := c.bytes(boltCallLen("s"))
		for range enough {
			beat := c.boltFrame()
			if beat == "" {
				return
			}
			if beat[2:4] != "\x00\x00" || beat[5:9] == call[5:9] {
				t.Errorf("instead of a heartbeat, or with the request's id, came %x", beat)
			}
			c.send(boltAnswer(beat, 0, 0))
		}
		c.send(boltAnswer(call, 2, 0))
		for beat := c.boltFrame(); beat != ""; beat = c.boltFrame() {
			c.send(boltAnswer(beat, 0, 0))
		}
	})
	w := start(t, boltSetup(host.addr(), `"heartbeat": {"interval": "5ms", "timeout": "5ms", "count": 100}`))
	c := dial(t, w.addr())
	c.send(boltCall(0xabcdef01, "s"))
	c.gets("0100000201abcdef01010000" + "0000000000000000")
	if n := w.count("upstream.cluster.up", "connection_silent"); n != 0 || host.accepted.Load() != 1 {
		t.Errorf("%d connections, %d of them silent", host.accepted.Load(), n)
	}
}

// boltSetup forwards everything to one host, whose cluster has more members.
func boltSetup(host, cluster string) setup {
	return setup{up: host, cluster: cluster, proxy: `"downstream_protocol": "bolt"`,
		routes: `{"match": {}, "route": {"cluster_name": "up", "timeout": "0s"}}`}
}

// TestSilentHost: the connection to a host that answers nothing any more is closed
// after so many heartbeats, and what was under way on it is answered with an error.
// The next request gets another connection.
func TestSilentHost(t *testing.T) {
	var asked atomic.Int64 // heartbeats to the silent one
	ended := make(chan struct{})
	host := serveRaw(t, func(c *raw, n int) {
		c.shows()
		if n > 1 {
			call := c.bytes(boltCallLen("s"))
			c.send(boltAnswer(call, 2, 0))
			for beat := c.boltFrame(); beat != ""; beat = c.boltFrame() {
				c.send(boltAnswer(beat, 0, 0))
			}
			return
		}
		c.bytes(2 * boltCallLen("s"))
		for range 2 {
			c.send(boltAnswer(c.boltFrame(), 0, 0))
		}
		for c.boltFrame() != "" {
			asked.Add(1)
		}
		close(ended)
	})
	w := start(t, boltSetup(host.addr(), `"heartbeat": {"interval": "30ms", "timeout": "10ms", "count": 3}`))
	c := dial(t, w.addr())
	c.send(boltCall(1, "s"), boltCall(2, "s"))
	for range 2 {
		got := c.answered()
		if got.status != 0x10 || got.id != 1 && got.id != 2 {
			t.Errorf("%+v", got)
		}
	}
	<-ended
	if n := asked.Load(); n != 3 {
		t.Errorf("given up after %d heartbeats", n)
	}
	c.send(boltCall(3, "s"))
	if got := c.answered(); got != (boltResult{id: 3}) {
		t.Errorf("%+v", got)
	}
	if n := w.count("upstream.cluster.up", "connection_silent"); n != 1 {
		t.Errorf("%d silent connections", n)
	}
}

// boltResult is what a response of bolt's version 1 says.
type boltResult struct {
	id     uint32
	status uint16
}

// answered reads a response of bolt's version 1.
func (c *raw) answered() boltResult {
	c.t.Helper()
	b := []byte(c.bytes(20))
	if len(b) < 20 || string(b[:4]) != "\x01\x00\x00\x02" {
		c.t.Fatalf("instead of a response came %x", b)
	}
	c.bytes(int(binary.BigEndian.Uint16(b[12:])) + int(binary.BigEndian.Uint16(b[14:])) + int(binary.BigEndian.Uint32(b[16:])))
	return boltResult{binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint16(b[10:])}
}

// TestDubboHeartbeatPassesThrough: the same for Dubbo, whose hosts answer with the
// heartbeat's content.
func TestDubboHeartbeatPassesThrough(t *testing.T) {
	host := serveRaw(t, func(c *raw, _ int) {
		for beat := c.bytes(17); len(beat) == 17; beat = c.bytes(17) {
			c.send("\xda\xbb\x22\x14", beat[4:])
		}
	})
	w := start(t, setup{up: host.addr(), proxy: anyProtocol, listener: healthFilter(`"pass_through": true`),
		routes: `{"match": {}, "route": {"cluster_name": "up"}}`})
	c := dial(t, w.addr())
	beat, answer := []byte(bytesOf(beats[2].request)), []byte(bytesOf(beats[2].answer))
	beat[4], answer[4] = 0xf1, 0xf1
	c.send(string(beat))
	c.gets(hex.EncodeToString(answer))
	if n := w.count("upstream.cluster.up", "request_total"); n != 1 {
		t.Errorf("%d requests to the cluster", n)
	}
}
