package dubbo

import (
	"math"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

// maxAttachments is the most attachments that a message may have for them to be
// read: each is a field, which takes more memory than the least attachment takes
// bytes.
const maxAttachments = 1024

// readAttachments reads the attachments that a body ends with, and makes fields of
// them; false says that they cannot be read.
func readAttachments(b []byte, r *serial.Reader, h *stream.Head) bool {
	if len(b)-r.Pos() > maxPart {
		return false
	}
	var key, value serial.Value
	null, ok := r.Open()
	for n := 0; ok && !null && !r.Close(); n++ {
		if !r.Next(&key) || !r.Next(&value) || n == maxAttachments {
			return false
		}
		if key.Kind != serial.Text {
			continue
		}
		if h.RPC.Kind != stream.KindResponse {
			noteAttachment(b, &key, &value, &h.RPC)
		}
		if isString(&value) {
			h.AddSpan(stream.SpanOf(key.From, key.To), stream.SpanOf(value.From, value.To), value.Kind == serial.Null)
		}
	}
	return ok && r.Done()
}

// isString tells whether a value is a string, or may stand in the place of one.
func isString(v *serial.Value) bool { return v.Kind == serial.Text || v.Kind == serial.Null }

// noteAttachment tells the attributes that stand among the attachments of a
// request.
func noteAttachment(b []byte, key, value *serial.Value, c *stream.RPC) {
	text := value.Kind == serial.Text
	switch string(b[key.From:key.To]) {
	case "group":
		if text {
			c.Group = stream.SpanOf(value.From, value.To)
		}
	case "path", "interface":
		if text && c.Service.Len == 0 {
			c.Service = stream.SpanOf(value.From, value.To)
		}
	case "timeout":
		if t := milliseconds(b, value); t > 0 {
			c.Timeout = t
		}
	case "_TO", "_to": // what is left of it, where timeouts count down along a chain of calls
		if c.Timeout == 0 {
			c.Timeout = milliseconds(b, value)
		}
	}
}

// milliseconds reads a timeout, which is an integer up to Dubbo 3.1 and a string
// since; 0 if it is none.
func milliseconds(b []byte, v *serial.Value) time.Duration {
	ms := v.Int
	if v.Kind == serial.Text && v.To-v.From <= len("2147483647") {
		n, err := strconv.ParseUint(string(b[v.From:v.To]), 10, 63)
		if err != nil {
			return 0
		}
		ms = int64(n)
	}
	return time.Duration(min(max(ms, 0), math.MaxInt32)) * time.Millisecond
}
