package fault_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// BenchmarkNotHit is a request that the filter looks at and lets pass.
func BenchmarkNotHit(b *testing.B) {
	f := filtertest.Make(b, fault.Make, `{"header_control": true, "abort": {"status": 503, "percentage": 0}, "headers": [{"name": "user", "value": "ann"}]}`)
	x := filtertest.New(b, f)
	s := x.Stream()
	var h stream.Head
	h.SetMethod([]byte("GET"))
	for _, name := range []string{"Host", "Accept", "Accept-Encoding", "User-Agent", "User"} {
		h.Add(name, "ann")
	}
	request, _ := f.Attach(s)
	b.ReportAllocs()
	for b.Loop() {
		if request.RequestHead(s, &h, true) != filter.Continue {
			b.Fatal("it does not pass")
		}
	}
}
