package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"

	"github.com/weirproxy/weir/pkg/protocol/grpc"
)

// grpcPath is the method of the quickstart's gRPC service, which gives back what it
// was called with.
const grpcPath = "/demo.v1.Echo/Echo"

// grpcMessage is a message as it stands in a body: its length, in front of it that it
// is not compressed, and the message, one of a single text.
func grpcMessage(text string) []byte {
	const field1 = 1<<3 | 2 // a field of a length
	b := []byte{0, 0, 0, 0, 0, field1, byte(len(text))}
	binary.BigEndian.PutUint32(b[1:], uint32(2+len(text)))
	return append(b, text...)
}

// answerGRPC is the service. The status of a call is in the trailers.
func answerGRPC(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFrame))
	code := grpc.OK
	switch {
	case r.URL.Path != grpcPath:
		code, body = grpc.Unimplemented, nil
	case err != nil:
		return // there is nobody to tell
	}
	w.Header().Set("Content-Type", grpc.ContentType)
	_, _ = w.Write(body)
	w.Header().Set(http.TrailerPrefix+grpc.HeaderStatus, strconv.Itoa(int(code)))
}

// grpcCaller is a client of gRPC. All its calls share a connection.
type grpcCaller struct {
	client http.Client
	url    string
}

func newGRPCCaller(base string) *grpcCaller {
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	return &grpcCaller{http.Client{Transport: &http.Transport{Protocols: p}, Timeout: clientPatience}, base + grpcPath}
}

// call calls the service, and returns the status that it ended with. What goes wrong
// is seen in weir's statistics.
func (c *grpcCaller) call(ctx context.Context) (status string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(grpcMessage("hello by gRPC")))
	if err != nil {
		return ""
	}
	r.Header.Set("Content-Type", grpc.ContentType)
	r.Header.Set("TE", "trailers")
	response, err := c.client.Do(r)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if status := response.Header.Get(grpc.HeaderStatus); status != "" { // a response without a message
		return status
	}
	return response.Trailer.Get(grpc.HeaderStatus)
}

func (c *grpcCaller) close() { c.client.CloseIdleConnections() }
