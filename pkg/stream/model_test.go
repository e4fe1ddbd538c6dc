package stream

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pairs is a header as simple as can be.
type pairs []string

func (p pairs) get(name string) (string, bool) {
	for i := 0; i < len(p); i += 2 {
		if strings.EqualFold(p[i], name) {
			return p[i+1], true
		}
	}
	return "", false
}

func (p pairs) del(name string, from int) (kept pairs) {
	for i := 0; i < len(p); i += 2 {
		if i < from || !strings.EqualFold(p[i], name) {
			kept = append(kept, p[i], p[i+1])
		}
	}
	return kept
}

func (p pairs) set(name, value string) pairs {
	for i := 0; i < len(p); i += 2 {
		if strings.EqualFold(p[i], name) {
			p[i+1] = value
			return p.del(name, i+2)
		}
	}
	return append(p, name, value)
}

func names() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"Host", "host", "VIA", "via", "x-a", "X-A", "x-b", "Cookie", "te", "X-Forwarded-For", ""})
}

func TestHeaderAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h, other Header
		var want, wantOther pairs
		value := rapid.StringOfN(rapid.RuneFrom([]rune("abc\x00é")), 0, 20, -1)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n, v := names().Draw(t, "name"), value.Draw(t, "value")
				if rapid.Bool().Draw(t, "bytes") {
					h.AddBytes([]byte(n), []byte(v))
				} else {
					h.Add(n, v)
				}
				want = append(want, n, v)
			},
			"set": func(t *rapid.T) {
				n, v := names().Draw(t, "name"), value.Draw(t, "value")
				if rapid.Bool().Draw(t, "bytes") {
					h.SetBytes(n, []byte(v))
				} else {
					h.Set(n, v)
				}
				want = want.set(n, v)
			},
			"del": func(t *rapid.T) {
				n := names().Draw(t, "name")
				_, was := want.get(n)
				if h.Del(n) != was {
					t.Fatalf("Del(%q) is not %v", n, was)
				}
				want = want.del(n, 0)
			},
			"delAt": func(t *rapid.T) {
				if h.Len() == 0 {
					return
				}
				i := rapid.IntRange(0, h.Len()-1).Draw(t, "i")
				h.DelAt(i)
				want = append(want[:2*i:2*i], want[2*i+2:]...)
			},
			"take": func(*rapid.T) {
				other.Take(&h)
				want, wantOther = nil, want
			},
			"copy": func(*rapid.T) {
				h.CopyFrom(&other)
				want = append(pairs(nil), wantOther...)
			},
			"addAll": func(*rapid.T) {
				if h.Len() < 100 {
					h.AddAll(&other)
					want = append(want, wantOther...)
				}
			},
			"clear": func(*rapid.T) { h.Clear(); want = nil },
			"": func(t *rapid.T) {
				if diff := cmp.Diff([]string(want), fields(&h)); diff != "" && len(want)+h.Len() > 0 {
					t.Fatalf("(-want +got)\n%s", diff)
				}
				if diff := cmp.Diff([]string(wantOther), fields(&other)); diff != "" && len(wantOther)+other.Len() > 0 {
					t.Fatalf("the other: (-want +got)\n%s", diff)
				}
				n := names().Draw(t, "name")
				got, ok := h.Get(n)
				if v, found := want.get(n); ok != found || string(got) != v {
					t.Fatalf("Get(%q) is %q, %v; want %q, %v", n, got, ok, v, found)
				}
			},
		})
	})
}
