package filtertest

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
)

// Make makes a filter from its configuration, a JSON text. It fails the test if
// there is any problem with it, a warning included.
func Make(t testing.TB, m filter.Make, text string) filter.Filter {
	t.Helper()
	f, problems := TryMake(m, text)
	if len(problems) > 0 {
		t.Fatalf("the filter's configuration:\n%v", problems)
	}
	return f
}

// The configuration that a filter's own is set into. Its text begins on a line of
// its own, at the left.
const (
	before = `{"servers":[{"listeners":[{"stream_filters":[{"config":` + "\n"
	after  = "\n}]}]}]}"
	path   = "servers[0].listeners[0].stream_filters[0].config"
)

// TryMake makes a filter from its configuration, a JSON text, and returns the
// problems with it, their places as in that text. An empty text is a
// configuration that is not given.
func TryMake(m filter.Make, text string) (filter.Filter, config.Problems) {
	node, problems := parse(text)
	if len(problems) > 0 {
		return nil, problems
	}
	var r config.Report
	f := m(node, &r)
	return f, placed(r.Problems())
}

// parse parses a text as a filter's configuration.
func parse(text string) (*config.Node, config.Problems) {
	if text == "" {
		return nil, nil
	}
	var node *config.Node
	parsed := false
	take := func(c *config.Config, _ *config.Report) {
		node, parsed = c.Servers[0].Listeners[0].StreamFilters[0].Config, true
	}
	// That it is not a whole configuration does not matter: what is wanted is the
	// tree, which checks are shown in any case.
	_, r, _ := config.Parse("", []byte(before+text+after), config.Options{Checks: []func(*config.Config, *config.Report){take}})
	if !parsed {
		return nil, placed(r.Problems())
	}
	return node, nil
}

// placed gives problems the places that they have in the filter's own text.
func placed(ps config.Problems) config.Problems {
	for i := range ps {
		ps[i].Line--
		ps[i].Path = strings.TrimPrefix(strings.TrimPrefix(ps[i].Path, path), ".")
	}
	return ps
}
