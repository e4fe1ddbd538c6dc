package health

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// question is what a host is asked on a connection.
type question interface {
	// ask sends the question on a stream. It may use the connection's pools.
	ask(up stream.End, w *wire)
	// judge returns what is wrong with the host by its answer, nil if nothing is.
	judge(a *answer) error
}

// userAgent is what requests say of who sends them.
const userAgent = "weir-health-check"

// httpQuestion is a request of HTTP/1 or HTTP/2.
type httpQuestion struct {
	check     *Check
	authority string
}

func (q *httpQuestion) ask(up stream.End, w *wire) {
	h := w.heads.Get()
	h.SetMethod([]byte(q.check.method))
	h.SetScheme("http")
	h.SetAuthority([]byte(q.authority))
	h.SetPath([]byte(q.check.path))
	h.Add("User-Agent", userAgent)
	up.Head(h, true)
	w.heads.Put(h)
}

func (q *httpQuestion) judge(a *answer) error {
	switch {
	case !q.check.codes.has(a.status):
		return fmt.Errorf("status %d", a.status)
	case !bytes.Contains(a.body, []byte(q.check.text)):
		return errors.New("the body does not have the expected text")
	}
	return nil
}

// grpcQuestion is a call of grpc.health.v1.Health/Check.
type grpcQuestion struct {
	check     *Check
	authority string
}

const grpcPath = "/grpc.health.v1.Health/Check"

func (q *grpcQuestion) ask(up stream.End, w *wire) {
	h := w.heads.Get()
	h.SetMethod([]byte("POST"))
	h.SetScheme("http")
	h.SetAuthority([]byte(q.authority))
	h.SetPath([]byte(grpcPath))
	h.Add("Content-Type", "application/grpc")
	h.Add("TE", "trailers")
	h.Add("User-Agent", userAgent)
	up.Head(h, false)
	w.heads.Put(h)
	var content buffer.Chain
	content.Init(&w.slabs)
	content.Append(healthRequest(q.check.service))
	up.Data(&content, true)
	content.Clear()
}

// healthRequest is a HealthCheckRequest, whose field 1 is the service, in the frame
// that gRPC has around messages.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(message, 1<<3|wireBytes)
		message = binary.AppendUvarint(message, uint64(len(service)))
		message = append(message, service...)
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(frame, message...)
}

func (q *grpcQuestion) judge(a *answer) error {
	switch {
	case a.long:
		return errors.New("the answer is too long")
	case a.status != 200:
		return fmt.Errorf("HTTP status %d", a.status)
	case !a.hasCode:
		return errors.New("the answer has no grpc-status")
	case a.code != grpc.OK:
		return fmt.Errorf("grpc-status %s", a.code)
	}
	state, err := servingStatus(a.body)
	if err == nil && state != serving {
		err = fmt.Errorf("the service is %s", nameOfState(state))
	}
	return err
}

// The states of a service, field 1 of a HealthCheckResponse.
const serving = 1

func nameOfState(state uint64) string {
	switch state {
	case 0:
		return "UNKNOWN"
	case 2:
		return "NOT_SERVING"
	case 3:
		return "SERVICE_UNKNOWN"
	}
	return fmt.Sprintf("in state %d", state)
}

var errMessage = errors.New("the answer is not a HealthCheckResponse")

// servingStatus returns the status in a HealthCheckResponse in gRPC's frame.
func servingStatus(b []byte) (state uint64, err error) {
	const front = 5
	if len(b) < front || b[0] != 0 || uint64(binary.BigEndian.Uint32(b[1:])) != uint64(len(b)-front) {
		return 0, errMessage
	}
	for b = b[front:]; len(b) > 0; {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 {
			return 0, errMessage
		}
		b = b[n:]
		if n = valueLen(b, tag&7); n < 0 {
			return 0, errMessage
		}
		if tag == 1<<3|wireVarint {
			state, _ = binary.Uvarint(b)
		}
		b = b[n:]
	}
	return state, nil
}

// How protocol buffers put a value on the wire.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// valueLen returns how long the value is that b begins with, -1 if there is none.
func valueLen(b []byte, form uint64) int {
	n, front := uint64(0), 0
	switch form {
	case wireVarint:
		if _, front = binary.Uvarint(b); front <= 0 {
			return -1
		}
	case wireFixed64:
		n = 8
	case wireBytes:
		if n, front = binary.Uvarint(b); front <= 0 {
			return -1
		}
	case wireFixed32:
		n = 4
	default:
		return -1
	}
	if n > uint64(len(b)-front) {
		return -1
	}
	return front + int(n)
}
