package xprotocol

import (
	"testing"

	"pgregory.net/rapid"
)

// TestTableIsAMap runs a table and a map side by side. Ids are drawn from few, and
// from far apart, so that they are often there, and share their places.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table table[int]
		model := map[uint64]*int{}
		id := rapid.OneOf(
			rapid.Uint64Range(0, 20),
			rapid.Uint64Range(1<<32-5, 1<<32+5),
			rapid.Custom(func(t *rapid.T) uint64 { return rapid.Uint64Range(0, 10).Draw(t, "n") << 58 }),
			rapid.Uint64(),
		)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := id.Draw(t, "id"), new(int)
				if _, there := model[k]; table.put(k, v) == there {
					t.Fatalf("put %d says the contrary of %v", k, there)
				} else if !there {
					model[k] = v
				}
			},
			"put many": func(t *rapid.T) {
				from := id.Draw(t, "from")
				for k := from; k != from+200; k++ {
					if v := new(int); table.put(k, v) {
						model[k] = v
					}
				}
			},
			"take": func(t *rapid.T) {
				k := id.Draw(t, "id")
				if got := table.take(k); got != model[k] {
					t.Fatalf("take %d: %p, not %p", k, got, model[k])
				}
				delete(model, k)
			},
			"take all": func(t *rapid.T) {
				for k, v := range model {
					if table.take(k) != v {
						t.Fatalf("%d is lost", k)
					}
				}
				clear(model)
			},
			"": func(t *rapid.T) {
				if int(table.n) != len(model) {
					t.Fatalf("%d are in it, not %d", table.n, len(model))
				}
				for k, v := range model {
					if got := table.get(k); got != v {
						t.Fatalf("get %d: %p, not %p", k, got, v)
					}
				}
				k := id.Draw(t, "id")
				if got := table.get(k); got != model[k] {
					t.Fatalf("get %d: %p, not %p", k, got, model[k])
				}
			},
		})
	})
}

// TestTableDoesNotAllocate keeps some ids in flight while they run on.
func TestTableDoesNotAllocate(t *testing.T) {
	var table table[int]
	v, next := new(int), uint64(1)
	for ; next <= 30; next++ {
		table.put(next, v)
	}
	if n := testing.AllocsPerRun(1000, func() {
		table.put(next, v)
		table.take(next - 30)
		next++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
