package http2

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// opening is what a stream has that asks for a tunnel, until it is one. In the
// stream model an upgrade looks as in HTTP/1: GET with the field Upgrade, answered
// by 101. In HTTP/2 it is a CONNECT with the pseudo-header :protocol, answered by
// 200 (RFC 8441), without the fields by which HTTP/1 makes sure that both mean it.
type opening struct {
	held     buffer.Chain // a server: data that came before the tunnel was granted
	waits    bool         // a server: it is not granted yet
	protocol []byte       // what is upgraded to; nil: a plain CONNECT
	key      []byte       // a client: what the answer must be made of
	head     *stream.Head // a client: of a request that waits for SETTINGS
}

func (o *opening) drop(heads *stream.Pool) {
	o.held.Clear()
	if o.head != nil {
		heads.Put(o.head)
	}
}

const (
	fieldWebSocketKey    = "sec-websocket-key"
	fieldWebSocketAccept = "sec-websocket-accept"
)

// upgradeField tells the fields of an upgrade that HTTP/2 does without.
func upgradeField(name []byte) bool {
	return stream.EqualFold(name, fieldWebSocketKey) || stream.EqualFold(name, fieldWebSocketAccept)
}

// asUpgrade makes the head of an extended CONNECT look like an upgrade in HTTP/1.
func (r *fieldReader) asUpgrade() {
	h := r.head
	h.SetMethod([]byte("GET"))
	h.DelID(stream.ContentLength)
	h.AddBytes([]byte("upgrade"), r.protocol)
	h.Del(fieldWebSocketKey)
	if !stream.EqualFold(r.protocol, "websocket") {
		return
	}
	var random [16]byte
	binary.LittleEndian.PutUint64(random[:], r.cfg.random())
	binary.LittleEndian.PutUint64(random[8:], r.cfg.random())
	h.Add(fieldWebSocketKey, base64.StdEncoding.EncodeToString(random[:]))
}

// asGrant makes the head that grants an extended CONNECT look like the answer to an
// upgrade in HTTP/1.
func (o *opening) asGrant(h *stream.Head) {
	h.Status = 101
	h.AddBytes([]byte("upgrade"), o.protocol)
	h.Del(fieldWebSocketAccept)
	if o.key == nil || !stream.EqualFold(o.protocol, "websocket") {
		return
	}
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum(append(o.key, guid...)) // as RFC 6455 has it; nothing is secured by it
	h.Add(fieldWebSocketAccept, base64.StdEncoding.EncodeToString(sum[:]))
}

// grant makes a server's stream a tunnel, and passes on what came before.
func (e *responder) grant() {
	s := (*h2stream)(e)
	s.flags |= tunnelled
	o := s.opening
	o.waits = false
	end := s.has(recvEnd) && !s.conn.recv.more(s)
	if s.has(inOver) || o.held.Len() == 0 && !end {
		return
	}
	n := o.held.Len()
	peer := s.peer
	s.enter()
	if end {
		s.inputOver()
	}
	held := o.held // the stream may end within the call
	o.held.Init(held.Pool())
	peer.Data(&held, end)
	held.Clear()
	s.delivered(n)
	s.leave()
}

// decline ends the request of a server's stream that does not become a tunnel: there
// is no more of it.
func (e *responder) decline() {
	s := (*h2stream)(e)
	if s.has(inOver) {
		return
	}
	s.flags |= inOver
	o := s.opening
	o.waits = false
	r := &s.conn.recv
	r.credit(o.held.Len())
	o.held.Clear()
	r.forget(s)
	var none buffer.Chain
	none.Init(o.held.Pool())
	s.enter()
	s.peer.Data(&none, true)
	s.leave()
}
