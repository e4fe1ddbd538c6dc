package grpcweb_test

import (
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/grpcweb"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestConformance(t *testing.T) {
	newFilter := func() filter.Filter { return filtertest.Make(t, grpcweb.Make, "") }
	host := func() filter.Filter { return host{newFilter()} }
	sends := func(contentType string) func(*stream.Head) {
		return func(h *stream.Head) { h.Add("Content-Type", contentType) }
	}
	for _, tt := range []struct {
		name string
		make func() filter.Filter
		o    filtertest.Options
	}{
		{"other requests", newFilter, filtertest.Options{Stateless: true}},
		{"requests of gRPC", newFilter, filtertest.Options{Request: sends("application/grpc"), Stateless: true}},
		{"binary, and no gRPC from the host", newFilter, filtertest.Options{Request: sends(binaryProto), Changes: true}},
		{"binary", host, filtertest.Options{Request: sends(binaryProto), Changes: true}},
		{"text that is none", newFilter, filtertest.Options{Request: sends(textProto), Changes: true}},
		{"text for a binary request", host, filtertest.Options{Changes: true, Request: func(h *stream.Head) {
			h.Add("Content-Type", binaryProto)
			h.Add("Accept", "application/grpc-web-text")
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) { filtertest.Run(t, tt.make, tt.o) })
	}
}

// host makes responses ones of gRPC before its filter sees them.
type host struct{ filter.Filter }

func (f host) Attach(s *filter.Stream) (filter.Request, filter.Response) {
	q, p := f.Filter.Attach(s)
	return q, response{p}
}

type response struct{ filter.Response }

func (f response) ResponseHead(s *filter.Stream, h *stream.Head, end bool) filter.Status {
	h.Set("Content-Type", "application/grpc")
	return f.Response.ResponseHead(s, h, end)
}

func pieces(t *rapid.T, body string) (all []string) {
	for len(body) > 0 {
		n := rapid.IntRange(1, min(len(body), 9)).Draw(t, "piece")
		all = append(all, body[:n])
		body = body[n:]
	}
	return all
}

// TestAnyChunking: however the bodies of a call come in pieces, the host gets the
// same frames, and the client the same text.
func TestAnyChunking(t *testing.T) {
	f := filtertest.Make(t, grpcweb.Make, "")
	rapid.Check(t, func(rt *rapid.T) {
		x := filtertest.New(t, f)
		defer x.Finish()
		var frames, padded, text string
		for _, payload := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 5).Draw(rt, "messages") {
			frame := string([]byte{0, 0, 0, 0, byte(len(payload))}) + string(payload)
			frames += frame
			text += base64.StdEncoding.EncodeToString([]byte(frame))
			for _, p := range pieces(rt, frame) {
				padded += base64.StdEncoding.EncodeToString([]byte(p))
			}
		}
		call(x, textProto, false)
		for _, p := range pieces(rt, padded) {
			x.RequestData(p, false)
		}
		x.RequestData("", true)
		x.ResponseHead(200, false, "content-type", "application/grpc")
		for _, p := range pieces(rt, frames) {
			x.ResponseData(p, false)
		}
		x.ResponseTrailers("grpc-status", "0")
		if got := string(x.Upstream.Body); got != frames || !x.Upstream.Ended {
			rt.Fatalf("the host gets %q, want %q; ended=%v", got, frames, x.Upstream.Ended)
		}
		if got, want := string(x.Downstream.Body), text+trailers64; got != want || !x.Downstream.Ended {
			rt.Fatalf("the client gets %q, want %q; ended=%v", got, want, x.Downstream.Ended)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	for name, contentType := range map[string]string{"binary": binaryProto, "text": textProto} {
		b.Run(name, func(b *testing.B) {
			c := newMeasured(b, contentType)
			b.ReportAllocs()
			for b.Loop() {
				c.run()
			}
		})
	}
}

// TestAllocations: a call costs none.
func TestAllocations(t *testing.T) {
	for _, contentType := range []string{binaryProto, textProto, "application/grpc", "text/plain"} {
		c := newMeasured(t, contentType)
		c.run()
		if n := testing.AllocsPerRun(100, c.run); n != 0 {
			t.Errorf("%s: %v allocations", contentType, n)
		}
		if c.ended != 2 {
			t.Errorf("%s: %d of two messages arrived", contentType, c.ended)
		}
	}
}
