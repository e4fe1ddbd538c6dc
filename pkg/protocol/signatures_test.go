package protocol

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEverySignatureHasASample(t *testing.T) {
	all, known := every(), samples()
	if len(all) != len(known) {
		t.Errorf("%d signatures, samples of %d", len(all), len(known))
	}
	seen := map[string]bool{}
	for _, s := range known {
		if seen[s.name] {
			t.Errorf("%s is listed twice", s.name)
		}
		seen[s.name] = true
		find(t, s.name)
	}
}

// TestPlaces tries every value in every place of every signature.
func TestPlaces(t *testing.T) {
	for _, s := range samples() {
		m, places := find(t, s.name).Match, s.allowed()
		for _, begin := range s.begins {
			for i := range places {
				for c := range 256 {
					b := []byte(begin[:i+1])
					b[i] = byte(c)
					want := No
					switch {
					case places[i][c] && i == len(places)-1:
						want = Yes
					case places[i][c]:
						want = More
					}
					if got := m(b); got != want {
						t.Fatalf("%s: % x: %v, want %v", s.name, b, got, want)
					}
				}
			}
		}
	}
}

// shared are the samples of one signature that another claims too, and the bytes
// that the other needs.
var shared = map[[2]string]int{
	{"HTTP/2", "HTTP/1"}:           4,
	{"PROXY protocol 1", "HTTP/1"}: 6,
}

// TestMatrix shows the samples of each signature to all of them, byte by byte.
func TestMatrix(t *testing.T) {
	for _, s := range samples() {
		for _, begin := range s.begins {
			_, own := verdicts(t, find(t, s.name).Match, begin)
			for _, o := range every() {
				v, at := verdicts(t, o.Match, begin)
				need, both := shared[[2]string{s.name, o.Name}]
				switch {
				case o.Name == s.name:
					if v != Yes {
						t.Errorf("%s rejects its own %q at byte %d", s.name, begin, at)
					}
				case both:
					if v != Yes || at != need || at >= own {
						t.Errorf("%s, %q: %s says %v at byte %d", s.name, begin, o.Name, v, at)
					}
				case v != No:
					t.Errorf("%s, %q: %s claims it at byte %d", s.name, begin, o.Name, at)
				}
			}
		}
	}
}

// TestDisjoint proves for all bytes, not just for samples, that two signatures of
// fixed places do not both claim them.
func TestDisjoint(t *testing.T) {
	all := samples()
	for i, a := range all {
		for _, b := range all[:i] {
			pa, pb := a.allowed(), b.allowed()
			if len(pa) > 0 && len(pb) > 0 && !apart(pa, pb) {
				t.Errorf("%s and %s may claim the same bytes", a.name, b.name)
			}
		}
	}
}

func apart(a, b [][256]bool) bool {
	for i := range min(len(a), len(b)) {
		both := false
		for c := range 256 {
			both = both || a[i][c] && b[i][c]
		}
		if !both {
			return true
		}
	}
	return false
}

func TestHTTP1(t *testing.T) {
	long := strings.Repeat("M", MaxSignature)
	for _, c := range []struct {
		bytes string
		want  Verdict
		at    int
	}{
		{"GET / HTTP/1.1", Yes, 4},
		{"G ", Yes, 2},
		{"\r\nG ", Yes, 4},
		{long[:23] + " ", Yes, 24},
		{"\r\n" + long[:21] + " ", Yes, 24},
		{long, No, 24},
		{"\r\n" + long[:22], No, 24},
		{" GET /", No, 1},
		{"\nGET /", No, 1},
		{"\rGET /", No, 2},
		{"\r\n GET /", No, 3},
		{"\r\n\r\nGET /", No, 3},
		{"GET\t/", No, 4},
		{"GET\r\n", No, 4},
		{"ls\r\n", No, 3},
		{"GET/1 /", No, 4},
		{"G\x00", No, 2},
		{"G\x80", No, 2},
		{"HTTP/1.1 200 OK\r\n", No, 5},
	} {
		if v, at := verdicts(t, MatchHTTP1, c.bytes); v != c.want || at != c.at {
			t.Errorf("%q: %v at byte %d, want %v at %d", c.bytes, v, at, c.want, c.at)
		}
	}
}

func TestMethodBytes(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		first, second := MatchHTTP1([]byte{byte(c)}), MatchHTTP1([]byte{'M', byte(c)})
		want1, want2 := No, No
		if strings.IndexByte(tchar, byte(c)) >= 0 {
			want1, want2 = More, More
		}
		switch c {
		case '\r':
			want1 = More
		case ' ':
			want2 = Yes
		}
		if first != want1 || second != want2 {
			t.Errorf("%#x: %v, %v, want %v, %v", c, first, second, want1, want2)
		}
	}
}

func TestServerFirstIsNeverClaimed(t *testing.T) {
	s := find(t, "MySQL, SMTP and others whose server speaks first")
	rapid.Check(t, func(t *rapid.T) {
		if v := s.Match(rapid.SliceOfN(rapid.Byte(), 1, -1).Draw(t, "bytes")); v != No {
			t.Fatal(v)
		}
	})
}

// TestMatchesAreMonotone: a verdict stands whatever follows, and garbage is judged
// within MaxSignature bytes.
func TestMatchesAreMonotone(t *testing.T) {
	all := every()
	rapid.Check(t, func(t *rapid.T) {
		verdicts(t, rapid.SampledFrom(all).Draw(t, "signature").Match, string(anyBytes().Draw(t, "bytes")))
	})
}

// anyBytes are first bytes that are near to a signature, or are garbage; at least
// MaxSignature of them.
func anyBytes() *rapid.Generator[[]byte] {
	var begins []string
	for _, s := range samples() {
		begins = append(begins, s.begins...)
	}
	return rapid.Custom(func(t *rapid.T) []byte {
		noise := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), MaxSignature, 40), letters()).Draw(t, "noise")
		begin := rapid.SampledFrom(begins).Draw(t, "begin")
		keep := rapid.IntRange(0, min(len(begin), len(noise))).Draw(t, "keep")
		return append([]byte(begin[:keep]), noise[keep:]...)
	})
}

// letters are the bytes of which methods are made, so that they stay possible.
func letters() *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.SampledFrom([]byte("ABPRI XOY*12\r\n")), MaxSignature, 40)
}

func TestBadPatterns(t *testing.T) {
	for _, text := range []string{"", "0", "1-2", "0g", "100", "02-01", "01,", "01  02", `"a`, strings.Repeat("?? ", 25), `""`} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is taken", text)
				}
			}()
			compile(text)
		}()
	}
}
