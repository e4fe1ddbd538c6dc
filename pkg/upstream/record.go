package upstream

import (
	"errors"
	"syscall"

	"github.com/weirproxy/weir/pkg/metrics"
)

func (c *Conn) stats() [2]*metrics.Upstream {
	return [2]*metrics.Upstream{&c.host.Stats.Upstream, &c.host.cluster.Stats.Upstream}
}

// countSent tells the statistics of the bytes sent since it did last.
func (c *Conn) countSent() {
	n := c.io.WireWritten() - c.counted
	c.counted += n
	c.host.Stats.BytesWriteTotal += n
	c.host.cluster.Stats.BytesWriteTotal += n
}

// countDropped tells the statistics of messages that came for nobody.
func (c *Conn) countDropped(n uint64) {
	if n != c.dropped {
		c.host.Stats.ResponseUnknown += n - c.dropped
		c.host.cluster.Stats.ResponseUnknown += n - c.dropped
		c.dropped = n
	}
}

// countClosed counts the end of a connection that stood, by who ended it.
func (c *Conn) countClosed(err error) {
	remote := c.fin || remote(err)
	busy := c.streams > 0 || c.onBusy
	for _, st := range c.stats() {
		st.ConnectionActive--
		st.ConnectionClose++
		switch {
		case remote && busy:
			st.ConnectionRemoteClose++
			st.ConnectionRemoteCloseWithActiveRequest++
		case remote:
			st.ConnectionRemoteClose++
		case busy:
			st.ConnectionLocalClose++
			st.ConnectionLocalCloseWithActiveRequest++
		default:
			st.ConnectionLocalClose++
		}
	}
}

// remote tells whether the error that ended a connection came from the network.
func remote(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}
