package hpack

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// block encodes lines of "name: value".
func block(e *Encoder, how Indexing, lines ...string) []byte {
	dst := e.Begin(nil)
	for _, l := range lines {
		cut := strings.Index(l[1:], ": ") + 1
		dst = e.Append(dst, []byte(l[:cut]), []byte(l[cut+2:]), how)
	}
	return dst
}

func TestEncodeForms(t *testing.T) {
	for _, c := range []struct {
		name string
		how  Indexing
		line string
		want string // of the first block, and of the second
	}{
		{"static field", Index, ":method: POST", "83 83"},
		{"static field, not to be indexed", NoIndex, ":status: 404", "8d 8d"},
		{"static field, last of its name", Index, ":status: 500", "8e 8e"},
		{"static field with a long value", Index, "accept-encoding: gzip, deflate", "90 90"},
		{"static field, sensitive", Never, ":method: POST", "1204504f5354 1204504f5354"},
		{"static field without a value", Index, "via: ", "7c00 be"},
		{"static name", Index, ":path: ~", "44017e be"},
		{"static name, not to be indexed", NoIndex, ":path: ~", "04017e 04017e"},
		{"static name, sensitive", Never, "authorization: ~", "1f08017e 1f08017e"},
		{"name in upper case", Index, "Via: ~", "7c017e be"},
		{"new name", Index, "~: ^", "40017e015e be"},
		{"new name, not to be indexed", NoIndex, "~: ^", "00017e015e 00017e015e"},
		{"new name, sensitive", Never, "~: ^", "10017e015e 10017e015e"},
		{"new name in upper case", NoIndex, "~A~: ^", "00037e617e015e 00037e617e015e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEncoder()
			got := block(e, c.how, c.line)
			got = append(got, block(e, c.how, c.line)...)
			if want := unhex(t, c.want); !bytes.Equal(got, want) {
				t.Errorf("%x, want %x", got, want)
			}
		})
	}
}

// Names that are in the dynamic table are referred to there, in each form.
func TestEncodeDynamicName(t *testing.T) {
	e := NewEncoder()
	block(e, Index, "~~: ^")
	for _, c := range []struct {
		how  Indexing
		want string
	}{{NoIndex, "0f2f0124"}, {Never, "1f2f0124"}, {Index, "7e0124"}} {
		if got := block(e, c.how, "~~: $"); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%d: %x, want %s", c.how, got, c.want)
		}
	}
}

// What must not be in a table is found in none, even if it was put there before.
func TestEncodeNever(t *testing.T) {
	e := NewEncoder()
	block(e, Index, "cookie: ~")
	if got := block(e, Never, "cookie: ~"); !bytes.Equal(got, unhex(t, "1f11017e")) {
		t.Errorf("%x", got)
	}
	if e.dynamic.n != 1 {
		t.Errorf("%d entries", e.dynamic.n)
	}
}

func TestEncodeAllStatic(t *testing.T) {
	for i := 1; i <= staticSize; i++ {
		s := staticTable[i]
		e := NewEncoder()
		got := e.Append(e.Begin(nil), bytes.ToUpper(s.name), s.value, NoIndex)
		want := []byte{0x80 | byte(i)}
		if len(s.value) == 0 {
			want = append(appendInteger(nil, 0, 0x0f, uint32(i)), 0)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %s: %x, want %x", s.name, s.value, got, want)
		}
		if i == 1 || !bytes.Equal(s.name, staticTable[i-1].name) {
			h, _ := hashName(s.name)
			if at := staticName(s.name, h); at != uint8(i) {
				t.Errorf("%s is found at %d, want %d", s.name, at, i)
			}
		}
	}
}

func TestSetMaxTable(t *testing.T) {
	for _, c := range []struct {
		name string
		set  []uint32
		want string // at the start of the next block
		max  uint32
		keep bool // the entries of before
	}{
		{"nothing", nil, "", 4096, true},
		{"the default", []uint32{4096}, "", 4096, true},
		{"more than is used", []uint32{1 << 20}, "", 4096, true},
		{"less", []uint32{100}, "3f45", 100, true},
		{"less than an entry", []uint32{20}, "34", 20, false},
		{"none", []uint32{0}, "20", 0, false},
		{"less and less", []uint32{200, 100}, "3f45", 100, true},
		{"less and more", []uint32{100, 200}, "20 3fa901", 200, false},
		{"down and up", []uint32{0, 1 << 20}, "20 3fe11f", 4096, false},
		{"more and less", []uint32{1 << 20, 100}, "3f45", 100, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEncoder()
			block(e, Index, "~: ^")
			for _, n := range c.set {
				e.SetMaxTable(n)
			}
			if got := e.Begin(nil); !bytes.Equal(got, unhex(t, c.want)) {
				t.Errorf("%x, want %s", got, c.want)
			}
			if got := e.Begin(nil); len(got) != 0 {
				t.Errorf("%x once more", got)
			}
			if e.dynamic.max != c.max || (e.dynamic.n == 1) != c.keep {
				t.Errorf("%d entries of at most %d bytes", e.dynamic.n, e.dynamic.max)
			}
			want := "be"
			switch {
			case c.max < 40:
				want = "00017e015e"
			case !c.keep:
				want = "40017e015e"
			}
			if got := block(e, Index, "~: ^"); !bytes.Equal(got, unhex(t, want)) {
				t.Errorf("next block %x, want %s", got, want)
			}
		})
	}
}

