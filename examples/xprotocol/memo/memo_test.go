package memo_test

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/examples/xprotocol/memo"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
)

// Frames of each kind, written by hand: what tests a codec must not be made by it.
var frames = []xprotocoltest.Frame{
	{
		Name: "request", Kind: stream.KindRequest, ID: 7,
		Bytes:   []byte("memoq\x00\x00\x00\x07\x00\x00\x0b\xb8\x00\x15\x00\x00\x00\x05" + "echo\nsay\nlang\nen\nx\n1\n" + "hello"),
		Service: "echo", Method: "say", Timeout: 3 * time.Second, Content: "hello",
	},
	{
		Name: "one-way request", Kind: stream.KindOneWay, ID: 0xffffffff,
		Bytes:   []byte("memoo\xff\xff\xff\xff\x00\x00\x00\x00\x00\x09\x00\x00\x00\x05" + "echo\nsay\n" + "hello"),
		Service: "echo", Method: "say", Content: "hello",
	},
	{
		Name: "response", Kind: stream.KindResponse, ID: 7, Status: 200, Content: "HELLO",
		Bytes: []byte("memor\x00\x00\x00\x07\x00\x00\x00\xc8\x00\x02\x00\x00\x00\x05" + "\n\n" + "HELLO"),
	},
	{
		Name: "failure", Kind: stream.KindResponse, ID: 8, Status: 500,
		Bytes: []byte("memor\x00\x00\x00\x08\x00\x00\x01\xf4\x00\x02\x00\x00\x00\x00" + "\n\n"),
	},
	{
		Name: "heartbeat", Kind: stream.KindHeartbeat, ID: 9,
		Bytes: []byte("memoh\x00\x00\x00\x09\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00" + "\n\n"),
	},
	{
		Name: "heartbeat answer", Kind: stream.KindHeartbeatAnswer, ID: 9, Status: 200,
		Bytes: []byte("memoa\x00\x00\x00\x09\x00\x00\x00\xc8\x00\x02\x00\x00\x00\x00" + "\n\n"),
	},
}

func TestConformance(t *testing.T) { xprotocoltest.Run(t, memo.Spec(), frames...) }

func FuzzFrames(f *testing.F) { xprotocoltest.Fuzz(f, memo.Spec(), frames...) }
