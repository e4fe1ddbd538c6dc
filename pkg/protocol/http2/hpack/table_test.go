package hpack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is a dynamic table in the plainest form, newest entry first.
type model struct {
	fields []string
	max    int
}

func (m *model) add(name, value string) {
	m.fields = slices.Insert(m.fields, 0, name+": "+value)
	m.evict()
}

func (m *model) evict() {
	size := 0
	for i, f := range m.fields {
		if size += len(f) - 2 + overhead; size > m.max {
			m.fields = m.fields[:i]
			return
		}
	}
}

// A table holds what its model does, however its fields come in, and never takes
// more memory than its limit.
func TestTableModel(t *testing.T) {
	size := rapid.SampledFrom([]int{0, 1, 5, 30, 100, 400, 2000})
	limit := rapid.SampledFrom([]int{0, 40, 100, 1000, 4096})
	rapid.Check(t, func(t *rapid.T) {
		d, m := &table{max: 4096}, model{max: 4096}
		most := 0
		draw := func(what string) string {
			return strings.Repeat(rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 1, 1, 1).Draw(t, what), size.Draw(t, what+" size"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) {
				name, value := draw("name"), draw("value")
				d.add([]byte(name), []byte(value), 0)
				m.add(name, value)
			},
			"commit": func(t *rapid.T) {
				name, value := draw("name"), draw("value")
				to := d.room(len(name) + len(value) + rapid.IntRange(0, 100).Draw(t, "spare"))
				if to == nil {
					return
				}
				to = append(append(to, name...), value...)
				d.commit(len(name), len(value), 0)
				m.add(name, value)
				if string(to) != name+value {
					t.Fatal("the field moved")
				}
			},
			"drop": func(t *rapid.T) {
				if to := d.room(50); to != nil {
					copy(to[:50], strings.Repeat("x", 50))
				}
			},
			"limit": func(t *rapid.T) {
				m.max = limit.Draw(t, "limit")
				m.evict()
				d.setMax(uint32(m.max))
			},
			"": func(t *rapid.T) {
				if diff := cmp.Diff(m.fields, entries(d), cmp.Transformer("", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
					t.Fatalf("table (-want +got):\n%s", diff)
				}
				most = max(most, cap(d.bytes))
				if most > 4096 || len(d.ring) > 128 {
					t.Fatalf("%d bytes, %d entries of memory", most, len(d.ring))
				}
			},
		})
	})
}

// Numbers of entries and offsets wrap around.
func TestTableWrapsAround(t *testing.T) {
	d, m := &table{max: 200, seq: 1<<32 - 10, base: 1<<32 - 100}, model{max: 200}
	for i := range 40 {
		name := strings.Repeat("n", i%7)
		d.add([]byte(name), []byte("v"), 0)
		m.add(name, "v")
		if diff := cmp.Diff(m.fields, entries(d)); diff != "" {
			t.Fatalf("after %d (-want +got):\n%s", i+1, diff)
		}
	}
}
