package stream

import (
	"strings"
	"testing"
)

func TestEveryWellKnownNameInAnyCase(t *testing.T) {
	for id := Other + 1; id < numIDs; id++ {
		name := id.String()
		if name == "" {
			t.Fatalf("ID %d has no name", id)
		}
		for _, spelled := range []string{name, strings.ToLower(name), strings.ToUpper(name), swapCase(name)} {
			if got := IDOf(spelled); got != id {
				t.Errorf("IDOf(%q) is %v, want %v", spelled, got, id)
			}
			if got := IDOf([]byte(spelled)); got != id {
				t.Errorf("IDOf of the bytes of %q is %v, want %v", spelled, got, id)
			}
		}
	}
}

func swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= lower(c) && lower(c) <= 'z' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// One changed byte makes any well-known name an ordinary one, even where the two
// differ in the bit that tells letter cases apart.
func TestNamesThatAreAlmostWellKnown(t *testing.T) {
	for id := Other + 1; id < numIDs; id++ {
		name := id.String()
		for i := range len(name) {
			for c := range 256 {
				b := []byte(name)
				b[i] = byte(c)
				if strings.EqualFold(string(b), name) && c < 0x80 {
					continue
				}
				if got := IDOf(b); got != Other {
					t.Errorf("IDOf(%q) is %v", b, got)
				}
			}
		}
		for _, other := range []string{name + "x", name[:len(name)-1], " " + name, name + " "} {
			if got := IDOf(other); got == id {
				t.Errorf("IDOf(%q) is %v", other, got)
			}
		}
	}
	for _, name := range []string{"", "c", "x", "Accept", "\x00", "T\x00"} {
		if got := IDOf(name); got != Other {
			t.Errorf("IDOf(%q) is %v", name, got)
		}
	}
	if Other.String() != "" || ID(200).String() != "" {
		t.Error("an ID without a name has one")
	}
}

func TestEqualFold(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"a", "A", true}, {"a", "b", false}, {"a", "ab", false},
		{"X-Request-ID", "x-rEQUEST-id", true},
		{"@", "`", false}, {"[", "{", false}, {"-", "\r", false}, // differ in the case bit
		{"k", "\u212a", false}, {"\xc0", "\xe0", false}, // letters beyond ASCII have no case here
	} {
		if got := EqualFold(tc.a, tc.b); got != tc.want {
			t.Errorf("EqualFold(%q, %q) is %v", tc.a, tc.b, got)
		}
		if got := EqualFold([]byte(tc.b), tc.a); got != tc.want {
			t.Errorf("EqualFold(%q, %q) is %v", tc.b, tc.a, got)
		}
	}
}

func BenchmarkIDOf(b *testing.B) {
	names := [][]byte{[]byte("host"), []byte("Content-Length"), []byte("accept-encoding"), []byte("X-Request-Id")}
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range names {
			IDOf(n)
		}
	}
}
