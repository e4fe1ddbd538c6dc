package stream

import (
	"strconv"
	"time"
)

// Kind is what a message of an RPC protocol is.
type Kind uint8

const (
	// KindHTTP is every message of a protocol that has no frames of its own kind:
	// the zero Kind.
	KindHTTP Kind = iota
	// KindRequest is a request that expects a response.
	KindRequest
	// KindOneWay is a request to which there is no response.
	KindOneWay
	// KindResponse is the response to a request.
	KindResponse
	// KindHeartbeat asks whether the peer is alive.
	KindHeartbeat
	// KindHeartbeatAnswer answers a heartbeat.
	KindHeartbeatAnswer
	// KindGoAway announces that the peer takes no new requests on the connection.
	KindGoAway
	// KindEvent is any other message that concerns the connection alone.
	KindEvent
)

// String names the kind, as documentation does.
func (k Kind) String() string {
	names := [...]string{"HTTP", "request", "one-way request", "response", "heartbeat", "heartbeat answer", "go-away", "event"}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Call is what the answer to a message must know of it, and what a message's
// codec tells about it that is not text.
type Call struct {
	Kind Kind
	// Serialization is the codec's number for how the content is encoded.
	Serialization uint8
	// Form is which form of the protocol it is, such as a version of it, if there are
	// some that a host may not mix on one connection: requests that differ in it never
	// share one.
	Form uint8
	// Bits are the codec's own.
	Bits uint8
	// Native is the status of a response, as its protocol numbers it.
	Native uint32
	// ID is the number by which the sender knows the message.
	ID uint64
	// Timeout is how long the sender of a request waits, 0 if it does not say.
	Timeout time.Duration
	// Refused says of a response that the request was not executed, such as by a
	// server that has no thread for it.
	Refused bool
	// Exception says of a response that it is the method's own answer, and that this
	// is an exception: the host did what it was asked to, and is well. Its Status is
	// that of an answer.
	Exception bool
	// Forward makes a heartbeat go to a host, as a request does, instead of being
	// answered by weir.
	Forward bool
}

// RPC is the part of a head that messages of framed RPC protocols have.
//
// Such a head keeps its frame: what stood before and behind the content. Until a
// field or an attribute is changed, the message is sent on as it came.
type RPC struct {
	Call
	// Protocol is the name of the protocol whose frame the head keeps; "": none.
	Protocol string
	// Service, Method, Version and Group are attributes that requests are routed
	// by. A codec sets them when it parses a frame; see [Head.Attribute] for
	// everybody else.
	Service, Method, Version, Group Span

	// Anew makes the message be encoded anew even if nothing is changed. A codec sets
	// it whose ids are of no fixed width, and so cannot be patched as they came.
	Anew bool

	// Unread says of a request that not all could be read that requests are routed by,
	// such as in a serialization that the codec does not know: what is missing of
	// attributes and fields may be there. Then it takes no route for which that matters.
	Unread bool

	// pathless tells that the path is to be made, once somebody asks for it.
	pathless   bool
	head, tail uint32 // lengths of the frame's two parts, at the arena's front
}

// AddSpan appends a field whose name and value are parts of the frame that is
// being parsed, for codecs. null tells that there is no value.
func (h *Header) AddSpan(name, value Span, null bool) {
	h.fields = append(h.fields, field{name: name, value: value, null: null})
}

// madeAt is from which offset on a span, of a frame that is being parsed, is one of
// what MakeSpan made. No frame is that long.
const madeAt = 1 << 31

// MakeSpan returns a span of text that is no part of the frame that is being parsed,
// for codecs: of an attribute, for instance, that stands there as a number. The text
// is copied. It is for routes, filters and logs: it does not change the message.
func (h *Header) MakeSpan(text []byte) Span {
	s := Span{madeAt + uint32(len(h.arena)), uint32(len(text))}
	h.arena = append(h.arena, text...)
	return s
}

// MakeNumber is MakeSpan for a number, in decimal.
func (h *Header) MakeNumber(n int64) Span {
	at := len(h.arena)
	h.arena = strconv.AppendInt(h.arena, n, 10)
	return Span{madeAt + uint32(at), uint32(len(h.arena) - at)}
}

// NullAt tells whether field i has no value, which is not the same as an empty one.
func (h *Header) NullAt(i int) bool { return h.fields[i].null }

// Changed tells whether fields were added, set or removed by other means than
// those by which a codec fills a head.
func (h *Header) Changed() bool { return h.changed }

// KeepFrame makes a head that was just filled by spans of a frame keep its own
// copy of it, without the content. It returns false if the spans, or the content, are
// no places in the frame: then the head is of no use.
func (h *Head) KeepFrame(protocol string, frame []byte, content Span) bool {
	if content.end() > uint64(len(frame)) {
		return false
	}
	r := &h.RPC
	r.Protocol = protocol
	r.head, r.tail = content.Off, uint32(len(frame)-content.End())
	made := len(h.arena) // what MakeSpan made
	h.arena = append(h.arena, frame[:content.Off]...)
	h.arena = append(h.arena, frame[content.End():]...)
	h.ContentLength = int64(content.Len)
	h.changed = r.Anew
	if r.tail > 0 {
		h.closeUp(content)
	}
	if made > 0 {
		h.moveMade(made)
	}
	h.unnamed = true
	h.method = r.Method
	r.pathless = true
	return h.holdsSpans()
}

// holdsSpans reports whether all spans are places in the arena.
func (h *Head) holdsSpans() bool {
	r := &h.RPC
	end := max(r.Service.end(), r.Method.end(), r.Version.end(), r.Group.end())
	for i := range h.fields {
		f := &h.fields[i]
		end = max(end, f.name.end(), f.value.end())
	}
	return end <= uint64(len(h.arena))
}

// moveMade moves what MakeSpan made from the arena's front to behind the frame, and
// the spans of it.
func (h *Head) moveMade(n int) {
	h.arena = append(h.arena, h.arena[:n]...)
	h.arena = h.arena[:copy(h.arena, h.arena[n:])]
	at := uint32(len(h.arena) - n)
	h.moveSpans(func(s *Span) {
		if s.Off >= madeAt {
			s.Off += at - madeAt
		}
	})
}

// closeUp moves the spans behind the content to where they are without it.
func (h *Head) closeUp(content Span) {
	end, n := uint32(content.End()), content.Len
	h.moveSpans(func(s *Span) {
		if s.Off >= end && s.Off < madeAt {
			s.Off -= n
		}
	})
}

// moveSpans applies move to all spans.
func (h *Head) moveSpans(move func(*Span)) {
	for i := range h.fields {
		move(&h.fields[i].name)
		move(&h.fields[i].value)
	}
	for _, a := range []*Span{&h.RPC.Service, &h.RPC.Method, &h.RPC.Version, &h.RPC.Group} {
		move(a)
	}
}

// makePath makes the path /service/method, so that routes and logs that know
// paths alone know what is called.
func (h *Head) makePath() {
	r := &h.RPC
	r.pathless = false
	if r.Service.Len == 0 {
		return
	}
	from := uint32(len(h.arena))
	h.arena = append(h.arena, '/')
	h.arena = append(h.arena, h.bytes(r.Service)...)
	if r.Method.Len > 0 {
		h.arena = append(h.arena, '/')
		h.arena = append(h.arena, h.bytes(r.Method)...)
	}
	h.path = Span{from, uint32(len(h.arena)) - from}
}

// Frame returns the two parts of the frame that the head keeps: what stands
// before the content, and what stands behind it.
func (h *Head) Frame() (head, tail []byte) {
	n, all := h.RPC.head, h.RPC.head+h.RPC.tail
	return h.arena[:n:n], h.arena[n:all:all]
}

// Attribute is one of the facts about an RPC request that requests are routed by.
type Attribute uint8

// The attributes, by the names that routes know them by: service, method, version
// and group.
const (
	NoAttribute Attribute = iota
	Service
	Method
	Version
	Group
)

// AttributeOf returns the attribute of a name, without regard to case.
func AttributeOf(name string) Attribute {
	switch {
	case EqualFold(name, "service"):
		return Service
	case EqualFold(name, "method"):
		return Method
	case EqualFold(name, "version"):
		return Version
	case EqualFold(name, "group"):
		return Group
	}
	return NoAttribute
}

func (r *RPC) attribute(a Attribute) *Span {
	switch a {
	case Service:
		return &r.Service
	case Method:
		return &r.Method
	case Version:
		return &r.Version
	default:
		return &r.Group
	}
}

// Attribute returns an attribute of an RPC request, and whether it has it.
func (h *Head) Attribute(a Attribute) (value []byte, ok bool) {
	s := h.RPC.attribute(a)
	return h.bytes(*s), s.Len > 0
}

// SetAttribute changes an attribute of an RPC request. The frame is encoded anew.
func (h *Head) SetAttribute(a Attribute, value []byte) {
	at := put(&h.Header, value)
	*h.RPC.attribute(a) = at
	if a == Method {
		h.method = at
	}
	h.changed = true
}

// Describe gives a request that is no frame the attributes that requests are
// routed by, each of which may be empty. They are copied, and not sent.
func (h *Head) Describe(service, method, version, group []byte) {
	r := &h.RPC
	r.Service, r.Method = put(&h.Header, service), put(&h.Header, method)
	r.Version, r.Group = put(&h.Header, version), put(&h.Header, group)
}

// Get returns the first value of a name, and whether there is one. The attributes
// of a request count as fields of their names, before others.
func (h *Head) Get(name string) (value []byte, ok bool) {
	if a := AttributeOf(name); a != NoAttribute {
		if value, ok = h.Attribute(a); ok {
			return value, true
		}
	}
	return h.Header.Get(name)
}

// Set replaces the first field of a name and removes its others; it appends the
// field if there is none. Of an RPC request, an attribute of the name is replaced
// as well, and a field only if there is one.
func (h *Head) Set(name, value string) {
	if h.RPC.Kind != KindHTTP {
		if a := AttributeOf(name); a != NoAttribute {
			h.SetAttribute(a, []byte(value))
			if _, ok := h.Header.Get(name); !ok {
				return
			}
		}
	}
	h.Header.Set(name, value)
}

// SetBytes is Set with the value as bytes.
func (h *Head) SetBytes(name string, value []byte) {
	if h.RPC.Kind != KindHTTP && AttributeOf(name) != NoAttribute {
		h.Set(name, string(value))
		return
	}
	h.Header.SetBytes(name, value)
}
