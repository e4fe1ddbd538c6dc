package hpack

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeMalformed(t *testing.T) {
	long := strings.Repeat("ff", 200)
	for _, c := range []struct {
		name, block string
		want        error
	}{
		{"index 0", "80", ErrIndex},
		{"index behind an empty table", "be", ErrIndex},
		{"index behind the table", "400161 0162 bf", ErrIndex},
		{"index of 32 bits", "ff80ffffff0f", ErrIndex},
		{"name index behind an empty table", "7e0161", ErrIndex},
		{"name index behind an empty table, not indexed", "0f2f0161", ErrIndex},
		{"name index behind an empty table, never indexed", "1f2f0161", ErrIndex},

		{"integer of 33 bits", "ff81ffffff0f", ErrInteger},
		{"integer of more than 64 bits", "ffffffffffffffffffffffff7f", ErrInteger},
		{"integer with zeroes that never end", "ff80808080808000", ErrInteger},
		{"integer of thousands of bytes", "ff" + long, ErrInteger},
		{"length of 33 bits", "007f81ffffff0f", ErrInteger},
		{"update of 32 bits", "3fe0ffffff0f", ErrUpdateSize},
		{"update that does not fit", "3fe1ffffff1f", ErrInteger},

		{"integer without an end", "ff80", ErrTruncated},
		{"index without its rest", "ff", ErrTruncated},
		{"name index without its rest", "7f", ErrTruncated},
		{"name without a length", "40", ErrTruncated},
		{"name that is too short", "400361", ErrTruncated},
		{"value without a length", "400161", ErrTruncated},
		{"value that is too short", "4001610262", ErrTruncated},
		{"value of 4 GiB", "4001617f80ffffff0f", ErrTruncated},
		{"update without its rest", "3f", ErrTruncated},

		{"padding of eleven bits", "000161 82 1fff", ErrHuffman}, // behind an a of five bits
		{"padding of eight bits", "000161 82 f8ff", ErrHuffman},  // behind an & of eight,
		{"padding with a zero", "000161 81 18", ErrHuffman},
		{"padding only", "000161 81 ff", ErrHuffman},
		{"end of string", "000161 84 ffffffff", ErrHuffman},
		{"end of string behind text", "000161 88 1c64 1c64 ffffffff", ErrHuffman},
		{"half a code", "000161 82 fffe", ErrHuffman},
		{"invalid code in a name", "0081ff0161", ErrHuffman},
		{"invalid code of an indexed field", "400161 81 18", ErrHuffman},

		{"update behind a field", "8220", ErrUpdatePlace},
		{"update between fields", "82203fe11f82", ErrUpdatePlace},
		{"update above the limit", "3fe21f", ErrUpdateSize},
		{"second update above the limit", "203fe21f", ErrUpdateSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(4096)
			if err := d.Decode(unhex(t, c.block), &list{}); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			// The verdict does not depend on who listens.
			d = NewDecoder(4096)
			if err := d.Decode(unhex(t, c.block), nil); !errors.Is(err, c.want) {
				t.Errorf("with nobody listening %v, want %v", err, c.want)
			}
		})
	}
}

