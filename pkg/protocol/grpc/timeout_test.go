package grpc

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTimeout(t *testing.T) {
	const none = -1
	tests := map[string]time.Duration{
		"1S": time.Second, "1H": time.Hour, "1M": time.Minute, "1m": time.Millisecond, "1u": time.Microsecond, "1n": 1,
		"100m": 100 * time.Millisecond, "99999999n": 99999999, "00000010S": 10 * time.Second, "0S": 0, "00000000n": 0,
		"2562047H": 2562047 * time.Hour, "2562048H": math.MaxInt64, "99999999H": math.MaxInt64,
		"99999999M": 99999999 * time.Minute, // 190 years

		"": none, "1": none, "S": none, "123456789n": none, "000000001S": none, "1s": none, "1h": none, "1ms": none, "-1S": none,
		"+1S": none, "1.5S": none, " 1S": none, "1S ": none, "1 S": none, "1x": none, "1\x00": none, "１S": none, "1S1": none,
	}
	for text, want := range tests {
		d, ok := ParseTimeout([]byte(text))
		if ok != (want != none) || ok && d != want || !ok && d != 0 {
			t.Errorf("%q: %v, %v; want %v", text, d, ok, want)
		}
	}
}

func TestAppendTimeout(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "1n"},
		{0, "1n"},
		{1, "1n"},
		{99_999_999, "99999999n"},
		{100_000_000, "100000u"}, // 100 ms
		{100_000_001, "100001u"},
		{time.Second, "1000000u"},
		{99_999_999*time.Microsecond - 1, "99999999u"},
		{99_999_999 * time.Microsecond, "99999999u"},
		{99_999_999*time.Microsecond + 1, "100000m"}, // rounding takes it over eight digits
		{time.Hour, "3600000m"},
		{30 * time.Hour, "108000S"},
		{99_999_999*time.Second + 1, "1666667M"},
		{99_999_999 * time.Minute, "99999999M"},
		{math.MaxInt64, "2562048H"},
	}
	for _, tt := range tests {
		if got := string(AppendTimeout([]byte("> "), tt.d)); got != "> "+tt.want {
			t.Errorf("%v: %q, want %q", tt.d, got, tt.want)
		}
	}
}

// TestTimeoutRoundTrip: what is written is read as no less, and as no more than
// one part in a hundred thousand above it.
func TestTimeoutRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "d")) >> rapid.IntRange(0, 62).Draw(t, "shift")
		d = max(d, 1)
		text := AppendTimeout(nil, d)
		got, ok := ParseTimeout(text)
		if !ok || got < d || float64(got-d) > float64(d)/1e5 {
			t.Errorf("%d is written %q and read as %d, %v", d, text, got, ok)
		}
	})
}

func FuzzTimeout(f *testing.F) {
	for _, text := range []string{"1S", "99999999n", "2562048H", "0m", "123456789S", "x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, ok := ParseTimeout(text)
		if !ok || d < 0 {
			if d != 0 {
				t.Fatalf("%q: %v, %v", text, d, ok)
			}
			return
		}
		again := AppendTimeout(nil, d)
		e, ok := ParseTimeout(again)
		if !ok || e < d || d > 0 && e != d && d != math.MaxInt64 {
			t.Fatalf("%q is %d, written %q, which is %d, %v", text, d, again, e, ok)
		}
	})
}
