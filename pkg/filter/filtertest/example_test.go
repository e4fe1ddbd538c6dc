package filtertest_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// stamp is a whole filter: it puts a header on every request.
type stamp struct {
	filter.PassRequest
	Value string `json:"value"`
}

func makeStamp(c *config.Node, r *config.Report) filter.Filter {
	f := &stamp{Value: "weir"}
	c.DecodeInto(f, r)
	return f
}

func (f *stamp) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

func (f *stamp) RequestHead(_ *filter.Stream, h *stream.Head, _ bool) filter.Status {
	h.Set("X-Stamp", f.Value)
	return filter.Continue
}

// Every filter has a test like this one.
func ExampleRun() {
	var t *testing.T // func TestConformance(t *testing.T) {

	filtertest.Run(t, func() filter.Filter {
		return filtertest.Make(t, makeStamp, `{"value": "here"}`)
	}, filtertest.Options{Stateless: true})
}

// What a filter is for, its own tests look at part by part.
func ExampleNew() {
	var t *testing.T // func TestStamps(t *testing.T) {

	x := filtertest.New(t, filtertest.Make(t, makeStamp, `{"value": "here"}`))
	x.RequestHead("GET", "/", true, "Accept", "*/*")
	x.ResponseHead(200, false)
	x.ResponseData("hello", true)
	if v, _ := x.Upstream.Head.Get("X-Stamp"); string(v) != "here" {
		t.Errorf("the upstream got %q", v)
	}
	if string(x.Downstream.Body) != "hello" {
		t.Errorf("the downstream got %q", x.Downstream.Body)
	}
}
