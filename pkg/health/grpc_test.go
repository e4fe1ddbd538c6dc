package health

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/pkg/config"
)

// h2c starts a real server of HTTP/2 without TLS.
func h2c(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// framed is a message of gRPC.
func framed(message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
}

// healthServer answers as the standard service does: it knows the server as a whole
// and one service.
func healthServer(t *testing.T, states map[string]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/grpc.health.v1.Health/Check" || r.Header.Get("Content-Type") != "application/grpc" ||
			r.Header.Get("TE") != "trailers" || err != nil || len(body) < 5 || framed(string(body[5:])) != string(body) {
			t.Errorf("%s %s %v %q %v", r.Method, r.URL, r.Header, body, err)
		}
		service := ""
		if message := body[5:]; len(message) > 0 {
			service = string(message[2:])
			if message[0] != 10 || int(message[1]) != len(service) {
				t.Errorf("the request is %q", message)
			}
		}
		w.Header().Set("Content-Type", "application/grpc")
		state, known := states[service]
		if !known {
			w.Header().Set("Grpc-Status", "5")
			return
		}
		w.Header().Set("Trailer", "Grpc-Status")
		io.WriteString(w, framed("\x08"+string(state)))
		w.Header().Set("Grpc-Status", "0")
	}
}

func TestGRPC(t *testing.T) {
	addr := h2c(t, healthServer(t, map[string]byte{"": 1, "echo.Echo": 1, "sick": 2, "odd": 9}))
	dials := 0
	dial := func(ctx context.Context, addr netip.AddrPort, mark uint32) (net.Conn, error) {
		dials++
		return dialTCP(ctx, addr, mark)
	}
	for service, want := range map[string]string{
		"": "", "echo.Echo": "", "sick": "the service is NOT_SERVING", "odd": "the service is in state 9", "unknown": "grpc-status NOT_FOUND",
	} {
		check := newCheck(t, config.CheckGRPC, func(c *config.HealthCheck) {
			c.Config.GRPC.Service, c.Timeout = service, 10*time.Second
		})
		target := Target{Cluster: "c", Host: addr.String(), Addr: addr, Check: check}
		s := newSession(&target, dial)
		dials = 0
		for range 50 {
			reason := ""
			if err := s.ask(t.Context()); err != nil {
				reason = err.Error()
			}
			if reason != want {
				t.Fatalf("%q: %q, want %q", service, reason, want)
			}
		}
		if s.close(); dials != 1 {
			t.Errorf("%q: %d connections for 50 checks", service, dials)
		}
	}
}

// TestHTTP2: a request of HTTP/2, many on one connection.
func TestHTTP2(t *testing.T) {
	addr := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "a.example" || r.Method != "GET" || r.URL.Path != "/health" {
			t.Errorf("%s %s%s", r.Method, r.Host, r.URL)
		}
		io.WriteString(w, strings.Repeat("x", 10_000)+"UP")
	})
	check := newCheck(t, config.CheckHTTP2, func(c *config.HealthCheck) {
		c.Config.HTTP.Path, c.Config.HTTP.Domain, c.Config.HTTP.ExpectedText, c.Timeout = "/health", "a.example", "UP", 10*time.Second
	})
	target := Target{Cluster: "c", Host: addr.String(), Addr: addr, Check: check}
	s := newSession(&target, dialTCP)
	defer s.close()
	for range 300 { // more than one connection window
		if err := s.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// frames is a host that answers the first request of each connection with frames of
// its own making.
func frames(answer func(f *http2.Framer, id uint32)) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		io.ReadFull(c, make([]byte, len(http2.ClientPreface)))
		f := http2.NewFramer(c, c)
		// A pipe has no buffer: what is written must be read meanwhile.
		ids := make(chan uint32, 1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				frame, err := f.ReadFrame()
				if err != nil {
					return
				}
				if h, ok := frame.(*http2.HeadersFrame); ok {
					ids <- h.StreamID
				}
			}
		}()
		f.WriteSettings()
		select {
		case id := <-ids:
			answer(f, id)
		case <-done:
		}
		<-done
	}
}

