package http2

// window is how many bytes one side may still send to the other, on a connection or
// on one of its streams. It may be less than nothing: the receiver may make the
// windows of all streams smaller after they were used.
type window int32

// take uses n bytes of the window.
func (w *window) take(n int) { *w -= window(n) }

// grow makes the window n bytes larger, or smaller if n is negative. It returns
// false, and changes nothing, if that were larger than a window may be.
func (w *window) grow(n int64) bool {
	sum := int64(*w) + n
	if sum > maxWindow {
		return false
	}
	*w = window(max(sum, -maxWindow))
	return true
}

// recvWindow is the window of what the peer sends. What was taken of it is credited
// in portions that are worth a frame.
type recvWindow struct {
	window
	pendingCredit int32 // bytes that are to be given back, and were not yet
}

// credit notes that n bytes are to be given back. It returns by how much the peer is
// to be told that the window grows: 0 as long as that is less than half of size, the
// whole of the window.
func (w *recvWindow) credit(n int, size int32) (increment uint32) {
	w.pendingCredit += int32(n)
	if w.pendingCredit <= 0 || w.pendingCredit < size/2 {
		return 0
	}
	increment = uint32(w.pendingCredit)
	w.window += window(w.pendingCredit)
	w.pendingCredit = 0
	return increment
}
