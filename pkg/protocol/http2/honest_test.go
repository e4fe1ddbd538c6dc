package http2

import (
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// honestClients are habits of clients in use. Each is gone on with for some minutes, at
// the rate that every says, or as fast as it goes.
var honestClients = []struct {
	name  string
	begin func(s *server)
	do    func(s *server, i int)
	every time.Duration
	times int
}{
	{
		name:  "gRPC in Go measures the bandwidth with each message that comes",
		begin: func(s *server) { s.client.get(1); s.exchange(); s.answerWith(10, false) },
		do: func(s *server, _ int) {
			s.streams[0].sender.Data(s.chain("a small message"), false)
			s.client.window(0, 15).window(1, 15).ping(false, "bdp")
		},
		times: 100_000,
	},
	{
		name:  "gRPC in Go measures with each message that it sends, too",
		begin: func(s *server) { s.client.post(1) },
		do: func(s *server, _ int) {
			s.client.data(1, "\x00\x00\x00\x00\x01x", false).ping(false, "bdp")
		},
		times: 100_000,
	},
	{
		name: "Go's HTTP gives every 4 KiB back, a window of 4 MiB at a time",
		begin: func(s *server) {
			s.client.settings(xhttp2.Setting{ID: 4, Val: 4 << 20}).get(1)
			s.exchange()
			s.answerWith(10, false)
		},
		do: func(s *server, _ int) {
			for range 4 << 20 / maxDataFrame {
				s.streams[0].sender.Data(s.chain(text(maxDataFrame)), false)
			}
			for range 1 << 10 {
				s.client.window(0, 4<<10).window(1, 4<<10)
			}
		},
		times: 20,
	},
	{
		name: "80 calls a second time out after 50 ms, all at once",
		do: func(s *server, i int) {
			for j := range 80 {
				s.client.get(uint32(160*i + 2*j + 1))
			}
			s.exchange()
			s.now += int64(50 * time.Millisecond)
			for j := range 80 {
				s.client.rst(uint32(160*i+2*j+1), Cancel)
			}
		},
		every: time.Second,
		times: 300,
	},
	{
		name: "a thousand calls time out at once",
		do: func(s *server, i int) {
			for j := range 1000 {
				s.client.get(uint32(2000*i + 2*j + 1))
			}
			s.exchange()
			s.now += int64(time.Second)
			for j := range 1000 {
				s.client.rst(uint32(2000*i+2*j+1), Cancel)
			}
		},
		times: 60,
	},
	{
		name: "a thousand calls a second are cancelled once they were answered",
		do: func(s *server, i int) {
			id := uint32(2*i + 1)
			s.client.post(id).data(id, "a message", false)
			s.exchange()
			s.last().sender.Head(responseHead(200, -1), false)
			s.client.rst(id, Cancel)
		},
		every: time.Millisecond,
		times: 60_000,
	},
	{
		name: "of two hedged calls, one is cancelled",
		do: func(s *server, i int) {
			id := uint32(4*i + 1)
			s.client.get(id).get(id + 2)
			s.exchange()
			s.response(s.streams[len(s.streams)-2].sender, 200, "first")
			s.client.rst(id+2, Cancel)
		},
		times: 20_000,
	},
	{
		name: "of five attempts that gRPC makes at once, four are cancelled",
		do: func(s *server, i int) {
			id := uint32(10*i + 1)
			for n := range uint32(5) {
				s.client.get(id + 2*n)
			}
			s.exchange()
			s.response(s.streams[len(s.streams)-3].sender, 200, "the fastest")
			for n := range uint32(5) {
				if n != 2 {
					s.client.rst(id+2*n, Cancel)
				}
			}
		},
		every: time.Millisecond,
		times: 20_000,
	},
	{
		name:  "Node writes single characters, one each time around its event loop",
		begin: func(s *server) { s.client.post(1) },
		do:    func(s *server, _ int) { s.client.data(1, "x", false) },
		every: 4 * time.Microsecond,
		times: 500_000,
	},
	{
		name: "and does so on 20 streams, while weir does not read for a while",
		begin: func(s *server) {
			for id := uint32(1); id < 40; id += 2 {
				s.client.post(id)
			}
		},
		do: func(s *server, _ int) {
			for range 25_000 / 20 {
				for id := uint32(1); id < 40; id += 2 {
					s.client.data(id, "x", false)
				}
			}
		},
		every: 100 * time.Millisecond,
		times: 20,
	},
	{
		name:  "an interactive stream: characters and their echo, of which several go in one frame",
		begin: func(s *server) { s.client.post(1); s.exchange(); s.answerWith(10, false) },
		do: func(s *server, _ int) {
			for range 20 {
				s.client.data(1, "x", false)
			}
			s.streams[0].sender.Data(s.chain(text(20)), false)
		},
		every: 100 * time.Microsecond,
		times: 20_000,
	},
	{
		name:  "each message is flushed by an empty frame",
		begin: func(s *server) { s.client.post(1) },
		do:    func(s *server, _ int) { s.client.data(1, "message", false).data(1, "", false) },
		times: 60_000,
	},
}

func TestHonestClients(t *testing.T) {
	for _, tc := range honestClients {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.window(0, 1<<30)
			s.onStream = func(r *recorder) {
				if n := len(s.streams); n > 4000 {
					s.streams = append(s.streams[:0], s.streams[n-5:]...)
				}
				r.onData = func(bool) { r.body = r.body[:0] }
			}
			if tc.begin != nil {
				tc.begin(s)
			}
			n, err := s.flood(tc.times, tc.every, func(i int) { tc.do(s, i) })
			if err != nil {
				t.Errorf("ended after %d: %v", n, err)
			}
			s.close()
		})
	}
}

