package bolt

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
)

// kitFrames are frames of each kind, form and version, those of other
// implementations first.
func kitFrames(tb testing.TB) (all []xprotocoltest.Frame) {
	captured := vectors(tb)
	add := func(b []byte, content, behind int, f xprotocoltest.Frame) {
		if f.Bytes = b; f.Bytes == nil {
			f.Bytes = captured[f.Name]
		}
		end := len(f.Bytes) - behind
		f.Content = string(f.Bytes[end-content : end])
		all = append(all, f)
	}
	const (
		node   = "com.nodejs.test.TestService:1.0"
		alipay = "com.alipay.rpc.common.service.facade.pb.SampleServicePb:1.0"
	)
	add(nil, 239, 0, xprotocoltest.Frame{Name: "bolt1-req-node-plus", Kind: stream.KindRequest, ID: 1, Service: node, Timeout: 3 * time.Second})
	add(nil, 3, 0, xprotocoltest.Frame{Name: "bolt1-req-pb", Kind: stream.KindRequest, ID: 109, Service: alipay, Method: "hello", Timeout: 100 * time.Millisecond})
	add(nil, 98, 0, xprotocoltest.Frame{Name: "bolt1-resp-node-plus", Kind: stream.KindResponse, ID: 1, Status: 200})
	add(nil, 750, 4, xprotocoltest.Frame{Name: "bolt2-resp-java-crc", Kind: stream.KindResponse, ID: 1, Status: 200})
	add(nil, 11, 0, xprotocoltest.Frame{Name: "bolt1-resp-go-readme", Kind: stream.KindResponse, ID: 2, Status: 500})
	add(nil, 0, 0, xprotocoltest.Frame{Name: "bolt1-hb-node", Kind: stream.KindHeartbeat, ID: 7})
	add(nil, 0, 4, xprotocoltest.Frame{Name: "bolt2-hb-node-crc", Kind: stream.KindHeartbeat, ID: 8})
	add(nil, 0, 0, xprotocoltest.Frame{Name: "bolt1-hback-node", Kind: stream.KindHeartbeatAnswer, ID: 7, Status: 200})
	add(nil, 0, 4, xprotocoltest.Frame{Name: "bolt2-hback-node-crc", Kind: stream.KindHeartbeatAnswer, ID: 8, Status: 200})

	fields := header("service", "a.B:1.0", "sofa_head_method_name", "m", "x", absent, "y", "")
	for ver1 := range byte(3) {
		name := []string{"version 1", "version 2 without checksums", "version 2 with a checksum"}[ver1]
		of := func(s sample) []byte {
			s.ver1, s.id, s.codec, s.header, s.content = ver1, 0x80000005, codecProtobuf, fields, "content"
			if ver1 == 2 {
				s.flags = 1
			}
			return s.bytes()
		}
		crc := int(ver1/2) * crcLen
		request := xprotocoltest.Frame{Kind: stream.KindRequest, ID: 0x80000005, Service: "a.B:1.0", Method: "m"}
		request.Name = "request of " + name
		request.Timeout = 3 * time.Second
		add(of(sample{typ: typeRequest, cmd: cmdRequest, timeout: 3000, class: "C"}), 7, crc, request)
		request.Name, request.Kind, request.Timeout = "one-way request of "+name, stream.KindOneWay, 0
		add(of(sample{typ: typeOneWay, cmd: cmdRequest, timeout: -1}), 7, crc, request)
		add(of(sample{cmd: cmdResponse, status: statusBusy, class: "C"}), 7, crc,
			xprotocoltest.Frame{Name: "response of " + name, Kind: stream.KindResponse, ID: 0x80000005, Status: 503})
	}
	add(sample{typ: typeRequest, cmd: cmdGoAway}.bytes(), 0, 0, xprotocoltest.Frame{Name: "go-away", Kind: stream.KindGoAway})
	return all
}

// kitSpec is bolt, with go-aways or without.
func kitSpec(goAway bool) xprotocol.Spec {
	s := Spec()
	s.Codec, s.Settings = New(Options{GoAway: goAway}), nil
	return s
}

func TestConformance(t *testing.T) {
	xprotocoltest.Run(t, kitSpec(false), kitFrames(t)...)
	t.Run("with go-aways", func(t *testing.T) { xprotocoltest.Run(t, kitSpec(true), kitFrames(t)...) })
}

func FuzzConformance(f *testing.F) { xprotocoltest.Fuzz(f, Spec(), kitFrames(f)...) }
