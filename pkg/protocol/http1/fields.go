package http1

import (
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// line is a field line taken apart. A name of no length is the empty line behind
// the fields.
type line struct {
	name, value []byte
	// wire is the whole line, if it is in the form that weir would write.
	wire []byte
	// part tells that its end is still to come.
	part bool
}

// fieldLine reads the first line of b, of a head or of trailers. Of one that is not
// whole n bytes were taken, mostly none. Limits are checked before anything of the
// line is kept: that of the header is the only one for the length of a line.
func (r *reader) fieldLine(b []byte) (l line, n int, err *Error) {
	if l, n = r.plainField(b); n > 0 {
		r.size += uint32(n)
	} else {
		var whole []byte
		left := max(r.cfg.maxHeaderBytes()-int(r.size)-len("\r\n"), 0)
		whole, n, err = r.cut(b, left, ErrHeaderTooLarge)
		if err != nil || len(whole) == 0 {
			return line{part: whole == nil}, n, err
		}
		r.size += uint32(len(whole) + len("\r\n"))
		if l, err = splitField(whole, r.has(ofServer)); err != nil {
			return line{}, 0, err
		}
	}
	r.count++
	switch {
	case int(r.size) > r.cfg.maxHeaderBytes():
		return line{}, 0, ErrHeaderTooLarge
	case int(r.count) > r.cfg.maxHeaderCount():
		return line{}, 0, ErrTooManyFields
	}
	return l, n, nil
}

// plainField is fieldLine for a line that came in one piece and has nothing
// wrong: it takes it apart, checks it and finds its end in one pass. For any other
// line n is 0, and what is the matter is left to others.
func (r *reader) plainField(b []byte) (l line, n int) {
	if r.scanned != 0 || r.long != nil {
		return line{}, 0
	}
	colon := tokenSpan(b)
	if colon == 0 || colon == len(b) || b[colon] != ':' {
		return line{}, 0
	}
	from := colon + 1
	for from < len(b) && isBlank(b[from]) {
		from++
	}
	end := from + valueSpan(b[from:])
	if end+1 >= len(b) || b[end] != '\r' || b[end+1] != '\n' {
		return line{}, 0
	}
	n = end + 2
	if from == colon+2 && b[from-1] == ' ' && !isBlank(b[end-1]) {
		l.wire = b[:n]
	}
	for end > from && isBlank(b[end-1]) {
		end--
	}
	l.name, l.value = b[:colon], b[from:end]
	return l, n
}

// splitField takes a field line apart. A folded line begins with white space and
// so has no name. White space in front of the colon is refused in a request, and
// removed from a response, as a proxy must (RFC 9112, 5.1).
func splitField(b []byte, response bool) (l line, err *Error) {
	n := span(b, inToken)
	colon := n
	for response && colon < len(b) && isBlank(b[colon]) {
		colon++
	}
	if n == 0 || colon == len(b) || b[colon] != ':' {
		return line{}, ErrFieldName
	}
	value := trim(b[colon+1:])
	if !validValue(value) {
		return line{}, ErrFieldValue
	}
	return line{name: b[:n], value: value}, nil
}

// field adds a field of a head. What frames the message or belongs to this hop
// alone is noted; the rest is kept as it came.
func (r *reader) field(l *line, request bool) *Error {
	id := stream.IDOf(l.name)
	switch id {
	case stream.Host:
		if request {
			return r.hostField(l.name, l.value)
		}
	case stream.ContentLength:
		return r.lengthField(l.name, l.value, request)
	case stream.TransferEncoding:
		return r.codingField(l.value)
	case stream.Connection:
		if !r.connectionField(l.value) {
			return nil
		}
	case stream.Upgrade:
		r.upgradeField(l.value, request)
	case stream.Expect:
		if request {
			if !equalFold(l.value, "100-continue") {
				return ErrExpect
			}
			r.flags |= expects
		}
	case stream.TE:
		if request {
			r.teField(l.value)
		}
		return nil
	case stream.KeepAlive, stream.ProxyConnection:
		return nil
	}
	if l.wire != nil {
		r.head.AddLine(id, l.wire, len(l.name))
	} else {
		r.head.AddBytes(l.name, l.value)
	}
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
	auth, upper, ok := httprule.Authority(value)
	if !ok {
		return ErrHost
	}
	if r.has(absolute) {
		auth, upper = r.head.Authority(), false
	}
	httprule.SetAuthority(r.head, auth, upper)
	return nil
}

// lengthField takes the length of the body. A response may say the same twice.
func (r *reader) lengthField(name, value []byte, request bool) *Error {
	parse := httprule.ParseLengths
	if request {
		parse = httprule.ParseLength
	}
	n, ok := parse(value)
	switch again := r.has(sawLength); {
	case ok && !again:
	case ok && !request && n == r.head.ContentLength:
		return nil
	default:
		return ErrContentLength
	}
	r.flags |= sawLength
	r.head.ContentLength = n
	r.head.AddBytes(name, nil)
	return nil
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

// teField keeps of the codings that a client takes the one that the next hop is told
// as well: that trailers will be passed on, as weir does.
func (r *reader) teField(value []byte) {
	if _, ok := r.head.GetID(stream.TE); ok || r.has(isOld) {
		return
	}
	for rest := value; rest != nil; {
		var item []byte
		if item, rest = nextItem(rest); equalFold(item, "trailers") {
			r.head.AddID(stream.TE, []byte("trailers"))
			return
		}
	}
}

// upgradeField notes what is asked to be upgraded to, or is granted. The field is
// kept until the head is complete.
func (r *reader) upgradeField(value []byte, request bool) {
	if (!request || r.cfg.upgrade(value)) && !r.has(sawUpgrade) {
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
			if keepUpgrade && stream.IDOf(item) == stream.HTTP2Settings {
				continue // a part of what is asked for
			}
			if validToken(item) && !httprule.Protected(item) {
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
