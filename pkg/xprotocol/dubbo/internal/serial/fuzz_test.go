package serial

import "testing"

// FuzzSkip: Next and Skip agree on what a value is, whatever it is, and neither
// goes beyond its end.
func FuzzSkip(f *testing.F) {
	for _, e := range hessianExamples {
		f.Add(uint8(Hessian2), false, unhex(f, e.hex))
	}
	for _, e := range jsonbExamples {
		b := unhex(f, e.hex)
		f.Add(uint8(FastJSON2), true, append([]byte{0, 0, 0, byte(len(b) + 1), jsonbObject}, b...))
	}
	f.Fuzz(func(t *testing.T, form uint8, inMap bool, b []byte) {
		if form != uint8(Hessian2) && form != uint8(FastJSON2) {
			return
		}
		for _, narrow := range []bool{false, true} {
			next, nextOK := walk(t, Form(form), b, inMap, narrow, func(r *Reader) bool {
				v, ok := next(r)
				if ok && (v.From > v.To || v.To > v.End || v.End != r.Pos() || v.Off >= v.End || v.Kind == Text && v.From <= v.Off) {
					t.Fatalf("%x: %+v", b, v)
				}
				return ok
			})
			skip, skipOK := walk(t, Form(form), b, inMap, narrow, (*Reader).Skip)
			// The length before a value of fastjson2 is all that Skip looks at.
			if nextOK && !skipOK || nextOK == skipOK && skipOK && next != skip || inMap && nextOK != skipOK {
				t.Fatalf("%x: Next reads %d, %v, Skip %d, %v", b, next, nextOK, skip, skipOK)
			}
		}
	})
}

// walk reads values until there are no more, and tells how many bytes they are and
// whether they are all.
func walk(t *testing.T, f Form, b []byte, inMap, narrow bool, read func(*Reader) bool) (n int, ok bool) {
	var r Reader
	r.Reset(f, b, 0, plenty)
	if narrow {
		r.Narrow()
	}
	if inMap {
		if null, ok := r.Open(); null || !ok {
			return r.Pos(), ok
		}
	}
	for !inMap || !r.Close() {
		before := r.Pos()
		if !read(&r) {
			return before, false
		}
		if r.Pos() <= before || r.Pos() > len(b) {
			t.Fatalf("%x: from %d to %d", b, before, r.Pos())
		}
		if r.Pos() == len(b) && !inMap {
			return r.Pos(), true
		}
	}
	return r.Pos(), true
}

func TestNoAllocations(t *testing.T) {
	b := unhex(t, "79 43 0161 91 0162 43 0163 92 0164 0165 60 61 90 60 60 90 48 0161 0162 5a")
	if n := testing.AllocsPerRun(100, func() {
		var r Reader
		r.Reset(Hessian2, b, 0, plenty)
		if !r.Skip() {
			t.Fatal("not skipped")
		}
		if null, ok := r.Open(); null || !ok {
			t.Fatal("no map")
		}
		for !r.Close() {
			if _, ok := next(&r); !ok {
				t.Fatal("broken map")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSkip(b *testing.B) {
	body := append([]byte{'W', 'C', 1, 'a', 0x92, 1, 'b', 1, 'c'}, 0x60, 0x90, 0x90)
	for len(body) < 1<<16 {
		body = append(body, 0x60, 3, 'a', 'b', 'c', 0xc8, 0)
	}
	body = append(body, 'Z')
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var r Reader
		r.Reset(Hessian2, body, 0, plenty)
		if !r.Skip() {
			b.Fatal("not skipped")
		}
	}
}
