package hpack

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// inParts decodes a block as it comes: in parts of the lengths that next says.
func inParts(d *Decoder, block []byte, next func() int, emit Emitter) error {
	var p Part
	var rest []byte
	for {
		n := min(max(next(), 1), len(block))
		rest = append(rest, block[:n]...)
		block = block[n:]
		used, err := d.DecodePart(&p, rest, len(block) == 0, emit)
		if err != nil || len(block) == 0 {
			return err
		}
		rest = rest[used:]
	}
}

// all collects fields.
type all struct{ fields []string }

func (a *all) Field(f Field) bool {
	a.fields = append(a.fields, string(f.Name)+": "+string(f.Value))
	return true
}

// After a block that was decoded in parts, the table is what it is after the block as a
// whole. What is passed on is the same but for values that are longer than the table.
func TestPartsLeaveTheSameTable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		whole, parts := NewDecoder(4096), NewDecoder(4096)
		e := NewEncoder()
		for range 5 {
			b := e.Begin(nil)
			var want []string
			for range random.IntN(20) {
				name := strings.Repeat("n", 1+random.IntN(40))
				length := random.IntN(300)
				if random.IntN(10) == 0 {
					length = random.IntN(40_000)
				}
				value := bytes.Repeat([]byte{"a~0"[random.IntN(3)]}, length)
				b = e.Append(b, []byte(name), value, []Indexing{Index, NoIndex, Never}[random.IntN(3)])
				want = append(want, name+": "+string(value))
			}
			var a, p all
			if err := whole.Decode(b, &a); err != nil {
				t.Fatal(err)
			}
			if err := inParts(parts, b, func() int { return random.IntN(3000) }, &p); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			sameTables(t, whole, parts)
			i := 0
			for _, f := range p.fields {
				for i < len(want) && want[i] != f {
					if len(want[i]) < 4096 {
						t.Fatalf("round %d: %.40q is missing", round, want[i])
					}
					i++
				}
				i++
			}
		}
	}
}

func sameTables(t *testing.T, a, b *Decoder) {
	t.Helper()
	if a.dynamic.n != b.dynamic.n || a.dynamic.size != b.dynamic.size {
		t.Fatalf("the tables have %d and %d entries", a.dynamic.n, b.dynamic.n)
	}
	for i := range a.dynamic.n {
		name, value := a.dynamic.field(a.dynamic.at(i))
		name2, value2 := b.dynamic.field(b.dynamic.at(i))
		if !bytes.Equal(name, name2) || !bytes.Equal(value, value2) {
			t.Fatalf("entry %d is %q: %q and %q: %q", i, name, value, name2, value2)
		}
	}
}

// Of a value that is longer than the table nothing is kept while it comes.
func TestALongValueIsNotKept(t *testing.T) {
	d := NewDecoder(4096)
	e := NewEncoder()
	block := e.Append(e.Begin(nil), []byte("cookie"), bytes.Repeat([]byte("~"), 100_000), Index)
	var p Part
	for at := 0; at < len(block)-100; at += 100 {
		if n, err := d.DecodePart(&p, block[at:at+100], false, nil); n != 100 || err != nil {
			t.Fatalf("at %d: %d, %v", at, n, err)
		}
	}
}

func TestPartErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		parts []string
		want  error
	}{
		"ends in a field":       {[]string{"\x82", "\x40\x01a"}, ErrTruncated},
		"ends in a long value":  {[]string{"\x00\x01a\x7f\xff\xff\x03xxx", "yyy"}, ErrTruncated},
		"ends in an update":     {[]string{"\x3f"}, ErrTruncated},
		"an update behind":      {[]string{"\x82", "\x20"}, ErrUpdatePlace},
		"a wrong index":         {[]string{"\xbe", ""}, ErrIndex},
		"an index, cut":         {[]string{"\xff", "\x80\x01"}, ErrIndex},
		"a size over the limit": {[]string{"\x3f\xff", "\x7f"}, ErrUpdateSize},
		"all is well":           {[]string{"\x3f", "\x01", "\x20\x82\x00\x01", "a\x01b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, p := NewDecoder(4096), Part{}
			var rest []byte
			for i, part := range tc.parts {
				rest = append(rest, part...)
				last := i == len(tc.parts)-1
				n, err := d.DecodePart(&p, rest, last, nil)
				if err != nil || last {
					if !errors.Is(err, tc.want) {
						t.Errorf("part %d: %v, want %v", i, err, tc.want)
					}
					return
				}
				rest = rest[n:]
			}
		})
	}
}

func FuzzParts(f *testing.F) {
	f.Add([]byte("\x82\x40\x01a\x01b\xbe"), uint8(3))
	f.Add([]byte("\x3f\x01\x00\x01a\x7f\xff\xff\x03"), uint8(1))
	f.Fuzz(func(t *testing.T, block []byte, n uint8) {
		whole, parts := NewDecoder(4096), NewDecoder(4096)
		err := whole.Decode(block, nil)
		err2 := inParts(parts, block, func() int { return int(n) }, nil)
		switch {
		case err == nil && err2 != nil:
			t.Fatalf("in parts: %v", err2)
		case err == nil:
			sameTables(t, whole, parts)
		case err2 == nil && !errors.Is(err, ErrHuffman): // which is not looked at in a value that is of no use
			t.Fatalf("as a whole: %v", err)
		}
	})
}
