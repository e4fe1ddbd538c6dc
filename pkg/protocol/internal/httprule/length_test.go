package httprule

import "testing"

func TestLengths(t *testing.T) {
	const refused = -1
	for _, tc := range []struct {
		text      string
		one, many int64
	}{
		{"0", 0, 0}, {"12", 12, 12}, {"007", 7, 7}, {"9223372036854775807", 1<<63 - 1, 1<<63 - 1},
		{"", refused, refused}, {"+1", refused, refused}, {"-1", refused, refused}, {"0x1", refused, refused}, {"1 2", refused, refused},
		{"9223372036854775808", refused, refused}, {"99999999999999999999", refused, refused}, {"1_0", refused, refused},
		{"5, 5", refused, 5}, {"5,5,5", refused, 5}, {"5 ,\t5", refused, 5},
		{"5, 6", refused, refused}, {"5,", refused, refused}, {",5", refused, refused}, {"5,,5", refused, refused}, {"5, x", refused, refused},
	} {
		one, ok := ParseLength([]byte(tc.text))
		if !ok {
			one = refused
		}
		many, ok := ParseLengths([]byte(tc.text))
		if !ok {
			many = refused
		}
		if one != tc.one || many != tc.many {
			t.Errorf("%q: %d and %d, want %d and %d", tc.text, one, many, tc.one, tc.many)
		}
	}
	if _, ok := ParseLengths(nil); ok {
		t.Error("no text is a length")
	}
}
