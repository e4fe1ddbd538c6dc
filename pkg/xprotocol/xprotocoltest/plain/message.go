package plain

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// Message describes a frame, for tests to make one of.
type Message struct {
	Name            string // for tests; not in the frame
	Kind            stream.Kind
	ID              uint64
	Number          uint32 // timeout or status
	Service, Method string
	Fields          []string // names and values in turn
	Content         string
	Sealed          bool
}

// Bytes returns the frame.
func (m Message) Bytes() []byte {
	b := []byte{'P', 'L', byte(m.Kind), 0}
	if m.Sealed {
		b[atFlags] = sealed
	}
	b = binary.BigEndian.AppendUint64(b, m.ID)
	b = binary.BigEndian.AppendUint32(b, m.Number)
	b = append(b, make([]byte, fixed-len(b))...)
	for _, s := range append([]string{m.Service, m.Method, "", ""}, m.Fields...) {
		b = append(append(b, byte(len(s))), s...)
	}
	binary.BigEndian.PutUint16(b[atText:], uint16(len(b)-fixed))
	binary.BigEndian.PutUint32(b[atContent:], uint32(len(m.Content)))
	b = append(b, m.Content...)
	if m.Sealed {
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	return b
}

// Status returns what a response's status is.
func (m Message) Status() int {
	if m.Kind == stream.KindResponse || m.Kind == stream.KindHeartbeatAnswer {
		return int(m.Number)
	}
	return 0
}

// Timeout returns what a request's timeout is.
func (m Message) Timeout() time.Duration {
	if m.Kind == stream.KindRequest {
		return time.Duration(m.Number) * time.Millisecond
	}
	return 0
}

// Samples are messages of each kind.
func Samples() []Message {
	return []Message{
		{Name: "request", Kind: stream.KindRequest, ID: 7, Number: 30_000, Service: "echo", Method: "say", Fields: []string{"a", "1", "b", ""}, Content: "hello"},
		{Name: "sealed request", Kind: stream.KindRequest, ID: 1<<63 + 5, Service: "echo", Content: "hello", Sealed: true},
		{Name: "empty request", Kind: stream.KindRequest, Sealed: true},
		{Name: "one-way", Kind: stream.KindOneWay, ID: 7, Service: "echo", Content: "hello"},
		{Name: "response", Kind: stream.KindResponse, ID: 7, Number: 200, Fields: []string{"c", "3"}, Content: "hello back"},
		{Name: "sealed response", Kind: stream.KindResponse, ID: 8, Number: 500, Sealed: true},
		{Name: "heartbeat", Kind: stream.KindHeartbeat, ID: 9, Content: "now"},
		{Name: "heartbeat answer", Kind: stream.KindHeartbeatAnswer, ID: 9, Number: 200, Content: "now"},
		{Name: "go-away", Kind: stream.KindGoAway},
		{Name: "event", Kind: stream.KindEvent, Content: "?"},
	}
}
