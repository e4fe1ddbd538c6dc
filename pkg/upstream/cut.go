package upstream

import (
	"errors"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// noteCut counts and tells that the host did not get the end of what it was sent.
func (h *Host) noteCut(err error) {
	var cut *eventloop.CutError
	if !errors.As(err, &cut) {
		return
	}
	cl := h.cluster
	h.Stats.ConnectionCut++
	cl.Stats.ConnectionCut++
	cl.env.Log.Warn("a host did not get the end of what it was sent: the connection was being closed, and it took nothing any more",
		"cluster", cl.Name, "host", h.Address, "bytes", cut.Lost)
}
