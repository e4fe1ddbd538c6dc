package serial

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendHessian(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "00"},
		{"hi", "02 6869"},
		{"é中", "02 c3a9 e4b8ad"},
		{"\U0001f600", "02 eda0bd edb880"},
		{"\U0010ffff", "02 edafbf edbfbf"},
		{"\U00010000", "02 eda080 edb080"},
		{"\xed\xa0\xbd\xed\xb8\x80", "02 eda0bd edb880"},
		{"a\xffb", "03 61 efbfbd 62"},
		{"\xed\xa0", "02 efbfbd efbfbd"},
		{"\xf0\x9f\x98", "03 efbfbd efbfbd efbfbd"},
		{strings.Repeat("a", 31), "1f" + strings.Repeat("61", 31)},
		{strings.Repeat("a", 32), "3020" + strings.Repeat("61", 32)},
		{strings.Repeat("中", 1023), "33ff" + strings.Repeat("e4b8ad", 1023)},
		{strings.Repeat("a", 1024), "530400" + strings.Repeat("61", 1024)},
		{strings.Repeat("a", 32768), "538000" + strings.Repeat("61", 32768)},
		{strings.Repeat("a", 32769), "528000" + strings.Repeat("61", 32768) + "0161"},
		{strings.Repeat("a", 32767) + "\U0001f600", "527fff" + strings.Repeat("61", 32767) + "02 eda0bd edb880"},
	} {
		if got := Hessian2.AppendEntry([]byte("x"), []byte(tt.text)); !bytes.Equal(got[1:], unhex(t, tt.want)) {
			t.Errorf("%.20q: %.60x, want %.60s", tt.text, got[1:], tt.want)
		}
	}
}

func TestAppendJSONB(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "49"},
		{"hi", "4b 6869"},
		{"é中", "7a05 c3a9 e4b8ad"},
		{"\U0001f600", "7a04 f09f9880"},
		{"a\xffb", "7a05 61 efbfbd 62"},
		{strings.Repeat("a", 47), "78" + strings.Repeat("61", 47)},
		{strings.Repeat("a", 48), "79 3830" + strings.Repeat("61", 48)},
		{strings.Repeat("a", 2047), "79 3fff" + strings.Repeat("61", 2047)},
		{strings.Repeat("a", 2048), "79 440800" + strings.Repeat("61", 2048)},
		{strings.Repeat("a", 262144), "79 48 00040000" + strings.Repeat("61", 262144)},
	} {
		if got := FastJSON2.AppendEntry([]byte("x"), []byte(tt.text)); !bytes.Equal(got[1:], unhex(t, tt.want)) {
			t.Errorf("%.20q: %.60x, want %.60s", tt.text, got[1:], tt.want)
		}
	}
}

// TestWhatIsWrittenIsRead: values and maps.
func TestWhatIsWrittenIsRead(t *testing.T) {
	texts := []string{"", "a", "é中", strings.Repeat("x", 47), strings.Repeat("y", 48), strings.Repeat("中", 9000)}
	for _, f := range []Form{Hessian2, FastJSON2} {
		var b []byte
		for _, text := range texts {
			b = f.AppendValue(b, []byte(text))
		}
		b = f.AppendNull(b)
		from := len(b)
		if f == FastJSON2 {
			b = append(b, 0, 0, 0, 0)
		}
		b = f.AppendOpen(b)
		for _, text := range texts {
			b = f.AppendEntry(f.AppendEntry(b, []byte(text)), []byte(text+"!"))
		}
		b = f.AppendClose(b)
		if f == FastJSON2 {
			n := len(b) - from - 4
			b[from+2], b[from+3] = byte(n>>8), byte(n)
		}

		var r Reader
		r.Reset(f, b, 0, plenty)
		read := func(want string) {
			t.Helper()
			if v, ok := next(&r); !ok || v.Kind != Text || string(b[v.From:v.To]) != want {
				t.Fatalf("form %d: %+v, %v, want %.20q", f, v, ok, want)
			}
		}
		for _, text := range texts {
			read(text)
		}
		if v, ok := next(&r); !ok || v.Kind != Null {
			t.Fatalf("form %d: %+v, %v", f, v, ok)
		}
		if null, ok := r.Open(); null || !ok {
			t.Fatalf("form %d: no map", f)
		}
		for _, text := range texts {
			read(text)
			read(text + "!")
		}
		if !r.Close() || !r.Done() {
			t.Errorf("form %d: there is more", f)
		}
	}
}

func TestNoMap(t *testing.T) {
	var r Reader
	for f, texts := range map[Form][]string{
		Hessian2:  {"57 5a", "90", "4d 4e 5a", "4d"},
		FastJSON2: {"00000001 94", "00000001", "00000002 a6", "00000003 92 00 94", "00000002 92 7f"},
	} {
		for _, digits := range texts {
			r.Reset(f, unhex(t, digits), 0, plenty)
			if null, ok := r.Open(); null || ok {
				t.Errorf("%s: null %v, ok %v", digits, null, ok)
			}
		}
		r.Reset(f, f.AppendNull(nil), 0, plenty)
		if null, ok := r.Open(); !null || !ok || !r.Done() {
			t.Errorf("form %d: null %v, ok %v", f, null, ok)
		}
	}
}
