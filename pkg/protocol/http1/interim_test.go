package http1

import (
	"errors"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

const processing = "HTTP/1.1 102 Processing\r\n\r\n"

// TestManyInterims: a host may tell of its progress for as long as it likes, though not
// faster than anybody would.
func TestManyInterims(t *testing.T) {
	for every, ok := range map[time.Duration]bool{20 * time.Millisecond: true, time.Millisecond: false} {
		c := newClient(t, Config{})
		for range 2 { // the second response on a connection has as many
			r := c.open(requestHead("GET", "a", "/", 0), true)
			heads := 0
			r.onHead = func(*stream.Head, bool) { heads++ }
			var err error
			for range 5000 {
				c.now += int64(every)
				if err = c.write(processing); err != nil {
					break
				}
			}
			if !ok {
				expect(t, "error", errors.Is(err, ErrInterim), true)
				break
			}
			c.write(answer("Content-Length: 0\r\n", ""))
			expect(t, "heads", heads, 5001)
			expect(t, "available", c.conn.Available(), 1)
		}
		c.close()
	}
}

// TestInterimsWait: a client that does not take informational responses keeps the host
// from sending more, and then gets them all.
func TestInterimsWait(t *testing.T) {
	splits(processing+processing+processing+answer("Content-Length: 0\r\n", ""), func(name string, pieces []string) {
		c := newClient(t, Config{})
		r := c.open(requestHead("GET", "a", "/", 0), true)
		heads := 0
		r.onHead = func(*stream.Head, bool) {
			heads++
			r.sender.Pause()
		}
		for _, p := range pieces {
			if err := c.write(p); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, name+": heads while it does not", heads, 1)
		for want := 2; want <= 4; want++ {
			r.sender.Resume()
			c.run(c.conn)
			expect(t, name+": heads", heads, want)
		}
		expect(t, name+": over", r.over, true)
		expect(t, name+": paused", c.paused, false)
		c.close()
	})
}
