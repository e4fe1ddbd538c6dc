package filtertest

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// Options say what Run may expect of a filter.
type Options struct {
	// Request adds to the heads of all requests and Info to what is known of them,
	// such as what has the filter do its work. Run once with and once without.
	Request func(*stream.Head)
	Info    func(*stream.Info)
	// Changes says that the filter changes bodies or trailers, so that they are
	// not compared with what was sent.
	Changes bool
	// Stateless says that the filter keeps nothing per stream: a request that it
	// lets pass at once costs no allocation.
	Stateless bool
}

// Run tests that a filter keeps its contract. newFilter makes one as a
// configuration does; all streams of a case share it.
func Run(t *testing.T, newFilter func() filter.Filter, o Options) {
	leaked := goleak.IgnoreCurrent()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			c.run(&kit{reporter: t, filter: newFilter(), opts: o})
		})
	}
	if err := goleak.Find(leaked); err != nil {
		t.Errorf("the filter left goroutines behind: %v", err)
	}
}

// kit is what the cases share.
type kit struct {
	reporter
	filter filter.Filter
	opts   Options
}

// testCase is one thing that every filter owes.
type testCase struct {
	name string
	run  func(*kit)
}

func cases() []testCase {
	return []testCase{
		{"messages arrive as they were sent, however split", whole},
		{"messages pass while time passes between their parts", slowly},
		{"messages pass when the filter's neighbours stop them", neighbours},
		{"the stream ends between any two parts", endBetween},
		{"the stream ends inside a sink", endInside},
		{"another filter answers", answered},
		{"streams do not disturb each other", interleaved},
		{"workers do not disturb each other", concurrent},
		{"a request that passes at once costs no allocation", allocations},
	}
}
