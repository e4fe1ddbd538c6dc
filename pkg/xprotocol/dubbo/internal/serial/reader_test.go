package serial

import (
	"encoding/hex"
	"strings"
	"testing"
)

const plenty = 1 << 20

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func next(r *Reader) (v Value, ok bool) {
	ok = r.Next(&v)
	return v, ok
}

// example is a value alone, or, of JSONB, as it stands in a map.
type example struct {
	hex  string
	kind Kind
	text string
	int  int64
}

var hessianExamples = []example{
	{"00", Text, "", 0},
	{"026869", Text, "hi", 0},
	{"1f" + strings.Repeat("61", 31), Text, strings.Repeat("a", 31), 0},
	{"3003 616263", Text, "abc", 0},
	{"33ff" + strings.Repeat("61", 1023), Text, strings.Repeat("a", 1023), 0},
	{"530002 6869", Text, "hi", 0},
	{"02 c3a9 e4b8ad", Text, "é中", 0},
	{"02 eda0bd edb880", Text, "\xed\xa0\xbd\xed\xb8\x80", 0},
	{"02 f09f9880", Text, "\U0001f600", 0},
	{"520002 6869 0121", Scalar, "", 0},
	{"520001 68 520001 69 53000121", Scalar, "", 0},
	{"4e", Null, "", 0},
	{"54", Scalar, "", 0},
	{"46", Scalar, "", 0},
	{"20", Scalar, "", 0},
	{"23 010203", Scalar, "", 0},
	{"3403 010203", Scalar, "", 0},
	{"420003 010203", Scalar, "", 0},
	{"410003 010203 21ff", Scalar, "", 0},
	{"410003 010203 410000 420001ff", Scalar, "", 0},
	{"4a 0000000000000000", Scalar, "", 0},
	{"4b 00000000", Scalar, "", 0},
	{"5b", Scalar, "", 0},
	{"5c", Scalar, "", 0},
	{"5d 01", Scalar, "", 0},
	{"5e 0102", Scalar, "", 0},
	{"5f 01020304", Scalar, "", 0},
	{"44 0102030405060708", Scalar, "", 0},
	{"90", Int, "", 0},
	{"80", Int, "", -16},
	{"bf", Int, "", 47},
	{"c000", Int, "", -2048},
	{"cfff", Int, "", 2047},
	{"cbe8", Int, "", 1000},
	{"d00000", Int, "", -262144},
	{"d41388", Int, "", 5000},
	{"d7ffff", Int, "", 262143},
	{"49 80000000", Int, "", -1 << 31},
	{"e0", Int, "", 0},
	{"d8", Int, "", -8},
	{"ef", Int, "", 15},
	{"f000", Int, "", -2048},
	{"ffff", Int, "", 2047},
	{"380000", Int, "", -262144},
	{"3fffff", Int, "", 262143},
	{"59 ffffffff", Int, "", -1},
	{"4c 7fffffffffffffff", Int, "", 1<<63 - 1},
	{"48 5a", Compound, "", 0},
	{"48 0161 90 90 57 90 91 5a 5a", Compound, "", 0},
	{"4d 0161 0161 4e 5a", Compound, "", 0},
	{"4d 90 5a", Compound, "", 0},
	{"51 90", Compound, "", 0},
	{"51 d41388", Compound, "", 0},
	{"55 0161 90 5a", Compound, "", 0},
	{"56 0161 92 90 91", Compound, "", 0},
	{"56 90 90", Compound, "", 0},
	{"57 5a", Compound, "", 0},
	{"58 92 90 58 90", Compound, "", 0},
	{"70 0161", Compound, "", 0},
	{"72 90 4e 4e", Compound, "", 0},
	{"78", Compound, "", 0},
	{"7f 90909090909090", Compound, "", 0},
	{"43 0161 92 0162 0163 60 90 91", Compound, "", 0},
	{"43 0161 92 0162 0163 4f 90 90 91", Compound, "", 0},
	{"43 0161 90 60", Compound, "", 0},
	{"79 43 0161 91 0162 43 0163 92 0164 0165 60 61 90 60 60 90", Compound, "", 0}, // two classes
}

