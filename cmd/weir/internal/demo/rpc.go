package demo

import (
	"encoding/binary"
	"io"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// rpc is an RPC protocol, as far as it takes to call a service and to be one that
// gives back what it was called with.
type rpc struct {
	codec xprotocol.Codec
	// call is a request of the quickstart's service.
	call []byte
	// answer appends the successful response to a request, with a content.
	answer func(dst []byte, to *stream.Call, content []byte) []byte
}

// rpcs are the RPC protocols of the quickstart but gRPC, which is HTTP, by the
// names of their routes.
func rpcs() map[string]*rpc {
	return map[string]*rpc{
		"bolt":  {bolt.New(bolt.Options{}), boltCall("demo.Echo:1.0", "echo", "hello by bolt"), boltAnswer},
		"dubbo": {dubbo.New(), dubboCall("demo.Echo", "echo", "hello by Dubbo"), dubboAnswer},
	}
}

// maxFrame is more than any frame of a demo.
const maxFrame = 64 << 10

// read reads a frame, which may use the memory of buf.
func (p *rpc) read(r io.Reader, buf []byte) ([]byte, error) {
	b := buf[:0]
	for n := 1; len(b) < n; {
		from := len(b)
		b = append(b, make([]byte, n-from)...)
		if _, err := io.ReadFull(r, b[from:]); err != nil {
			return nil, err
		}
		size, err := p.codec.Length(b)
		switch {
		case err != nil:
			return nil, err
		case size > maxFrame:
			return nil, io.ErrShortBuffer
		}
		n = max(size, len(b))
		if size == 0 {
			n++ // it takes more to tell the length
		}
	}
	return b, nil
}

// reply appends what a server says to a frame: nothing, if nothing is expected.
func (p *rpc) reply(dst, frame []byte) ([]byte, error) {
	var h stream.Head
	at, err := p.codec.Parse(frame, &h)
	if err != nil {
		return dst, err
	}
	content := frame[at.Off:at.End()]
	switch h.RPC.Kind {
	case stream.KindRequest:
		return p.answer(dst, &h.RPC.Call, content), nil
	case stream.KindHeartbeat:
		if beats, ok := p.codec.(xprotocol.Heartbeater); ok {
			return beats.HeartbeatAnswer(dst, &h.RPC.Call, content, true), nil
		}
	}
	return dst, nil
}

// hessian appends a string as Hessian has it, all dialects alike.
func hessian(dst []byte, s string) []byte {
	dst = append(dst, 'S')
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

// class is the class of what is sent by bolt.
const class = "java.lang.String"

// boltCall is a request of bolt's first version.
func boltCall(service, method, argument string) []byte {
	var header []byte
	for _, s := range []string{"sofa_head_target_service", service, "sofa_head_method_name", method} {
		header = binary.BigEndian.AppendUint32(header, uint32(len(s)))
		header = append(header, s...)
	}
	content := hessian(nil, argument)
	b := []byte{1, 1, 0, 1, 1} // version, request, command, its version
	b = append(b, 0, 0, 0, 1)  // the id
	b = append(b, 1)           // Hessian
	b = binary.BigEndian.AppendUint32(b, 3000)
	return append(append(boltRest(b, len(header), len(content)), header...), content...)
}

func boltAnswer(dst []byte, to *stream.Call, content []byte) []byte {
	dst = append(dst, 1, 0, 0, 2, 1)
	dst = binary.BigEndian.AppendUint32(dst, uint32(to.ID))
	dst = append(dst, to.Serialization, 0, 0) // a success
	return append(boltRest(dst, 0, len(content)), content...)
}

// boltRest appends the lengths of the parts that follow, and the first of them.
func boltRest(dst []byte, header, content int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(class)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(header))
	dst = binary.BigEndian.AppendUint32(dst, uint32(content))
	return append(dst, class...)
}

// dubboCall is a request that waits for its response, in Hessian 2.
func dubboCall(service, method, argument string) []byte {
	var body []byte
	for _, s := range []string{"2.0.2", service, "0.0.0", method, "Ljava/lang/String;", argument} {
		body = hessian(body, s)
	}
	body = append(body, 'H') // the attachments
	for _, s := range []string{"path", service, "interface", service} {
		body = hessian(body, s)
	}
	body = append(body, 'Z')
	return dubboFrame(nil, 0xc2, 0, 1, body)
}

// dubboAnswer returns the only argument.
func dubboAnswer(dst []byte, to *stream.Call, content []byte) []byte {
	const value = 0x91
	return dubboFrame(dst, to.Serialization, 20, to.ID, append([]byte{value}, content...))
}

func dubboFrame(dst []byte, flags, status byte, id uint64, body []byte) []byte {
	dst = append(dst, 0xda, 0xbb, flags, status)
	dst = binary.BigEndian.AppendUint64(dst, id)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(dst, body...)
}
