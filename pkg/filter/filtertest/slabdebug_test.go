//go:build slabdebug

package filtertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
)

func TestKitFindsLateWrites(t *testing.T) {
	got := failures(func() filter.Filter {
		var lent []byte
		return &broken{data: func(d *buffer.Chain, _ bool) filter.Status {
			clear(lent[:min(1, len(lent))])
			lent = d.Front()
			return filter.Continue
		}}
	}, Options{Changes: true})
	if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "after it was freed") }) {
		t.Errorf("%d failures, and none is about a freed slab", len(got))
	}
}