var jsonbExamples = []example{
	{"49", Text, "", 0},
	{"4b 6869", Text, "hi", 0},
	{"78" + strings.Repeat("61", 47), Text, strings.Repeat("a", 47), 0},
	{"79 3830" + strings.Repeat("61", 48), Text, strings.Repeat("a", 48), 0},
	{"79 02 6869", Text, "hi", 0},
	{"4a e9", Scalar, "", 0},
	{"79 01 e9", Scalar, "", 0},
	{"7a 05 c3a9 e4b8ad", Text, "é中", 0},
	{"7a 04 f09f9880", Text, "\U0001f600", 0},
	{"7b 02 4e2d", Scalar, "", 0},
	{"7c 02 2d4e", Scalar, "", 0},
	{"7d 02 4e2d", Scalar, "", 0},
	{"7e 02 d6d0", Scalar, "", 0},
	{"af", Null, "", 0},
	{"b0", Scalar, "", 0},
	{"b1", Scalar, "", 0},
	{"b2", Scalar, "", 0},
	{"b3", Scalar, "", 0},
	{"00", Int, "", 0},
	{"2f", Int, "", 47},
	{"f0", Int, "", -16},
	{"ff", Int, "", -1},
	{"3000", Int, "", -2048},
	{"3fff", Int, "", 2047},
	{"3abc", Int, "", 700},
	{"400000", Int, "", -262144},
	{"47ffff", Int, "", 262143},
	{"48 80000000", Int, "", -1 << 31},
	{"bd 80", Int, "", -128},
	{"bc 8000", Int, "", -32768},
	{"be 7fffffffffffffff", Int, "", 1<<63 - 1},
	{"bf ffffffff", Int, "", -1},
	{"c00000", Int, "", -262144},
	{"c7ffff", Int, "", 262143},
	{"c800", Int, "", -2048},
	{"d7ff", Int, "", 2047},
	{"d8", Int, "", -8},
	{"ef", Int, "", 15},
	{"90 41 0000", Scalar, "", 0},
	{"91 03 010203", Scalar, "", 0},
	{"a7 010203 00", Scalar, "", 0},
	{"a8 01020304050607 00", Scalar, "", 0},
	{"a9 01020304", Scalar, "", 0},
	{"aa 01020304050607 00 4a5a", Scalar, "", 0},
	{"ab 0102030405060708", Scalar, "", 0},
	{"ac 01020304", Scalar, "", 0},
	{"ad 01020304", Scalar, "", 0},
	{"ae be0102030405060708 48 01020304", Scalar, "", 0},
	{"b4 00", Scalar, "", 0},
	{"b5 0102030405060708", Scalar, "", 0},
	{"b6 00", Scalar, "", 0},
	{"b7 01020304", Scalar, "", 0},
	{"b8 d8", Scalar, "", 0},
	{"b9 03 bb 02 3039", Scalar, "", 0},
	{"ba d8", Scalar, "", 0},
	{"bb 02 3039", Scalar, "", 0},
	{"94", Compound, "", 0},
	{"96 00 01", Compound, "", 0},
	{"a4 10" + strings.Repeat("af", 16), Compound, "", 0},
	{"a6 a5", Compound, "", 0},
	{"a6 4a61 a6 00 01 a5 7f4a6200 af 7f00 af a5", Compound, "", 0},
	{"93 4a24", Compound, "", 0},
	{"92 4a61 00 a6 a5", Compound, "", 0},
	{"92 00 94", Compound, "", 0},
	{"7f 00", Compound, "", 0},
	{"7f 4a61 01", Compound, "", 0},
}

func TestHessianValues(t *testing.T) {
	for _, e := range hessianExamples {
		b := append([]byte{'N'}, unhex(t, e.hex)...)
		testValue(t, Hessian2, e, b, 1, false)
	}
}

func TestJSONBValues(t *testing.T) {
	for _, e := range jsonbExamples {
		value := unhex(t, e.hex)
		inMap := append([]byte{0, 0, 0, byte(len(value) + 2), jsonbObject}, value...)
		testValue(t, FastJSON2, e, append(inMap, jsonbEnd), 0, true)
		testValue(t, FastJSON2, e, append([]byte{0, 0, 0, byte(len(value))}, value...), 0, false)
	}
}

// testValue reads a value that stands at the end of b, or before the end of a map,
// by Next and by Skip; and does not read it if there is less of it.
func testValue(t *testing.T, f Form, e example, b []byte, at int, inMap bool) {
	t.Helper()
	var r Reader
	end := len(b)
	open := func(b []byte) {
		r.Reset(f, b, at, plenty)
		if inMap {
			r.Open()
		}
	}
	if inMap {
		end--
	}
	open(b)
	off := r.Pos()
	v, ok := next(&r)
	if !ok || v.Kind != e.kind || v.Off != off || v.End != end || r.Pos() != end || v.Int != e.int {
		t.Errorf("%s: %+v, %v", e.hex, v, ok)
		return
	}
	if e.kind == Text && string(b[v.From:v.To]) != e.text {
		t.Errorf("%s: text %q", e.hex, b[v.From:v.To])
	}
	open(b)
	if ok := r.Skip(); !ok || r.Pos() != end {
		t.Errorf("%s: Skip says %v, and stands at %d of %d", e.hex, ok, r.Pos(), end)
	}
	if inMap {
		return
	}
	if !r.Done() {
		t.Errorf("%s: not done", e.hex)
	}
	for n := at; n < len(b); n++ {
		open(b[:n])
		if v, ok := next(&r); ok {
			t.Errorf("%s: %+v in %x", e.hex, v, b[at:n])
		}
		open(b[:n])
		if r.Skip() {
			t.Errorf("%s: skipped in %x", e.hex, b[at:n])
		}
	}
}