func block(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func TestGRPCAnswers(t *testing.T) {
	type framer = *http2.Framer
	headers := func(f framer, id uint32, end bool, fields ...string) {
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block(fields...), EndHeaders: true, EndStream: end})
	}
	message := func(text string) func(framer, uint32) {
		return func(f framer, id uint32) {
			headers(f, id, false, ":status", "200", "content-type", "application/grpc")
			f.WriteData(id, false, []byte(text))
			headers(f, id, true, "grpc-status", "0")
		}
	}
	const (
		late    = "no answer within 1s"
		odd     = "the answer is not a HealthCheckResponse"
		goodbye = "http2: the host takes no more requests on the connection (NO_ERROR)"
	)
	for _, tt := range []struct {
		name   string
		answer func(f framer, id uint32)
		reason string
	}{
		{"serving", message(framed("\x08\x01")), ""},
		{"other fields", message(framed("\x12\x03abc\x19\x00\x00\x00\x00\x00\x00\x00\x00\x25\x00\x00\x00\x00\x08\x01\x30\x05")), ""},
		{"the last one counts", message(framed("\x08\x02\x08\x01")), ""},
		{"with a ping in between", func(f framer, id uint32) {
			f.WritePing(false, [8]byte{1})
			message(framed("\x08\x01"))(f, id)
		}, ""},
		{"an empty message is UNKNOWN", message(framed("")), "the service is UNKNOWN"},
		{"SERVICE_UNKNOWN", message(framed("\x08\x03")), "the service is SERVICE_UNKNOWN"},
		{"only trailers", func(f framer, id uint32) { headers(f, id, true, ":status", "200", "grpc-status", "12") }, "grpc-status UNIMPLEMENTED"},
		{"not gRPC", func(f framer, id uint32) { headers(f, id, true, ":status", "404") }, "HTTP status 404"},
		{"no status", func(f framer, id uint32) {
			headers(f, id, false, ":status", "200")
			f.WriteData(id, true, []byte(framed("\x08\x01")))
		}, "the answer has no grpc-status"},
		{"no message", func(f framer, id uint32) { headers(f, id, true, ":status", "200", "grpc-status", "0") }, odd},
		{"compressed", message("\x01" + framed("\x08\x01")[1:]), odd},
		{"a length that is wrong", message(framed("\x08\x01") + "x"), odd},
		{"two messages", message(framed("\x08\x01") + framed("\x08\x01")), odd},
		{"half a varint", message(framed("\x08\x81")), odd},
		{"half a text", message(framed("\x08\x01\x12\x05abc")), odd},
		{"a group", message(framed("\x0b\x0c")), odd},
		{"field 0", message(framed("\x00\x01")), odd},
		{"half an answer", func(f framer, id uint32) { headers(f, id, false, ":status", "200") }, late},
		{"silence", func(framer, uint32) {}, late},
		{"a reset", func(f framer, id uint32) { f.WriteRSTStream(id, http2.ErrCodeRefusedStream) }, goodbye},
		{"a go-away", func(f framer, id uint32) { f.WriteGoAway(0, http2.ErrCodeNo, nil) }, goodbye},
		{"a long message", func(f framer, id uint32) {
			headers(f, id, false, ":status", "200")
			for f.WriteData(id, false, make([]byte, 16<<10)) == nil {
			}
		}, "the answer is too long"},
		{"garbage", func(f framer, id uint32) { f.WriteRawFrame(http2.FrameHeaders, 4, id, []byte("garbage")) }, "http2: "},
		{"a flood of pings", func(f framer, id uint32) {
			for f.WritePing(false, [8]byte{}) == nil {
			}
		}, "http2: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reason, kept := once(t, newCheck(t, config.CheckGRPC, nil), &hosts{handler: frames(tt.answer)})
				if reason != tt.reason && (tt.reason != "http2: " || !strings.HasPrefix(reason, tt.reason)) || kept && reason == late {
					t.Errorf("%q, kept: %v, want %q", reason, kept, tt.reason)
				}
			})
		})
	}
}

// TestGoAway: a host that says goodbye between two checks is asked on a new
// connection.
func TestGoAway(t *testing.T) {
	addr := h2c(t, healthServer(t, map[string]byte{"": 1}))
	dials := 0
	var last net.Conn
	dial := func(ctx context.Context, addr netip.AddrPort, mark uint32) (c net.Conn, err error) {
		dials++
		last, err = dialTCP(ctx, addr, mark)
		return last, err
	}
	target := Target{Cluster: "c", Host: addr.String(), Addr: addr, Check: newCheck(t, config.CheckGRPC, func(c *config.HealthCheck) { c.Timeout = 10 * time.Second })}
	s := newSession(&target, dial)
	defer s.close()
	for i := range 3 {
		if err := s.ask(t.Context()); err != nil || dials != i+1 {
			t.Fatalf("%v with %d connections", err, dials)
		}
		last.(*net.TCPConn).CloseWrite() // the server ends the connection
	}
}
