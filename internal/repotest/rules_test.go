package repotest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// rule is something that holds for all Go files together. It carries a small repository that breaks it, so that a rule which no
// longer finds anything is found itself.
type rule struct {
	name  string
	why   string
	check func([]*source) []string
	// breaks are files, by name, in which check finds as many findings as finds says.
	breaks map[string]string
	finds  int
}

func rules() []rule {
	return slices.Concat(importRules(), stateRules(), sizeRules(), textRules(), testRules())
}

func TestRules(t *testing.T) {
	all := sources(t)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			if found := r.check(all); len(found) > 0 {
				t.Errorf("%s\n\n%s", strings.Join(found, "\n"), r.why)
			}
		})
	}
}

func TestRulesFindWhatBreaksThem(t *testing.T) {
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			var files []*source
			for _, name := range sortedKeys(r.breaks) {
				s, err := parse(name, []byte(r.breaks[name]))
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, s)
			}
			if found := r.check(files); len(found) != r.finds || r.finds == 0 {
				t.Errorf("found %d, want %d:\n%s", len(found), r.finds, strings.Join(found, "\n"))
			}
		})
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
