package grpcweb

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/buffer"
)

// decodeAll decodes pieces and tells whether they are base64, whole.
func decodeAll(pool *buffer.Pool, pieces ...[]byte) (string, bool) {
	var out buffer.Chain
	out.Init(pool)
	defer out.Clear()
	var d decoder
	for _, p := range pieces {
		if !d.write(&out, p) {
			return string(out.AppendTo(nil)), false
		}
	}
	return string(out.AppendTo(nil)), d.between()
}

func TestDecoder(t *testing.T) {
	const bad = "bad"
	for in, want := range map[string]string{
		"":                     "",
		"Zm9v":                 "foo",
		"Zm8=":                 "fo",
		"Zg==":                 "f",
		"Zg==Zm8=Zm9v":         "ffofoo", // RFC 4648, 10, padded in the middle
		"AAAAAAUKA2FiYw==":     "\x00\x00\x00\x00\x05\x0a\x03abc",
		"+/+/":                 "\xfb\xff\xbf",
		"AAAAAAA=AAAAAAA=":     strings.Repeat("\x00", 10),
		"Zm9":                  bad,
		"Zg=":                  bad,
		"Zg":                   bad,
		"Z":                    bad,
		"=":                    bad,
		"Z===":                 bad,
		"====":                 bad,
		"Zg=v":                 bad,
		"Zm8==":                bad,
		"Zh==":                 bad, // bits that stand for nothing
		"Zm9=":                 bad,
		"-_-_":                 bad, // another alphabet
		"Zm9v\n":               bad,
		"Zm 9v":                bad,
		"****":                 bad,
		"\x00\x00\x00\x00\x05": bad, // frames as they are
		"Zm9\xff":              bad,
	} {
		got, ok := decodeAll(new(buffer.Pool), []byte(in))
		if ok != (want != bad) || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

// split cuts b at random places.
func split(t *rapid.T, b []byte) [][]byte {
	var pieces [][]byte
	for len(b) > 0 {
		n := rapid.IntRange(1, len(b)).Draw(t, "piece")
		if rapid.Bool().Draw(t, "short") {
			n = min(n, 5)
		}
		pieces = append(pieces, b[:n])
		b = b[n:]
	}
	return pieces
}

// padded writes b in base64, padding wherever it likes.
func padded(t *rapid.T, b []byte) []byte {
	var out []byte
	for _, piece := range split(t, b) {
		out = base64.StdEncoding.AppendEncode(out, piece)
	}
	return out
}

// TestAnyChunking: however a sender pads and splits a text, it stands for the same.
func TestAnyChunking(t *testing.T) {
	var pool buffer.Pool
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")
		got, ok := decodeAll(&pool, split(t, padded(t, b))...)
		if !ok || got != string(b) {
			t.Fatalf("%q, %v", got, ok)
		}
	})
	if live := pool.Stats().Live; live != 0 {
		t.Errorf("%d slabs are in use", live)
	}
}

// TestLargePieces: more than goes through the decoder and the encoder at a time.
func TestLargePieces(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 4*step/10+7)
	var pool buffer.Pool
	var out buffer.Chain
	out.Init(&pool)
	var e encoder
	e.write(&out, body[:1])
	e.write(&out, body[1:])
	e.flush(&out)
	e.flush(&out)
	written := out.AppendTo(nil)
	if want := base64.StdEncoding.EncodeToString(body); string(written) != want {
		t.Errorf("%d bytes are written as %d bytes, other than the standard ones", len(body), len(written))
	}
	if got, ok := decodeAll(&pool, written); !ok || got != string(body) {
		t.Errorf("%d bytes are read, %v", len(got), ok)
	}
	out.Clear()
}

func FuzzDecoder(f *testing.F) {
	for _, text := range []string{"Zg==Zm8=Zm9v", "AAAAAAUKA2FiYw==", "Zh==", "Z===", "Zm9v\r\n"} {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		if at < 0 || at > len(in) {
			at = 0
		}
		var pool buffer.Pool
		whole, ok := decodeAll(&pool, in)
		parts, same := decodeAll(&pool, in[:at], in[at:])
		if ok != same || ok && whole != parts {
			t.Fatalf("whole: %q, %v; in two pieces: %q, %v", whole, ok, parts, same)
		}
		if strict, err := base64.StdEncoding.Strict().DecodeString(string(in)); err == nil && !bytes.ContainsAny(in, "\r\n") {
			if !ok || whole != string(strict) {
				t.Fatalf("%q, %v; want %q", whole, ok, strict)
			}
		}
	})
}