func TestDecodeOdd(t *testing.T) {
	for _, c := range []struct {
		name, block string
		want        []string
	}{
		{"nothing", "", nil},
		{"updates only", "20 3fe11f", nil},
		{"many updates", strings.Repeat("20", 100) + "3fe11f 82", []string{":method: GET"}},
		{"empty name and value", "0000 00 1000 00 4000 00 be", []string{": ", ":  (sensitive)", ": ", ": "}},
		{"empty strings in Huffman's code", "008080 408080 be", []string{": ", ": ", ": "}},
		{"integer without needless zeroes", "0f00 0161", []string{"accept-charset: a"}},
		{"integer with as many zeroes as may be", "0f8080808000 0161", []string{"accept-charset: a"}},
		{"index that fills its prefix", strings.Repeat("400000", 66) + "ff00", slices.Repeat([]string{": "}, 67)},
		{"a field that takes its name from the table", "4001610162 7e0163 bf", []string{"a: b", "a: c", "a: b"}},
		{"never indexed", "1001610162", []string{"a: b (sensitive)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got list
			if err := NewDecoder(4096).Decode(unhex(t, c.block), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// Every block that is cut short either ends with a whole field or is truncated; it
// never stands for something else.
func TestDecodePrefixes(t *testing.T) {
	for _, c := range rfcExamples {
		first := c.blocks[0]
		block := unhex(t, first.block)
		whole := 0
		for n := range block {
			var got list
			err := NewDecoder(4096).Decode(block[:n], &got)
			if diff := cmp.Diff(first.fields[:len(got.fields)], append([]string{}, got.fields...)); diff != "" {
				t.Fatalf("%s, %d bytes (-want +got):\n%s", c.name, n, diff)
			}
			switch {
			case err == nil:
				whole++
			case !errors.Is(err, ErrTruncated):
				t.Fatalf("%s, %d bytes: %v", c.name, n, err)
			}
		}
		if whole != len(first.fields) {
			t.Errorf("%s: %d prefixes are blocks, want one for each of %d fields", c.name, whole, len(first.fields))
		}
	}
}

// A field carries the static index of its name also from the dynamic table.
func TestDecodeStatic(t *testing.T) {
	var got []uint8
	take := emitterFunc(func(f Field) bool {
		got = append(got, f.Static)
		return true
	})
	d := NewDecoder(4096)
	// :method GET; :path /x (indexed), the same again; a: b (indexed), the same again; a
	// :path by the name of its entry, without indexing.
	if err := d.Decode(unhex(t, "82 44022f78 be 4001610162 be 0f30 0179"), take); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint8{2, 4, 4, 0, 0, 4}, got); diff != "" {
		t.Errorf("indices (-want +got):\n%s", diff)
	}
}

type emitterFunc func(Field) bool

func (f emitterFunc) Field(field Field) bool { return f(field) }

// Who wants no more fields gets none, and the table is kept right all the same.
func TestDecodeStops(t *testing.T) {
	for most := 1; most <= 4; most++ {
		d := NewDecoder(4096)
		got := list{most: most}
		if err := d.Decode(unhex(t, "82 4001610162 be 4001630164"), &got); err != nil {
			t.Fatal(err)
		}
		all := []string{":method: GET", "a: b", "a: b", "c: d"}
		if diff := cmp.Diff(all[:most], got.fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"c: d", "a: b"}, entries(&d.dynamic)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		again := list{}
		if err := d.Decode(unhex(t, "be"), &again); err != nil || len(again.fields) != 1 {
			t.Errorf("the next block: %v, %v", again.fields, err)
		}
	}
}

// Thousands of references to one large field cost no memory, and the one who takes
// them ends them.
func TestDecodeReferences(t *testing.T) {
	d := NewDecoder(4096)
	value := bytes.Repeat([]byte("x"), 4000)
	block := appendText(append([]byte{0x40}, "\x01a"...), value)
	block = append(block, bytes.Repeat([]byte{0xbe}, 60_000)...)
	taken := 0
	take := emitterFunc(func(f Field) bool {
		if !bytes.Equal(f.Value, value) {
			t.Fatal("another value")
		}
		taken++
		return taken < 15
	})
	if err := d.Decode(block, take); err != nil {
		t.Fatal(err)
	}
	if taken != 15 {
		t.Errorf("%d fields passed on, want 15", taken)
	}
	taken = -1 << 20
	var err error
	if n := testing.AllocsPerRun(1, func() { err = d.Decode(block, take) }); n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

func TestDecodeTableSizes(t *testing.T) {
	const (
		add    = "400161 0162"   // of 34 bytes
		update = "3fe11f"        // to 4,096
		above  = "3fe21f"        // to 4,097
		raise  = "3fe1ff03"      // to 65,536
		to100  = "3f45"          // to 100
		to101  = "3f46"          // to 101
		fields = add + add + add // 102 bytes
		huge   = "407f e11f"     // a name of 4,192 bytes
	)
	type step struct {
		block   string
		want    error
		entries uint32
	}
	for _, c := range []struct {
		name         string
		max          uint32
		acknowledged bool
		steps        []step
	}{
		{"smaller and larger", 4096, true, []step{{fields, nil, 3}, {to100, nil, 2}, {add, nil, 2}, {update + add, nil, 3}}},
		{"to nothing and back", 4096, true, []step{{fields, nil, 3}, {"20", nil, 0}, {add, nil, 0}, {"20" + update, nil, 0}, {add, nil, 1}}},
		{"default, above it", 4096, true, []step{{above, ErrUpdateSize, 0}}},
		{"large", 65536, true, []step{{fields, nil, 3}, {raise, nil, 3}}},
		{"large, above it", 65536, true, []step{{"3fe2ff03", ErrUpdateSize, 0}}},
		{"small, not seen by the peer", 100, false, []step{{fields, nil, 3}, {update, nil, 3}, {above, ErrUpdateSize, 3}}},
		{"small, seen by the peer", 100, true, []step{{to100 + fields, nil, 2}, {to101, ErrUpdateSize, 2}}},
		{"small, to a peer that says nothing", 100, true, []step{{fields, nil, 2}}},
		{"none", 0, true, []step{{"20" + add, nil, 0}, {add + "be", ErrIndex, 0}}},
		{"an entry of the table's size", 34, true, []step{{add, nil, 1}, {add, nil, 1}}},
		{"an entry that is too large", 33, true, []step{{add, nil, 0}}},
		{"an entry that drives all out", 4096, true, []step{{fields, nil, 3}, {huge + strings.Repeat("61", 4192) + "00", nil, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(c.max)
			if c.acknowledged {
				d.Acknowledged()
			}
			for i, s := range c.steps {
				if err := d.Decode(unhex(t, s.block), nil); !errors.Is(err, s.want) {
					t.Fatalf("block %d: %v, want %v", i+1, err, s.want)
				}
				if d.dynamic.n != s.entries {
					t.Fatalf("block %d: %d entries, want %d", i+1, d.dynamic.n, s.entries)
				}
			}
		})
	}
}

// A table that shrinks with the acknowledgement keeps what is newest, for a peer
// that has shrunk its own.
func TestAcknowledged(t *testing.T) {
	d := NewDecoder(64)
	if err := d.Decode(unhex(t, "4001610162 4001630164"), nil); err != nil {
		t.Fatal(err)
	}
	d.Acknowledged()
	if diff := cmp.Diff([]string{"c: d"}, entries(&d.dynamic)); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// Fields of any length come out whole, wherever they are put together, and the
// memory for the longest is given back.
func TestDecodeLong(t *testing.T) {
	for _, n := range []int{0, 1, 100, 126, 127, 128, 129, 255, 1000, 2000, 4000, 4063, 4064, 5000, 60_000} {
		for _, char := range []string{"a", "~", "\xff"} {
			d := NewDecoder(4096)
			name, value := "x-"+strings.Repeat(char, n/2), strings.Repeat(char, n)
			var block []byte
			for _, kind := range []byte{0x00, 0x40, 0x10} {
				block = appendText(appendText(append(block, kind), []byte(name)), []byte(value))
				block = appendText(append(block, kind|4), []byte(value))
			}
			var got list
			if err := d.Decode(block, &got); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, end := range []string{"", "", " (sensitive)"} {
				want = append(want, fmt.Sprintf("%s: %s%s", name, value, end), fmt.Sprintf(":path: %s%s", value, end))
			}
			if diff := cmp.Diff(want, got.fields); diff != "" {
				t.Fatalf("%d of %q (-want +got):\n%s", n, char, diff)
			}
			if held := cap(d.dynamic.bytes) + cap(d.spill); held > initialTable+keepSpill {
				t.Errorf("%d of %q: %d bytes held", n, char, held)
			}
		}
	}
}

// A field that takes its name from an entry that it drives out keeps it, also where
// it is put together beside the table.
func TestDecodeNameDrivenOut(t *testing.T) {
	for _, n := range []int{1000, 2500, 4000} {
		d := NewDecoder(4096)
		value := strings.Repeat("a", n)
		block := unhex(t, "400678 2d6e 616d 650162")
		block = appendText(append(block, 0x40|0x3e), []byte(value))
		block = appendText(append(block, 0x40|0x3e), []byte(value))
		block = append(block, 0xbe)
		var got list
		if err := d.Decode(block, &got); err != nil {
			t.Fatal(err)
		}
		want := []string{"x-name: b", "x-name: " + value, "x-name: " + value, "x-name: " + value}
		if diff := cmp.Diff(want, got.fields); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", n, diff)
		}
	}
}

// A connection that has seen nothing holds nothing but the struct.
func TestDecoderIdle(t *testing.T) {
	d := NewDecoder(65536)
	if err := d.Decode(unhex(t, "8286 84 01 0162"), nil); err != nil {
		t.Fatal(err)
	}
	if cap(d.dynamic.bytes)+cap(d.dynamic.ring)+cap(d.spill) != 0 {
		t.Error("memory taken for static and plain fields")
	}
	if size := unsafe.Sizeof(*d); size > 160 {
		t.Errorf("%d bytes", size)
	}
}

func TestDecodeAllocations(t *testing.T) {
	for _, s := range samples {
		names, values := asBytes(s.fields)
		e := NewEncoder()
		first := encode(e, nil, names, values, s.fields)
		next := encode(e, nil, names, values, s.fields)
		d := NewDecoder(4096)
		var c counter
		if err := d.Decode(first, &c); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _ = d.Decode(next, &c) }); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
		if c.fields != len(s.fields)*102 {
			t.Errorf("%s: %d fields in 102 blocks of %d", s.name, c.fields, len(s.fields))
		}
	}
}
