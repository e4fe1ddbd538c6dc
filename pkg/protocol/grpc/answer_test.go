package grpc

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
)

func fields(h *stream.Header) string {
	var b strings.Builder
	for i := range h.Len() {
		name, value := h.At(i)
		b.WriteString(string(name) + ": " + string(value) + "\n")
	}
	return b.String()
}

func TestReadStatus(t *testing.T) {
	for value, want := range map[string]Code{
		"0": OK, "00": OK, "5": NotFound, "16": Unauthenticated, "17": 17, "4294967295": 1<<32 - 1,
		"": Unknown, "x": Unknown, "-1": Unknown, "1 ": Unknown, "4294967296": Unknown, "00000000001": Unknown,
	} {
		h := head(200, "Grpc-Status", value)
		if got, ok := ReadStatus(&h.Header); got != want || !ok {
			t.Errorf("%q: %v, %v; want %v", value, got, ok, want)
		}
	}
	if got, ok := ReadStatus(&head(200, "grpc-message", "5").Header); ok || got != Unknown {
		t.Errorf("without a status: %v, %v", got, ok)
	}
}

func TestAnswer(t *testing.T) {
	long := strings.Repeat("ä", 1000)
	tests := []struct {
		name        string
		answer      *stream.Head
		contentType string
		message     string
		want        string
	}{
		{"as HTTP would have it", head(503, "Content-Type", "text/plain", "Content-Length", "9", "Date", "today"), "application/grpc", "no host",
			"Content-Type: application/grpc\nDate: today\ngrpc-status: 14\ngrpc-message: no host\n"},
		{"with the request's subtype", head(503), "application/grpc+json; x=y", "", "Content-Type: application/grpc+json\ngrpc-status: 14\n"},
		{"of another type", head(503), "text/html", "", "Content-Type: application/grpc\ngrpc-status: 14\n"},
		{"no type", head(503), "", "", "Content-Type: application/grpc\ngrpc-status: 14\n"},
		{"a message to encode", head(503), "application/grpc", "100 %\n", "Content-Type: application/grpc\ngrpc-status: 14\ngrpc-message: 100 %25%0A\n"},
		{"a long message", head(503), "application/grpc", long,
			"Content-Type: application/grpc\ngrpc-status: 14\ngrpc-message: " + strings.Repeat("%C3%A4", 1000) + "\n"},
		{"in place of another's", head(200, "grpc-status", "0", "grpc-message", "fine", "grpc-status", "1"), "application/grpc", "",
			"grpc-status: 14\nContent-Type: application/grpc\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.answer
			h.ContentLength = 9
			Answer(h, []byte(tt.contentType), Unavailable, tt.message)
			if diff := cmp.Diff(tt.want, fields(&h.Header)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if h.Status != 200 || h.ContentLength != -1 || !IsResponse(h) {
				t.Errorf("status %d, length %d", h.Status, h.ContentLength)
			}
			if c, ok := ReadStatus(&h.Header); c != Unavailable || !ok {
				t.Errorf("it is read as %v, %v", c, ok)
			}
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	request := head(0, "content-type", "application/grpc+proto", "grpc-timeout", "20S", "tri-service-group", "g")
	request.SetPath([]byte("/context/pkg.Service/Method"))
	response := head(200, "grpc-status", "14", "grpc-message", "100%25")
	answer := head(503)
	memory := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		if !IsRequest(request) || IsResponse(response) {
			t.Error("not what they are")
		}
		timeout, _ := request.Get(HeaderTimeout)
		d, _ := ParseTimeout(timeout)
		memory = AppendTimeout(memory[:0], d-time.Millisecond)
		for a := stream.Service; a <= stream.Group; a++ {
			Attribute(request, a)
		}
		c, _ := ReadStatus(&response.Header)
		_ = c.String()
		message, _ := response.Get(HeaderMessage)
		memory = AppendText(memory, message)
		contentType, _ := request.GetID(stream.ContentType)
		answer.Clear()
		Answer(answer, contentType, FromAnswer(503, stream.NoHealthyUpstream), "no host of the cluster is healthy: 100%\n")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
