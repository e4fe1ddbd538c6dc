package grpc

import (
	"math"
	"strconv"
	"time"
)

// HeaderTimeout says, in a request, how long the client waits.
const HeaderTimeout = "grpc-timeout"

// maxDigits is how many digits a timeout has at most.
const maxDigits = 8

// units are those of a timeout, the finest first.
var units = [...]struct {
	letter byte
	length time.Duration
}{
	{'n', time.Nanosecond},
	{'u', time.Microsecond},
	{'m', time.Millisecond},
	{'S', time.Second},
	{'M', time.Minute},
	{'H', time.Hour},
}

// ParseTimeout reads the value of grpc-timeout: up to eight digits and a unit. One
// of 0 is valid and has run out already. What a Duration cannot hold, some 292
// years, is cut to the longest that it can.
func ParseTimeout(b []byte) (d time.Duration, ok bool) {
	n := len(b) - 1
	if n < 1 || n > maxDigits {
		return 0, false
	}
	value := int64(0)
	for _, c := range b[:n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int64(c-'0')
	}
	for _, u := range units {
		if u.letter != b[n] {
			continue
		}
		if value > math.MaxInt64/int64(u.length) {
			return math.MaxInt64, true
		}
		return time.Duration(value) * u.length, true
	}
	return 0, false
}

// AppendTimeout appends the value of grpc-timeout for d: in the finest unit in
// which it has no more than eight digits, rounded up, so that nobody is given less
// time than there is. It is never 0, which servers read in different ways; where d
// is not positive, it is the shortest time there is.
func AppendTimeout(dst []byte, d time.Duration) []byte {
	const limit = 100_000_000 // the first number of nine digits
	d = max(d, 1)
	for _, u := range units {
		value := int64(d / u.length)
		if d%u.length > 0 {
			value++
		}
		if value < limit {
			return append(strconv.AppendInt(dst, value, 10), u.letter)
		}
	}
	panic("grpc: a duration has more than eight digits of hours") // 2,562,048 at most
}
