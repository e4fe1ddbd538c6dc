package hpack

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	judge "golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// huffman returns the code of s, however long.
func huffman(s []byte) []byte {
	var bits uint64
	var have uint32
	var out []byte
	for _, c := range s {
		bits = bits<<codeOf[c].bits | uint64(codeOf[c].value)
		for have += codeOf[c].bits; have >= 8; have -= 8 {
			out = append(out, byte(bits>>(have-8)))
		}
	}
	if have > 0 {
		out = append(out, byte(bits<<(8-have))|0xff>>have)
	}
	return out
}

// unhuffman decodes into exactly the room that decoding asks for.
func unhuffman(code []byte) ([]byte, error) {
	return decodeHuffman(make([]byte, 0, huffmanRoom(len(code))), code)
}

func TestHuffmanSymbols(t *testing.T) {
	var all []string
	for a := range 256 {
		all = append(all, string([]byte{byte(a)}))
		for b := range 256 {
			all = append(all, string([]byte{byte(a), byte(b)}))
		}
	}
	for _, s := range all {
		code := huffman([]byte(s))
		if want := judge.AppendHuffmanString(nil, s); !bytes.Equal(code, want) {
			t.Fatalf("%q: %x, want %x", s, code, want)
		}
		if got, err := unhuffman(code); err != nil || string(got) != s {
			t.Fatalf("%q comes back as %q, %v", s, got, err)
		}
	}
}

func TestHuffmanRoundTrip(t *testing.T) {
	char := rapid.OneOf(rapid.ByteRange(' ', '~'), rapid.SampledFrom([]byte("aeiost012")), rapid.Byte())
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SliceOfN(char, 0, 300).Draw(t, "s")
		code := huffman(s)
		if got, err := unhuffman(code); err != nil || !bytes.Equal(got, s) {
			t.Fatalf("%q comes back as %q, %v", s, got, err)
		}
		if n := huffmanBits(s); len(code) != (n+7)/8 {
			t.Fatalf("%d bits, but %d bytes", n, len(code))
		}
		out := make([]byte, len(s)+huffmanSlack)
		n := encodeHuffman(out, s)
		if len(code) <= len(s) && !bytes.Equal(out[:n], code) || len(code) > len(s) && n <= len(s) {
			t.Fatalf("%x, want %x", out[:n], code)
		}
	})
}

// Strings are in Huffman's code if and only if that is shorter, on both sides of
// the length that takes a second byte.
func TestAppendText(t *testing.T) {
	for _, char := range []string{"a", "X", "&", "~", "\xff"} {
		for n := range 300 {
			s := []byte(strings.Repeat(char, n))
			want := s
			code, kind := huffman(s), byte(0)
			if len(code) < len(s) {
				want, kind = code, 0x80
			}
			want = append(appendInteger([]byte("head"), kind, 0x7f, uint32(len(want))), want...)
			if got := appendText([]byte("head"), s); !bytes.Equal(got, want) {
				t.Fatalf("%d of %q: %x, want %x", n, char, got, want)
			}
		}
	}
}

func TestIntegers(t *testing.T) {
	for _, full := range []byte{0x0f, 0x1f, 0x3f, 0x7f} {
		for _, v := range []uint32{0, 1, 14, 15, 16, 30, 31, 62, 63, 126, 127, 128, 254, 255, 1337, 16383, 1<<21 - 1, 1 << 28, 1<<32 - 1} {
			b := appendInteger(nil, 0x80, full, v)
			prefix := uint32(b[0] & full)
			if prefix < uint32(full) {
				if prefix != v || len(b) != 1 {
					t.Errorf("%d below %#x: %x", v, full, b)
				}
				continue
			}
			if got, n, err := readInteger(b, 1, prefix); got != v || n != len(b) || err != nil {
				t.Errorf("%d in %x comes back as %d, %d, %v", v, b, got, n, err)
			}
			for n := 1; n < len(b); n++ {
				if _, _, err := readInteger(b[:n], 1, prefix); !errors.Is(err, ErrTruncated) {
					t.Errorf("%d cut to %x: %v", v, b[:n], err)
				}
			}
		}
	}
}

// FuzzHuffman compares the decoder with the judge's.
func FuzzHuffman(f *testing.F) {
	for _, s := range []string{"", "a", "www.example.com", "\x00\xff\n", strings.Repeat("~", 20)} {
		f.Add(huffman([]byte(s)))
	}
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, code []byte) {
		got, err := unhuffman(code)
		want, wantErr := judge.HuffmanDecodeToString(code)
		if (err != nil) != (wantErr != nil) || err == nil && string(got) != want {
			t.Fatalf("%q, %v; want %q, %v", got, err, want, wantErr)
		}
	})
}
