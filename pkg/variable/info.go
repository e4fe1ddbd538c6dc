package variable

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// timeFormat is how MOSN writes a time, in the local time zone.
const timeFormat = "2006/01/02 15:04:05.000"

func startTime(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	if in.Start.IsZero() {
		return dst, false
	}
	return in.Start.AppendFormat(dst, timeFormat), true
}

// processTime is the time that weir itself took: until the request was received,
// and from the response's first byte to the end. Without a response it is all
// weir's.
func processTime(in *stream.Info) time.Duration {
	if in.ResponseReceived == 0 {
		return in.Duration
	}
	return max(0, in.RequestReceived+in.Duration-in.ResponseReceived)
}

// responseFlag says whether there is any flag, as it does in MOSN.
func responseFlag(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return strconv.AppendBool(dst, in.Flags != 0), true
}

// responseFlags says which flags there are.
func responseFlags(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	if in.Flags == 0 {
		return dst, false
	}
	return in.Flags.AppendTo(dst), true
}

func upstreamLocal(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return appendAddr(dst, in.UpstreamLocal())
}

func downstreamLocal(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return appendAddr(dst, in.DownstreamLocal())
}

func downstreamRemote(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return appendAddr(dst, in.DownstreamRemote())
}

func listenerPort(in *stream.Info) (uint64, bool) {
	return uint64(in.DownstreamLocal().Port()), in.DownstreamLocal().IsValid()
}

// appendAddr writes an IPv4 address as such, even if it came through an IPv6
// socket.
func appendAddr(dst []byte, a netip.AddrPort) ([]byte, bool) {
	if !a.IsValid() {
		return dst, false
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).AppendTo(dst), true
}

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// appendDuration appends what d.String returns, without allocating it.
func appendDuration(dst []byte, d time.Duration) []byte {
	if d < 0 {
		dst, d = append(dst, '-'), -d // The least Duration stays negative, and prints as 0s.
	}
	n := uint64(max(0, d))
	switch {
	case n == 0:
		return append(dst, "0s"...)
	case n < uint64(time.Microsecond):
		return append(appendUint(dst, n), "ns"...)
	case n < uint64(time.Millisecond):
		return append(appendDecimal(dst, n, 3), "µs"...)
	case n < uint64(time.Second):
		return append(appendDecimal(dst, n, 6), "ms"...)
	}
	if h := n / uint64(time.Hour); h > 0 {
		dst = append(appendUint(dst, h), 'h')
	}
	if n >= uint64(time.Minute) {
		dst = append(appendUint(dst, n/uint64(time.Minute)%60), 'm')
	}
	return append(appendDecimal(dst, n%uint64(time.Minute), 9), 's')
}

// appendMillis appends d as a decimal number of milliseconds.
func appendMillis(dst []byte, d time.Duration) []byte {
	return appendDecimal(dst, uint64(max(0, d)), 6)
}

// appendDecimal appends n divided by ten to the power of digits, without the
// zeros that end a fraction.
func appendDecimal(dst []byte, n uint64, digits int) []byte {
	var fraction [9]byte
	end := 0
	for i := digits - 1; i >= 0; i-- {
		fraction[i] = byte('0' + n%10)
		if n%10 != 0 && end == 0 {
			end = i + 1
		}
		n /= 10
	}
	dst = appendUint(dst, n)
	if end == 0 {
		return dst
	}
	return append(append(dst, '.'), fraction[:end]...)
}
