package filtertest

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/pkg/filter"
)

// message is a message to be sent, split in a certain way.
type message struct {
	pieces   []string
	emptyEnd bool // the end comes as an empty piece of data
	trailers bool
}

func (m message) headOnly() bool { return len(m.pieces) == 0 && !m.emptyEnd && !m.trailers }

func (m message) String() string {
	return fmt.Sprintf("body in %d pieces of %d bytes, emptyEnd=%v, trailers=%v",
		len(m.pieces), len(strings.Join(m.pieces, "")), m.emptyEnd, m.trailers)
}

// splits is messages in all the ways in which their parts may come.
func splits() []message {
	all := []message{{}, {emptyEnd: true}, {trailers: true}}
	large := strings.Repeat("0123456789abcdef", 200) // moved between chains, not copied
	for _, body := range []string{"body!", large} {
		for _, at := range []int{0, 1, 2, 3, 4} {
			at = at * len(body) / 5
			pieces := []string{body[:at], body[at:]}
			if at == 0 {
				pieces = pieces[1:]
			}
			all = append(all, message{pieces: pieces}, message{pieces: pieces, emptyEnd: true}, message{pieces: pieces, trailers: true})
		}
	}
	bytes := strings.Split("one byte at a time", "")
	return append(all, message{pieces: bytes}, message{pieces: bytes, trailers: true})
}

// few is some of the splits, for what is tried at every point of an exchange.
func few() []message {
	return []message{{}, {pieces: []string{"two ", "pieces"}}, {pieces: []string{"some ", "more"}, trailers: true}}
}

// step passes one part.
type step func(*Exchange)

// steps returns the parts of a message, in order.
func (k *kit) steps(m message, d filter.Direction) []step {
	list := []step{func(x *Exchange) { k.head(x, d, m.headOnly()) }}
	for i, text := range m.pieces {
		last := i == len(m.pieces)-1 && !m.emptyEnd && !m.trailers
		list = append(list, func(x *Exchange) { x.data(d, text, last) })
	}
	if m.emptyEnd {
		list = append(list, func(x *Exchange) { x.data(d, "", true) })
	}
	if m.trailers {
		list = append(list, func(x *Exchange) { x.trailers(d, []string{"X-Trailer", "end"}) })
	}
	return list
}

func (k *kit) head(x *Exchange, d filter.Direction, end bool) {
	if d == filter.ResponseDirection {
		x.ResponseHead(200, end, "X-Response", "yes")
		return
	}
	h := &x.heads[d]
	h.Clear()
	h.SetMethod([]byte("POST"))
	h.SetScheme("http")
	h.SetAuthority([]byte("service.example"))
	h.SetPath([]byte("/path?query"))
	x.Info.Request = h
	if k.opts.Request != nil {
		k.opts.Request(h)
	}
	x.head(d, end, requestFields[:])
}

var requestFields = [2]string{"X-Request", "yes"}

// orders is the ways in which a request and its response may overlap.
func orders(q, p []step) [][]step {
	join := func(lists ...[]step) (all []step) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	var alternating []step
	for i := range max(len(q), len(p)) {
		alternating = append(alternating, q[min(i, len(q)):min(i+1, len(q))]...)
		alternating = append(alternating, p[min(i, len(p)):min(i+1, len(p))]...)
	}
	return [][]step{join(q, p), alternating, join(q[:1], p, q[1:])}
}
