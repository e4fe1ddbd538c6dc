package http1

import "github.com/weirproxy/weir/pkg/stream"

// fieldLine reads the first line of b, of a head or of trailers. n is 0 if it is
// not whole; a name of no length is the empty line behind the fields. Limits are
// checked before anything of the line is kept.
func (r *reader) fieldLine(b []byte) (name, value []byte, n int, err *Error) {
	if name, value, n = r.plainField(b); n == 0 {
		var line []byte
		line, n, err = r.cut(b, r.cfg.maxLine(), ErrHeaderTooLarge)
		if err != nil || n == 0 || len(line) == 0 {
			return nil, nil, n, err
		}
		if name, value, err = splitField(line); err != nil {
			return nil, nil, 0, err
		}
	}
	r.size += uint32(n)
	r.count++
	if int(r.size) > r.cfg.maxHeaderBytes() || int(r.count) > r.cfg.maxHeaderCount() {
		return nil, nil, 0, ErrHeaderTooLarge
	}
	return name, value, n, nil
}

// plainField is fieldLine for a line that came in one piece and has nothing
// wrong: it takes it apart, checks it and finds its end in one pass. For any other
// line n is 0, and what is the matter is left to others.
func (r *reader) plainField(b []byte) (name, value []byte, n int) {
	if r.scanned != 0 {
		return nil, nil, 0
	}
	colon := tokenSpan(b)
	if colon == 0 || colon == len(b) || b[colon] != ':' {
		return nil, nil, 0
	}
	from := colon + 1
	for from < len(b) && isBlank(b[from]) {
		from++
	}
	end := from + valueSpan(b[from:])
	if end+1 >= len(b) || b[end] != '\r' || b[end+1] != '\n' || end > r.cfg.maxLine() {
		return nil, nil, 0
	}
	n = end + 2
	for end > from && isBlank(b[end-1]) {
		end--
	}
	return b[:colon], b[from:end], n
}

// splitField takes a field line apart. A folded line begins with white space and
// so has no name.
func splitField(line []byte) (name, value []byte, err *Error) {
	n := span(line, inToken)
	if n == 0 || n == len(line) || line[n] != ':' {
		return nil, nil, ErrFieldName
	}
	value = trim(line[n+1:])
	if !validValue(value) {
		return nil, nil, ErrFieldValue
	}
	return line[:n], value, nil
}

// special tells by its first letter whether a name may be one that field looks at.
func special(name []byte) bool {
	const letters = 1<<('c'-'a') | 1<<('e'-'a') | 1<<('h'-'a') | 1<<('k'-'a') |
		1<<('p'-'a') | 1<<('t'-'a') | 1<<('u'-'a')
	return letters>>(name[0]|0x20-'a')&1 != 0
}

// field adds a field of a head. What frames the message or belongs to this hop
// alone is noted; the rest is kept as it came.
func (r *reader) field(name, value []byte, request bool) *Error {
	if !special(name) {
		r.head.AddBytes(name, value)
		return nil
	}
	switch stream.IDOf(name) {
	case stream.Host:
		if request {
			return r.hostField(name, value)
		}
	case stream.ContentLength:
		return r.lengthField(name, value)
	case stream.TransferEncoding:
		return r.codingField(value)
	case stream.Connection:
		if !r.connectionField(value) {
			return nil
		}
	case stream.Upgrade:
		r.upgradeField(value)
	case stream.Expect:
		if request {
			if !equalFold(value, "100-continue") {
				return ErrExpect
			}
			r.flags |= expects
		}
	case stream.KeepAlive, stream.ProxyConnection, stream.TE:
		return nil
	}
	r.head.AddBytes(name, value)
	return nil
}

func (r *reader) hostField(name, value []byte) *Error {
	if r.has(sawHost) {
		return ErrHost
	}
	r.flags |= sawHost
	r.head.AddBytes(name, nil)
	if len(value) == 0 && r.has(isOld) && !r.has(absolute) {
		return nil
	}
	auth, upper, ok := authority(value)
	if !ok {
		return ErrHost
	}
	if r.has(absolute) {
		auth, upper = r.head.Authority(), false
	}
	setAuthority(r.head, auth, upper)
	return nil
}