// honestHosts are habits of hosts in use.
var honestHosts = []struct {
	name  string
	do    func(c *clientSide, to *recorder)
	every time.Duration
	times int
}{
	{
		name: "gRPC in Go measures the bandwidth with each piece of an upload",
		do: func(c *clientSide, to *recorder) {
			to.sender.Data(c.chain(text(1000)), false)
			c.server.window(0, 1000).window(1, 1000).ping(false, "bdp")
		},
		times: 100_000,
	},
	{
		name: "and with each message of a download",
		do: func(c *clientSide, _ *recorder) {
			c.server.data(1, "\x00\x00\x00\x00\x01x", false).ping(false, "bdp").window(0, 6)
		},
		times: 100_000,
	},
	{
		name:  "Node writes single characters",
		do:    func(c *clientSide, _ *recorder) { c.server.data(1, "x", false) },
		every: 4 * time.Microsecond,
		times: 500_000,
	},
	{
		name: "and does so on ten streams, while weir does not read for a while",
		do: func(c *clientSide, _ *recorder) {
			for range 2500 {
				for id := uint32(1); id < 20; id += 2 {
					c.server.data(id, "x", false)
				}
			}
		},
		every: 100 * time.Millisecond,
		times: 20,
	},
	{
		name:  "each message is flushed by an empty frame",
		do:    func(c *clientSide, _ *recorder) { c.server.data(1, "message", false).data(1, "", false) },
		times: 60_000,
	},
	{
		name:  "informational responses tell of progress",
		do:    func(c *clientSide, _ *recorder) { c.server.headers(21, false, ":status", "104") },
		every: 20 * time.Millisecond,
		times: 20_000,
	},
}

func TestHonestHosts(t *testing.T) {
	for _, tc := range honestHosts {
		t.Run(tc.name, func(t *testing.T) {
			c := connected(t, Config{}, xhttp2.Setting{ID: 4, Val: 1 << 20})
			c.server.window(0, 1<<30)
			var all []*recorder
			for id := uint32(1); id <= 21; id += 2 {
				r := c.open(requestHead("POST", "a", "/", -1), false)
				r.onData = func(bool) { r.body = r.body[:0] }
				r.onHead = func(*stream.Head, bool) { r.log.Reset() }
				all = append(all, r)
				if id < 21 {
					c.server.headers(id, false, ":status", "200")
				}
			}
			c.exchange()
			for i := range tc.times {
				c.now += int64(tc.every)
				tc.do(c, all[0])
				if err := c.feed(c.conn, c.server.bytes()); err != nil {
					t.Fatalf("ended after %d: %v", i, err)
				}
				if all[10].over {
					t.Fatalf("ended after %d: %v", i, all[10].reset)
				}
				c.sent()
			}
			c.close()
		})
	}
}
