package demo

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"testing"
)

// TestGRPC: a call comes back with its message and the status OK in the trailers; a
// method that there is not has its status, and so has a server that is gone.
func TestGRPC(t *testing.T) {
	p := &places{anyPort: true}
	address, err := p.upstream("127.0.0.1:8086")
	if err != nil {
		t.Fatal(err)
	}
	u := serveUpstreams(p.upstreams, slog.New(slog.DiscardHandler))
	c := newGRPCCaller("http://" + address)
	if status := c.call(t.Context()); status != "0" {
		t.Errorf("status %q", status)
	}
	message := grpcMessage("a message")
	r, err := c.client.Post(c.url, "application/grpc", bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.Body)
	r.Body.Close()
	if !bytes.Equal(got, message) || err != nil || r.ProtoMajor != 2 || r.Header.Get("Content-Type") != "application/grpc" || r.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%q, %v, of %+v", got, err, r)
	}
	if want := "\x00\x00\x00\x00\x0b\x0a\x09a message"; string(message) != want {
		t.Errorf("a message is %q, want %q", message, want)
	}
	other := &grpcCaller{http.Client{Transport: c.client.Transport}, "http://" + address + "/demo.v1.Echo/Other"}
	if status := other.call(t.Context()); status != "12" {
		t.Errorf("status %q of an unknown method", status)
	}
	c.close()
	u.stop()
	if status := c.call(t.Context()); status != "" {
		t.Errorf("status %q of a server that was stopped", status)
	}
	c.close()
}
