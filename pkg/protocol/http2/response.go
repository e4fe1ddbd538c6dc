package http2

// status takes the :status of a response.
func (r *fieldReader) status(value []byte) *Error {
	if len(value) != 3 {
		return ErrStatus
	}
	status := 0
	for _, d := range value {
		if d < '0' || d > '9' {
			return ErrStatus
		}
		status = status*10 + int(d-'0')
	}
	if status < 100 || status == 101 {
		return ErrStatus
	}
	r.head.Status = status
	return nil
}

// limitInterims bounds the informational responses that may precede one response.
// There may be any number of them, as they may tell of the progress of a long request.
var limitInterims = perSecond(100, 1000, 0)

// mostWaiting is how many of them may wait for a client that takes nothing. Flow
// control does not hold them back, and so others are dropped then.
const mostWaiting = 16

// waits counts an informational response that comes while the other end wants nothing.
// It returns false if enough of them wait.
func (s *h2stream) waits() bool {
	if !s.has(sinkPaused) {
		s.in.waiting = 0
		return true
	}
	if s.in.waiting == mostWaiting {
		return false
	}
	s.in.waiting++
	return true
}

// response looks at a response's head as a whole, as the answer to a stream's
// request.
func (r *fieldReader) response(s *h2stream, end bool) *Error {
	h := r.head
	switch {
	case r.err != nil:
		return r.err
	case r.tooLarge:
		return r.overLimit()
	case !r.has(seenStatus):
		return ErrPseudo
	}
	h.Minor = 1
	if h.Interim() {
		if end || !s.in.interims.take(limitInterims, 1, s.conn.now()) {
			return ErrInterim
		}
		h.ContentLength = -1
		return nil
	}
	if s.has(isOpaque) && h.Status/100 == 2 {
		h.Opaque = true
		h.ContentLength = -1 // whatever it says
		return nil
	}
	if h.Status == 204 {
		h.ContentLength = -1
	}
	switch {
	case s.bodiless(h.Status):
		s.in.announced = 0
	case end && h.ContentLength > 0:
		return ErrLength
	case end:
		h.ContentLength = 0
	case r.cfg.MaxBody > 0 && h.ContentLength > r.cfg.MaxBody:
		return ErrBodyTooLarge
	default:
		s.in.announced = h.ContentLength
	}
	return nil
}
