package grpcweb_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/grpcweb"
	"github.com/weirproxy/weir/pkg/stream"
)

// measured makes the same call again and again, and allocates nothing itself. It
// is the owner of the stream, and both its ends.
type measured struct {
	contentType, body string
	chain             filter.Chain
	env               filter.Env
	s                 filter.Stream
	info              stream.Info
	heads             [2]stream.Head
	trailers          stream.Header
	piece             buffer.Chain
	ended             int // messages of the last call
}

func newMeasured(t testing.TB, contentType string) *measured {
	w := &filtertest.Worker{}
	c := &measured{contentType: contentType, body: message}
	if strings.Contains(contentType, "text") {
		c.body = message64
	}
	c.chain = filter.Chain{filter.NewLink("grpc_web", filtertest.Make(t, grpcweb.Make, ""))}
	c.env = filter.Env{Worker: w, Goroutines: w, BufferLimit: 1 << 16}
	c.piece.Init(w.Buffers())
	return c
}

func (c *measured) run() {
	c.ended = 0
	q, p := &c.heads[0], &c.heads[1]
	q.Clear()
	q.SetMethod(post)
	q.Add("Content-Type", c.contentType)
	c.info.Request = q
	c.s.Begin(&c.env, c.chain, c, &c.info, c, c)
	c.s.Head(filter.RequestDirection, q, false)
	c.piece.AppendString(c.body)
	c.s.Data(filter.RequestDirection, &c.piece, true)
	p.Clear()
	p.Status = 200
	p.Add("Content-Type", "application/grpc+proto")
	c.s.Head(filter.ResponseDirection, p, false)
	c.piece.AppendString(message)
	c.s.Data(filter.ResponseDirection, &c.piece, false)
	c.trailers.Clear()
	c.trailers.Add("grpc-status", "0")
	c.trailers.Add("grpc-message", "fine")
	c.s.Trailers(filter.ResponseDirection, &c.trailers)
	c.s.Finish()
}

var post = []byte("POST")

// Reply is not called: nothing is wrong with the call.
func (c *measured) Reply(filter.Reply) { panic("a call was refused") }

func (c *measured) Flow(filter.Direction) stream.Flow { return c }
func (c *measured) Settled()                          {}
func (c *measured) Pause()                            {}
func (c *measured) Resume()                           {}
func (c *measured) Reset(stream.Reset)                {}
func (c *measured) Head(*stream.Head, bool)           {}
func (c *measured) Trailers(*stream.Header)           { c.ended++ }

func (c *measured) Data(d *buffer.Chain, end bool) {
	d.Clear()
	if end {
		c.ended++
	}
}
