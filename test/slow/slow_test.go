//go:build slow

package slow_test

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

// lasting is how long a slow peer takes for its message.
var lasting = flag.Duration("for", 2*time.Minute, "how long a slow peer takes for its message")

// direction is which of a call's two messages is the long one.
type direction string

const (
	request  direction = "request"
	response direction = "response"
)

// pattern returns n bytes of which no two neighbouring stretches are alike.
func pattern(n int) []byte { return patterns[:n] }

// patterns is as much as any test moves.
var patterns = func() []byte {
	b := make([]byte, 8<<20)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}()

// peer is a protocol with a host and a client.
type peer interface {
	name() string
	host(t *testing.T) (address string)
	// call makes a call through weir, in which n bytes are sent or come back.
	call(address string, what direction, n int) error
}

// TestSlowPeers has a client or a host that is slow, with a long request or a long
// response, in each protocol, all at once.
func TestSlowPeers(t *testing.T) {
	n := int(rate * lasting.Seconds())
	for _, p := range []peer{httpPeer{1}, httpPeer{2}, rpcPeer{bolt{}, n}, rpcPeer{dubbo{}, n}} {
		for _, what := range []direction{request, response} {
			t.Run(fmt.Sprintf("%s/client/%s", p.name(), what), func(t *testing.T) {
				t.Parallel()
				w := start(t, p.name(), p.host(t))
				check(t, w, p.call(slowLink(t, w.address), what, n))
			})
			t.Run(fmt.Sprintf("%s/host/%s", p.name(), what), func(t *testing.T) {
				t.Parallel()
				w := start(t, p.name(), slowLink(t, p.host(t)))
				check(t, w, p.call(w.address, what, n))
			})
		}
	}
}

func check(t *testing.T, w *weir, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%v; weir says:\n%s", err, w.log.String())
	}
}
