package plain_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

func frames() []xprotocoltest.Frame {
	frame := func(name string, m plain.Message) xprotocoltest.Frame {
		f := xprotocoltest.Frame{Name: name, Bytes: m.Bytes(), Kind: m.Kind, ID: m.ID, Service: m.Service, Method: m.Method, Content: m.Content}
		if m.Kind == stream.KindResponse || m.Kind == stream.KindHeartbeatAnswer {
			f.Status = int(m.Number)
		}
		return f
	}
	return []xprotocoltest.Frame{
		frame("request", plain.Message{Kind: stream.KindRequest, ID: 7, Service: "echo", Method: "say", Fields: []string{"a", "1", "b", ""}, Content: "hello"}),
		frame("sealed request", plain.Message{Kind: stream.KindRequest, ID: 1<<63 + 5, Service: "echo", Content: "hello", Sealed: true}),
		frame("empty request", plain.Message{Kind: stream.KindRequest, Sealed: true}),
		frame("one-way", plain.Message{Kind: stream.KindOneWay, ID: 7, Service: "echo", Content: "hello"}),
		frame("response", plain.Message{Kind: stream.KindResponse, ID: 7, Number: 200, Fields: []string{"c", "3"}, Content: "hello back"}),
		frame("sealed response", plain.Message{Kind: stream.KindResponse, ID: 8, Number: 500, Sealed: true}),
		frame("heartbeat", plain.Message{Kind: stream.KindHeartbeat, ID: 9, Content: "now"}),
		frame("heartbeat answer", plain.Message{Kind: stream.KindHeartbeatAnswer, ID: 9, Number: 200, Content: "now"}),
		frame("go-away", plain.Message{Kind: stream.KindGoAway}),
		frame("event", plain.Message{Kind: stream.KindEvent, Content: "?"}),
	}
}

func TestConformance(t *testing.T) { xprotocoltest.Run(t, plain.Spec(), frames()...) }

func FuzzFrames(f *testing.F) { xprotocoltest.Fuzz(f, plain.Spec(), frames()...) }
