package stream

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// of makes a header of names and values in turn.
func of(fields ...string) *Header {
	h := &Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

// fields is the reverse of of.
func fields(h *Header) []string {
	var all []string
	for i := range h.Len() {
		name, value := h.At(i)
		all = append(all, string(name), string(value))
	}
	return all
}

func TestHeaderChanges(t *testing.T) {
	start := []string{"Host", "a", "x-one", "1", "Via", "p", "X-One", "2", "via", "q", "x-ONE", "3"}
	for _, tc := range []struct {
		name string
		do   func(h *Header)
		want []string
	}{
		{"nothing", func(*Header) {}, start},
		{"Add keeps order, case and duplicates", func(h *Header) { h.Add("hOST", "b") }, append(start[:12:12], "hOST", "b")},
		{"AddBytes", func(h *Header) { h.AddBytes([]byte("x"), nil) }, append(start[:12:12], "x", "")},
		{"AddID", func(h *Header) { h.AddID(Via, []byte("r")) }, append(start[:12:12], "Via", "r")},
		{"Set of an ordinary name", func(h *Header) { h.Set("X-oNe", "9") },
			[]string{"Host", "a", "x-one", "9", "Via", "p", "via", "q"}},
		{"Set of a well-known name", func(h *Header) { h.Set("VIA", "9") },
			[]string{"Host", "a", "x-one", "1", "Via", "9", "X-One", "2", "x-ONE", "3"}},
		{"Set of a new name", func(h *Header) { h.Set("New", "9") }, append(start[:12:12], "New", "9")},
		{"SetBytes", func(h *Header) { h.SetBytes("x-one", []byte("9")) },
			[]string{"Host", "a", "x-one", "9", "Via", "p", "via", "q"}},
		{"SetID", func(h *Header) { h.SetID(Via, []byte("9")) },
			[]string{"Host", "a", "x-one", "1", "Via", "9", "X-One", "2", "x-ONE", "3"}},
		{"SetID of a new name", func(h *Header) { h.SetID(TE, []byte("9")) }, append(start[:12:12], "TE", "9")},
		{"Set to another field's value", func(h *Header) { v, _ := h.Get("x-one"); h.SetBytes("Host", v) },
			append([]string{"Host", "1"}, start[2:]...)},
		{"Join to an ordinary name", func(h *Header) { h.Join("X-one", ",", []byte("9")) }, append(start[:11:11], "3,9")},
		{"Join to a well-known name", func(h *Header) { h.Join("VIA", "; ", []byte("9")) }, append(append(start[:9:9], "q; 9"), start[10:]...)},
		{"Join to what is not there", func(h *Header) { h.Join("New", ",", []byte("9")) }, append(start[:12:12], "New", "9")},
		{"Join with another field's value", func(h *Header) { v, _ := h.Get("x-one"); h.Join("Host", ",", v) },
			append([]string{"Host", "a,1"}, start[2:]...)},
		{"Del of an ordinary name", func(h *Header) { h.Del("x-ONE") },
			[]string{"Host", "a", "Via", "p", "via", "q"}},
		{"Del of a well-known name", func(h *Header) { h.Del("vIa") },
			[]string{"Host", "a", "x-one", "1", "X-One", "2", "x-ONE", "3"}},
		{"Del of a name that is not there", func(h *Header) { h.Del("Cookie"); h.Del("other"); h.Del("") }, start},
		{"DelID", func(h *Header) { h.DelID(Host) }, start[2:]},
		{"DelAt the first", func(h *Header) { h.DelAt(0) }, start[2:]},
		{"DelAt the last", func(h *Header) { h.DelAt(5) }, start[:10]},
		{"Clear", func(h *Header) { h.Clear() }, nil},
		{"AddAll", func(h *Header) { h.AddAll(of("x-one", "4", "TE", "")) },
			append(start[:12:12], "x-one", "4", "TE", "")},
		{"AddAll of itself", func(h *Header) { h.AddAll(h) }, append(start[:12:12], start...)},
		{"CopyFrom", func(h *Header) { h.CopyFrom(of("a", "b")) }, []string{"a", "b"}},
		{"CopyFrom itself", func(h *Header) { h.CopyFrom(h) }, start},
		{"Take", func(h *Header) { h.Take(of("a", "b")) }, []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := of(start...)
			tc.do(h)
			if diff := cmp.Diff(tc.want, fields(h)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for i := range h.Len() {
				if name, _ := h.At(i); h.IDAt(i) != IDOf(name) {
					t.Errorf("field %d, %q, has ID %v", i, name, h.IDAt(i))
				}
			}
		})
	}
}

func TestHeaderGet(t *testing.T) {
	h := of("Host", "a", "x-one", "1", "X-One", "2", "via", "p", "Via", "q", "Empty", "")
	for _, tc := range []struct {
		name, want string
		ok         bool
	}{
		{"host", "a", true}, {"X-ONE", "1", true}, {"VIA", "p", true}, {"empty", "", true},
		{"Cookie", "", false}, {"x-on", "", false}, {"", "", false},
	} {
		if got, ok := h.Get(tc.name); string(got) != tc.want || ok != tc.ok {
			t.Errorf("Get(%q) is %q, %v", tc.name, got, ok)
		}
		if id := IDOf(tc.name); id != Other {
			if got, ok := h.GetID(id); string(got) != tc.want || ok != tc.ok {
				t.Errorf("GetID(%v) is %q, %v", id, got, ok)
			}
		}
	}
	for _, tc := range []struct {
		name string
		want bool
	}{{"cookie", false}, {"host", true}, {"host", false}, {"x-ONE", true}, {"x-ONE", false}} {
		if got := h.Del(tc.name); got != tc.want {
			t.Errorf("Del(%q) is %v", tc.name, got)
		}
	}
}

func TestSlicesStayReadable(t *testing.T) {
	h := of("a", "first")
	v, _ := h.Get("a")
	for range 1000 {
		h.Add("more", "and more")
	}
	h.Set("a", "second")
	if string(v) != "first" {
		t.Errorf("the slice now shows %q", v)
	}
	if len(v) != cap(v) {
		t.Error("appending to a value would write over the next")
	}
}

func TestTakeLeavesTheSourceEmptyWithMemory(t *testing.T) {
	h, src := of("old", "x"), of("a", "b")
	h.Take(src)
	if src.Len() != 0 || src.Size() != 0 || cap(src.arena) == 0 || cap(src.fields) == 0 {
		t.Errorf("the source has %d fields, %d bytes, room for %d", src.Len(), src.Size(), cap(src.arena))
	}
	src.Add("c", "d")
	if diff := cmp.Diff([]string{"a", "b"}, fields(h)); diff != "" {
		t.Errorf("using the source again changed the target: (-want +got)\n%s", diff)
	}
}

func TestSizeCountsAllBytes(t *testing.T) {
	h := of("ab", "cde", "f", "")
	if h.Size() != 6 {
		t.Errorf("Size is %d", h.Size())
	}
	h.Del("ab")
	h.Set("f", "12")
	if h.Size() != 8 {
		t.Errorf("Size is %d after changes", h.Size())
	}
	if h.Clear(); h.Size() != 0 {
		t.Errorf("Size is %d after Clear", h.Size())
	}
}

func TestClearKeepsOrdinaryMemoryOnly(t *testing.T) {
	h := of("a", strings.Repeat("b", keepArena/4))
	if h.Clear(); cap(h.arena) == 0 {
		t.Error("ordinary memory was dropped")
	}
	h.Add("a", strings.Repeat("b", 2*keepArena))
	if h.Clear(); cap(h.arena) != 0 {
		t.Errorf("%d bytes were kept", cap(h.arena))
	}
	for range 2 * keepFields {
		h.Add("a", "")
	}
	if h.Clear(); cap(h.fields) != 0 {
		t.Errorf("room for %d fields was kept", cap(h.fields))
	}
}

func TestHeaderAllocatesNothingInSteadyState(t *testing.T) {
	var h, other Header
	name, value := []byte("X-Custom"), []byte("some value")
	n := testing.AllocsPerRun(1000, func() {
		h.Clear()
		h.Add("Host", "example.com")
		h.AddBytes(name, value)
		h.AddID(Via, value)
		h.Set("via", "weir")
		h.SetBytes("x-custom", value)
		h.SetID(XRequestID, value)
		h.Join("x-custom", ",", value)
		h.Get("x-CUSTOM")
		h.GetID(Host)
		h.Del("X-Custom")
		h.Del("not there")
		h.DelID(XRequestID)
		other.CopyFrom(&h)
		other.AddAll(&h)
		h.Take(&other)
	})
	if n != 0 {
		t.Errorf("%v allocations for each run", n)
	}
}

func BenchmarkHeader(b *testing.B) {
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		h.Clear()
		h.Add("Host", "example.com")
		h.Add("User-Agent", "bench/1.0")
		h.Add("Accept", "*/*")
		h.Add("X-Request-Id", "0123456789abcdef")
		h.Set("x-forwarded-proto", "http")
		h.Get("accept")
		h.DelID(Connection)
	}
}

// A line is forwarded as it came until its field is changed.
func TestHeaderLine(t *testing.T) {
	var h Header
	h.AddLine(IDOf("X-Request-Id"), []byte("X-request-ID: 7\r\n"), len("X-request-ID"))
	h.AddLine(IDOf("Via"), []byte("Via: \r\n"), len("Via"))
	h.Add("a", "b")

	name, value := h.At(0)
	if string(name) != "X-request-ID" || string(value) != "7" {
		t.Errorf("got %q: %q", name, value)
	}
	if value, ok := h.Get("via"); !ok || len(value) != 0 {
		t.Errorf("via is %q, %t", value, ok)
	}
	for i, want := range []string{"X-request-ID: 7\r\n", "Via: \r\n", ""} {
		if got := string(h.LineAt(i)); got != want {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	h.Set("x-request-id", "8")
	h.Del("via")
	if line := h.LineAt(0); line != nil {
		t.Errorf("a changed field has the line %q", line)
	}
	var kept Header
	kept.AddAll(&h)
	if value, _ := kept.Get("X-Request-Id"); string(value) != "8" || kept.Len() != 2 {
		t.Errorf("got %q in %d fields", value, kept.Len())
	}
}
