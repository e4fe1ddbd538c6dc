package grpc

import (
	"bytes"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	tests := []struct{ text, message string }{
		{"", ""},
		{"plain text, with ~ and \"", "plain text, with ~ and \""},
		{"100%", "100%25"},
		{"%41", "%2541"},
		{"two\r\nlines\t", "two%0D%0Alines%09"},
		{"\x7f\x00\xff", "%7F%00%FF"},
		{"größer", "gr%C3%B6%C3%9Fer"},
		{"☺", "%E2%98%BA"},
	}
	for _, tt := range tests {
		if got := string(AppendMessage([]byte("> "), tt.text)); got != "> "+tt.message {
			t.Errorf("%q is written %q, want %q", tt.text, got, tt.message)
		}
		if got := string(AppendText([]byte("> "), tt.message)); got != "> "+tt.text {
			t.Errorf("%q is read as %q, want %q", tt.message, got, tt.text)
		}
	}
}

// TestBrokenMessages: what is not encoded as it should be is read as far as it goes.
func TestBrokenMessages(t *testing.T) {
	for message, want := range map[string]string{
		"%":           "%",
		"%4":          "%4",
		"a%":          "a%",
		"a%4":         "a%4",
		"%zz":         "%zz",
		"%4z%41":      "%4zA",
		"%z4":         "%z4",
		"%%41":        "%A",
		"%e2%98%ba":   "☺", // lower case is valid
		"caf\xc3\xa9": "café",
		"%C3":         "\xc3",
	} {
		if got := string(AppendText(nil, message)); got != want {
			t.Errorf("%q is read as %q, want %q", message, got, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range []string{"", "100%", "%4z%41", "☺", "%%%", "\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		message := AppendMessage(nil, text)
		if i := bytes.IndexFunc(message, func(r rune) bool { return r < 0x20 || r > 0x7e }); i >= 0 {
			t.Fatalf("%q is written %q, which is not printable", text, message)
		}
		if len(message) > 3*len(text) {
			t.Fatalf("%d bytes are written in %d", len(text), len(message))
		}
		if got := AppendText(nil, message); !bytes.Equal(got, text) {
			t.Fatalf("%q is written %q, and read as %q", text, message, got)
		}
		if got := AppendText(nil, text); len(got) > len(text) || !strings.Contains(string(text), "%") && !bytes.Equal(got, text) {
			t.Fatalf("%q is read as %q", text, got)
		}
	})
}
