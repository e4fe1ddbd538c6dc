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
		if s.interims++; end || s.interims > maxInterim {
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
		s.announced = 0
	case end && h.ContentLength > 0:
		return ErrLength
	case end:
		h.ContentLength = 0
	case r.cfg.MaxBody > 0 && h.ContentLength > r.cfg.MaxBody:
		return ErrBodyTooLarge
	default:
		s.announced = h.ContentLength
	}
	return nil
}

// bodiless tells whether a response to the stream's request has no body, whatever
// its head says.
func (s *h2stream) bodiless(status int) bool {
	return status == 204 || status == 304 || s.has(isHead)
}