// A large field does not drive all others out.
func TestEncodeLarge(t *testing.T) {
	e := NewEncoder()
	block(e, Index, "~: ^", "large: "+strings.Repeat("x", 2048-32-5))
	if e.dynamic.n != 2 {
		t.Errorf("%d entries, want 2", e.dynamic.n)
	}
	block(e, Index, "large: "+strings.Repeat("x", 2048-32-4))
	if e.dynamic.n != 2 {
		t.Errorf("%d entries, want 2 still", e.dynamic.n)
	}
}

// Values that change with every request do not crowd the table, and one that
// repeats is found out soon.
func TestEncodeChanging(t *testing.T) {
	e := NewEncoder()
	steady := "authorization: Bearer 0123456789"
	length := 0
	for i := range 1000 {
		length += len(block(e, Index, steady, fmt.Sprintf("x-request-id: %016x", i)))
	}
	if in := e.dynamic.seq; in > 1000/every+tries+2 {
		t.Errorf("%d entries were made", in)
	}
	if length > 1000*(1+1+2+16) {
		t.Errorf("%d bytes", length)
	}
	n := 0
	for len(block(e, Index, "x-request-id: same")) > 2 {
		if n++; n > every {
			t.Fatal("a value that repeats is not indexed")
		}
	}
	// Now the name has its chances again.
	before := e.dynamic.seq
	for i := range tries {
		block(e, Index, "x-request-id: "+strconv.Itoa(i))
	}
	if e.dynamic.seq != before+tries {
		t.Errorf("%d of %d values entered", e.dynamic.seq-before, tries)
	}
}

// The index finds everything that is in the table, and only that, however often
// the table was filled and whatever the hashes are.
func TestIndexFinds(t *testing.T) {
	for _, hashes := range []uint64{1, 2, 40, 1 << 32} { // different ones
		var d table
		var x index
		d.max = 4096
		d.seq = 1<<32 - 300
		for i := range 2000 {
			name, value := []byte(strconv.Itoa(i%50)), []byte(strconv.Itoa(i))
			field, nameHash := uint32(uint64(i)*0x9e3779b1%hashes), uint32(uint64(i%50)*0x9e3779b1%hashes)
			d.add(name, value, 0)
			x.added(&d, field, nameHash)
			if i%97 == 0 {
				d.setMax(uint32(i))
				d.setMax(4096)
			}
			for back := i % 7; back < min(i+1, 150); back += 7 {
				k := i - back
				name, value := []byte(strconv.Itoa(k%50)), []byte(strconv.Itoa(k))
				field, nameHash := uint32(uint64(k)*0x9e3779b1%hashes), uint32(uint64(k%50)*0x9e3779b1%hashes)
				at, ok := x.findField(&d, field, name, value)
				if ok != (back < int(d.n)) || ok && at != uint32(back) {
					t.Fatalf("%d hashes: field %d of %d: %d, %v with %d entries", hashes, k, i, at, ok, d.n)
				}
				at, ok = x.findName(&d, nameHash, name)
				if ok != (back%50 < int(d.n)) || ok && at != uint32(back%50) {
					t.Fatalf("%d hashes: name %d of %d: %d, %v with %d entries", hashes, k, i, at, ok, d.n)
				}
			}
		}
	}
}

func TestLowerCase(t *testing.T) {
	for n := range 40 {
		for at := range n {
			for c := range 256 {
				name := bytes.Repeat([]byte("-"), n)
				name[at] = byte(c)
				want := bytes.Clone(name)
				if 'A' <= c && c <= 'Z' {
					want[at] += 'a' - 'A'
				}
				if got := appendLower([]byte("x"), name); string(got) != "x"+string(want) {
					t.Fatalf("%q becomes %q", name, got)
				}
				h, lower := hashName(name)
				wantHash, _ := hashName(want)
				if h != wantHash || lower != bytes.Equal(name, want) {
					t.Fatalf("%q: %x, %v; in lower case %x", name, h, lower, wantHash)
				}
				if !isLowerOf(want, name) || isLowerOf(want, name[1:]) {
					t.Fatalf("%q is not seen in %q", want, name)
				}
				for _, bit := range []byte{0x01, 0x20, 0x80} {
					other := bytes.Clone(name)
					other[at] ^= bit
					if isLowerOf(want, other) != bytes.Equal(appendLower(nil, other), want) {
						t.Fatalf("%q is not told from %q", want, other)
					}
				}
			}
		}
	}
}

func TestEncodeNames(t *testing.T) {
	e, d := NewEncoder(), NewDecoder(4096)
	long := strings.Repeat("Long-", 100)
	for range 2 {
		var got list
		if err := d.Decode(block(e, Index, "Content-Type: A", "X: B", long+": C"), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"content-type: A", "x: B", strings.ToLower(long) + ": C"}, got.fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	}
	if cap(e.lower) > keepLower {
		t.Errorf("%d bytes kept", cap(e.lower))
	}
}

func TestEncoderIdle(t *testing.T) {
	e := NewEncoder()
	if cap(e.dynamic.bytes)+cap(e.dynamic.ring)+cap(e.lower) != 0 || e.index != nil {
		t.Error("memory taken for nothing")
	}
	if size := unsafe.Sizeof(*e) + unsafe.Sizeof(index{}); size > 384 {
		t.Errorf("%d bytes", size)
	}
}

func TestEncodeAllocations(t *testing.T) {
	for _, s := range samples {
		names, values := asBytes(s.fields)
		e := NewEncoder()
		dst := encode(e, nil, names, values, s.fields)
		if n := testing.AllocsPerRun(100, func() { dst = encode(e, dst[:0], names, values, s.fields) }); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
}