func TestBrokenHessian(t *testing.T) {
	for _, digits := range []string{
		"", "40", "45", "47", "50", "01 80", "01 ff", "03 f09f9880", "01 f09f9880", "60", "4f 90", "4f 80", "43 90 90 60", "43 0161 8f 60",
		"43 0161 0161 60", "48 0161 5a", "48 5b", "5a", "57 60 5a", "55 4e 5a", "56 0161 80", "58 80", "58 49ffffffff", "70 4e",
		"51 4e", "52 0001 61 4e", "410001 61 4e", "43 0161 d41001 60", strings.Repeat("79", 64) + "4e",
		strings.Repeat("43 0161 90", 257) + "60",
	} {
		var r Reader
		b := unhex(t, digits)
		r.Reset(Hessian2, b, 0, plenty)
		if r.Skip() && r.Done() {
			t.Errorf("%s was skipped", digits)
		}
		r.Reset(Hessian2, b, 0, plenty)
		if v, ok := next(&r); ok && r.Done() {
			t.Errorf("%s is %+v", digits, v)
		}
	}
}

func TestBrokenJSONB(t *testing.T) {
	for _, digits := range []string{
		"00000000", "ffffffff 00", "00000002 00", "00000002 4a61 00", "00000001 4a61", "00000001 a3", "00000003 a4 48 00", "00000001 a5", "00000002 a6 a4",
		"00000003 a6 00 a5", "00000006 79 48ffffffff", "00000003 79 af 00", "00000002 7900 00", "00000001 7f", "00000002 7f 4a",
	} {
		var r Reader
		b := unhex(t, digits)
		r.Reset(FastJSON2, b, 0, plenty)
		if v, ok := next(&r); ok && r.Done() {
			t.Errorf("%s is %+v", digits, v)
		}
	}
}

// TestSteps: every value costs a step, and long strings do.
func TestSteps(t *testing.T) {
	for _, tt := range []struct {
		hex   string
		steps int
	}{
		{"90", 0},
		{"57 90 90 90 5a", 4},
		{"48 0161 90 5a", 3},
		{"79 53 0400" + strings.Repeat("61", 1024), 2 + 32},
		{"43 0161 93 0161 0161 0161 60 909090", 2 + 3 + 3},
	} {
		b := unhex(t, tt.hex)
		var r Reader
		r.Reset(Hessian2, b, 0, tt.steps)
		if v, ok := next(&r); !ok {
			t.Errorf("%.40s: %+v within %d steps", tt.hex, v, tt.steps)
		}
		r.Reset(Hessian2, b, 0, tt.steps-1)
		if v, ok := next(&r); ok && tt.steps > 0 {
			t.Errorf("%.40s: %+v within %d steps", tt.hex, v, tt.steps-1)
		}
	}
}

// TestNarrow: a sequence of four bytes is one unit or two.
func TestNarrow(t *testing.T) {
	for _, tt := range []struct {
		hex                     string
		wide, narrow, ambiguous bool
	}{
		{"02 f09f9880", true, false, true},
		{"01 f09f9880", false, true, true},
		{"02 6869", true, true, false},
	} {
		var r Reader
		b := unhex(t, tt.hex)
		r.Reset(Hessian2, b, 0, plenty)
		if _, ok := next(&r); ok != tt.wide || r.Ambiguous() != tt.ambiguous {
			t.Errorf("%s: %v, ambiguous %v", tt.hex, ok, r.Ambiguous())
		}
		r.Reset(Hessian2, b, 0, plenty)
		r.Narrow()
		if _, ok := next(&r); ok != tt.narrow || r.Ambiguous() != tt.ambiguous {
			t.Errorf("%s, narrow: %v, ambiguous %v", tt.hex, ok, r.Ambiguous())
		}
	}
}

// TestBound: a map whose objects are of classes that were defined before it, or are
// counted on from there, cannot be read alone.
func TestBound(t *testing.T) {
	const class = "43 0161 90 60 "
	for _, tt := range []struct {
		before, inMap string
		want          bool
	}{
		{"90", "0161 4e", false},
		{"90", "0161 " + class, false},
		{class, "0161 4e", false},
		{class, "0161 60", true},
		{class, "0161 4f 90", true},
		{class, "0161 43 0162 90 61", true},
		{class, "0161 57 60 5a", true},
	} {
		var r Reader
		r.Reset(Hessian2, unhex(t, tt.before+"48"+tt.inMap+"5a"), 0, plenty)
		if !r.Skip() {
			t.Fatal(tt.before)
		}
		if null, ok := r.Open(); null || !ok {
			t.Fatal("no map")
		}
		for !r.Close() {
			if _, ok := next(&r); !ok {
				t.Fatal(tt.inMap)
			}
		}
		if !r.Done() || r.Bound() != tt.want {
			t.Errorf("%s, %s: done %v, bound %v", tt.before, tt.inMap, r.Done(), r.Bound())
		}
	}
}
