package remoting_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/weirproxy/weir/examples/xprotocol/remoting"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
)

// frame puts the lengths in front of a header and a body.
func frame(header, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(header)))
	return append(append(b, header...), body...)
}

// Frames as RocketMQ's Java library (rocketmq-remoting 4.9.8) encodes them.
var frames = []xprotocoltest.Frame{
	{
		Name: "pull", Kind: stream.KindRequest, ID: 0, Service: "orders", Method: "105", Content: "hello",
		Bytes: frame(`{"code":105,"extFields":{"note":"a \"quoted\" line\nbreak","topic":"orders"},"flag":0,"language":"JAVA",`+
			`"opaque":0,"serializeTypeCurrentRPC":"JSON","version":0}`, "hello"),
	},
	{
		Name: "without fields", Kind: stream.KindRequest, ID: 1 << 31, Method: "106",
		Bytes: frame(`{"code":106,"flag":0,"language":"JAVA","opaque":-2147483648,"serializeTypeCurrentRPC":"JSON","version":373}`, ""),
	},
	{
		Name: "one-way", Kind: stream.KindOneWay, ID: 1, Service: "orders", Method: "10", Content: "x",
		Bytes: frame(`{"code":10,"extFields":{"topic":"orders"},"flag":2,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":0}`, "x"),
	},
	{
		Name: "heartbeat", Kind: stream.KindHeartbeat, ID: 2, Method: "34", Content: `{"clientID":"c1"}`,
		Bytes: frame(`{"code":34,"flag":0,"language":"JAVA","opaque":2,"serializeTypeCurrentRPC":"JSON","version":0}`, `{"clientID":"c1"}`),
	},
	{
		Name: "response", Kind: stream.KindResponse, ID: 0, Method: "0", Status: 200, Content: "HELLO",
		Bytes: frame(`{"code":0,"flag":1,"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":0}`, "HELLO"),
	},
	{
		Name: "busy", Kind: stream.KindResponse, ID: 7, Method: "2", Status: 503,
		Bytes: frame(`{"code":2,"flag":1,"language":"JAVA","opaque":7,"remark":"[TIMEOUT_CLEAN_QUEUE]broker busy",`+
			`"serializeTypeCurrentRPC":"JSON","version":0}`, ""),
	},
}

func TestConformance(t *testing.T) { xprotocoltest.Run(t, remoting.Spec(), frames...) }

func FuzzFrames(f *testing.F) { xprotocoltest.Fuzz(f, remoting.Spec(), frames...) }

// TestRoom sends a request whose id is one digit with ids of any width, and the
// answer back with the client's.
func TestRoom(t *testing.T) {
	u, d := xprotocoltest.NewUpstream(remoting.Spec()), xprotocoltest.NewDownstream(remoting.Spec(), xprotocoltest.Limits{})
	if _, err := u.Send(frames[0].Bytes); err != nil {
		t.Fatal(err)
	}
	sent := string(u.Sent())
	if !strings.Contains(sent, `"opaque":          1,`) || !strings.Contains(sent, `"note":"a \"quoted\" line\u000abreak"`) {
		t.Errorf("it is sent as %q", sent)
	}
	if err := d.Feed(frames[1].Bytes); err != nil {
		t.Fatal(err)
	}
	if err := d.Calls[0].Pass(remoting.Spec(), frames[4].Bytes); err != nil {
		t.Fatal(err)
	}
	if got := string(d.Sent()); !strings.Contains(got, `"opaque":-2147483648,`) || !strings.HasSuffix(got, "}HELLO") {
		t.Errorf("the answer is %q", got)
	}
}

// TestOwnHeartbeat: brokers answer a heartbeat like any request, and the answer is no stray.
func TestOwnHeartbeat(t *testing.T) {
	u := xprotocoltest.NewUpstream(remoting.Spec())
	u.Codec.Features().Pinger.Ping()
	h := stream.Head{}
	h.Clear()
	if _, err := remoting.Spec().Codec.Parse(u.Sent(), &h); err != nil || h.RPC.Kind != stream.KindHeartbeat {
		t.Fatalf("a heartbeat is %+v, %v", h.RPC.Call, err)
	}
	if err := u.Feed(frame(`{"code":3,"flag":1,"language":"JAVA","opaque":1,"version":0}`, "")); err != nil {
		t.Fatal(err)
	}
	if n := u.Codec.Features().OrphanCounter.Orphans(); n != 0 || h.RPC.ID != 1 {
		t.Errorf("the answer to heartbeat %d was dropped (%d)", h.RPC.ID, n)
	}
}

// TestClientsHeartbeat: it tells the broker who the client is, and goes there.
func TestClientsHeartbeat(t *testing.T) {
	d := xprotocoltest.NewDownstream(remoting.Spec(), xprotocoltest.Limits{})
	if err := d.Feed(frames[3].Bytes); err != nil {
		t.Fatal(err)
	}
	if len(d.Calls) != 1 || len(d.Sent()) > 0 {
		t.Fatalf("it makes %v", d.Calls)
	}
	if err := d.Calls[0].Pass(remoting.Spec(), frames[4].Bytes); err != nil {
		t.Fatal(err)
	}
	if got := string(d.Sent()); !strings.Contains(got, "HELLO") || !strings.Contains(got, `"opaque":          2`) {
		t.Errorf("its answer is %q", got)
	}
}

// TestRefusedEdit: a response that a filter changed in a way that cannot be sent is
// no answer to another request.
func TestRefusedEdit(t *testing.T) {
	d := xprotocoltest.NewDownstream(remoting.Spec(), xprotocoltest.Limits{})
	if err := d.Feed(frames[1].Bytes); err != nil {
		t.Fatal(err)
	}
	h := &stream.Head{}
	h.Clear()
	f := frames[4]
	content, err := remoting.Spec().Codec.Parse(f.Bytes, h)
	if err != nil {
		t.Fatal(err)
	}
	h.KeepFrame("remoting", f.Bytes, content)
	h.Add("x", strings.Repeat("long", 20_000))
	d.Calls[0].Send(h, []byte("HELLO"))
	got := d.Sent()
	again := &stream.Head{}
	again.Clear()
	if _, err := remoting.Spec().Codec.Parse(got, again); err != nil || again.RPC.ID != 1<<31 || again.Status < 500 {
		t.Errorf("the answer is %+v, status %d, %v: %q", again.RPC.Call, again.Status, err, got)
	}
}

// TestUnknownMembersStay: what the codec does not know goes on as it came.
func TestUnknownMembersStay(t *testing.T) {
	u := xprotocoltest.NewUpstream(remoting.Spec())
	if _, err := u.Send(frame(`{ "x" : [1, {"y":"}"}], "code":1 ,"opaque":5,"z":null}`, "")); err != nil {
		t.Fatal(err)
	}
	if got := string(u.Sent()[8:]); got != `{"x":[1, {"y":"}"}],"code":1,"opaque":          1,"z":null}` {
		t.Errorf("it is sent as %s", got)
	}
}

// TestMalformed refuses what is no header.
func TestMalformed(t *testing.T) {
	for _, header := range []string{
		``, `{`, `[]`, `{"code":}`, `{"code":1`, `{"code":1}}`, `{"code":99999999999}`, `{"opaque":"1"}`, `{"extFields":[]}`, `{"extFields":{"a":1}}`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":"\`,
	} {
		h := &stream.Head{}
		h.Clear()
		if _, err := remoting.Spec().Codec.Parse(frame(header, "body"), h); err == nil {
			t.Errorf("%q is taken", header)
		}
	}
}