func (r *reader) lengthField(name, value []byte) *Error {
	if r.has(sawLength) {
		return ErrContentLength
	}
	r.flags |= sawLength
	n, ok := parseLength(value)
	if !ok {
		return ErrContentLength
	}
	r.head.ContentLength = n
	r.head.AddBytes(name, nil)
	return nil
}

func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	const most = 1<<63 - 1
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (most-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// codingField accepts chunked alone. A list of codings that would end the way a
// message must end is one that weir does not know; every other one is an attempt
// to be read in two ways.
func (r *reader) codingField(value []byte) *Error {
	if r.has(sawCoding) {
		return ErrTransferEncoding
	}
	r.flags |= sawCoding
	if equalFold(value, "chunked") {
		return nil
	}
	unknown := false
	for rest := value; ; {
		var item []byte
		item, rest = nextItem(rest)
		switch {
		case !validToken(item):
			return ErrTransferEncoding
		case !equalFold(item, "chunked"):
			unknown = true
		case rest != nil || !unknown:
			return ErrTransferEncoding
		}
		if rest == nil {
			return ErrCoding
		}
	}
}

// upgradeField notes what is asked to be upgraded to. The field is kept until the
// head is complete.
func (r *reader) upgradeField(value []byte) {
	if r.cfg.upgrade(value) && !r.has(sawUpgrade) {
		r.flags |= sawUpgrade
		return
	}
	r.flags |= badUpgrade
}

// connectionField notes the options of a Connection field, and tells whether it
// also lists names: then it is kept until the head is complete, because a name may
// come before or after it.
func (r *reader) connectionField(value []byte) (keep bool) {
	for rest := value; ; {
		var item []byte
		item, rest = nextItem(rest)
		switch {
		case equalFold(item, "keep-alive"):
			r.flags |= connKeepAlive
		case equalFold(item, "close"):
			r.flags |= connClose
		case equalFold(item, "upgrade"):
			r.flags |= connUpgrade
		case len(item) > 0:
			r.flags |= nominates
			keep = true
		}
		if rest == nil {
			return keep
		}
	}
}

// keepsAlive tells whether the peer is willing to use the connection again.
func (r *reader) keepsAlive() bool {
	if r.has(connClose) {
		return false
	}
	return !r.has(isOld) || r.has(connKeepAlive)
}

// upgrades tells whether the head asks for, or grants, a change of protocol.
func (r *reader) upgrades() bool {
	return r.flags&(connUpgrade|sawUpgrade|badUpgrade|isOld) == connUpgrade|sawUpgrade
}

// stripHop removes from a complete head the fields that Connection lists, and
// Upgrade unless it is wanted.
func (r *reader) stripHop(keepUpgrade bool) *Error {
	if !keepUpgrade && r.has(sawUpgrade|badUpgrade) {
		r.head.DelID(stream.Upgrade)
	}
	if !r.has(nominates) {
		return nil
	}
	h, names := r.head, 0
	for i := range h.Len() {
		if h.IDAt(i) == stream.Connection {
			_, list := h.At(i)
			if names += countItems(list); names > maxNominated {
				return ErrConnection
			}
		}
	}
	// Removing a field changes neither the values nor their order, so the next
	// Connection field is always the first.
	for {
		list, ok := h.GetID(stream.Connection)
		if !ok {
			return nil
		}
		h.DelAt(indexOf(h, stream.Connection))
		for list != nil {
			var item []byte
			item, list = nextItem(list)
			if validToken(item) && !protected(item) {
				h.Del(string(item))
			}
		}
	}
}

func countItems(list []byte) int {
	n := 1
	for _, c := range list {
		if c == ',' {
			n++
		}
	}
	return n
}

func indexOf(h *stream.Head, id stream.ID) int {
	for i := range h.Len() {
		if h.IDAt(i) == id {
			return i
		}
	}
	return -1
}
