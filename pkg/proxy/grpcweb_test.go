package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/grpcweb"
)

const webMessage = "\x00\x00\x00\x00\x03abc"

// webHost answers calls as their method says.
func webHost(rw http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	rw.Header().Set("Content-Type", "application/grpc")
	switch r.Header.Get("X-Do") {
	case "wait":
		<-r.Context().Done()
		return
	case "reset":
		panic(http.ErrAbortHandler)
	case "itself": // it speaks gRPC-Web
		rw.Header().Set("Content-Type", "application/grpc-web")
		io.WriteString(rw, webMessage+"\x80\x00\x00\x00\x10grpc-status: 0\r\n")
		return
	case "refuse":
		rw.Header().Set("Grpc-Status", "5")
		return
	}
	io.WriteString(rw, webMessage)
	http.NewResponseController(rw).Flush()
	switch r.Header.Get("X-Do") {
	case "wait later":
		<-r.Context().Done()
	case "reset later":
		panic(http.ErrAbortHandler)
	case "fail":
		rw.Header().Set(http.TrailerPrefix+"Grpc-Status", "9")
	default:
		rw.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}
}

// TestGRPCWebIsACall: a request of gRPC-Web has a call's deadline, is counted by its
// service, method and status, and ends with a status in the client's own form, in its
// middle as well.
func TestGRPCWebIsACall(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2} {
		for _, tt := range []struct {
			do     string
			status string // in the head
			frame  string // at the body's end
			code   int    // as it is counted
			failed uint64 // responses of the host that count as failures
		}{
			{do: "", frame: "grpc-status: 0\r\n", code: 0},
			{do: "fail", frame: "grpc-status: 9\r\n", code: 9},
			{do: "refuse", status: "5", code: 5},
			{do: "wait", status: "4", code: 4, failed: 1},
			{do: "wait later", frame: "grpc-status: 4\r\n", code: 4, failed: 1},
			{do: "reset", status: "14", code: 14, failed: 1},
			{do: "reset later", frame: "grpc-status: 14\r\n", code: 14, failed: 1},
			{do: "itself", frame: "grpc-status: 0\r\n", code: 2},
		} {
			t.Run(string(k)+" "+tt.do, func(t *testing.T) {
				if k == kindHTTP2 && strings.HasPrefix(tt.do, "reset") { // INTERNAL_ERROR, which says more than a lost connection
					tt.status, tt.frame, tt.code = strings.ReplaceAll(tt.status, "14", "13"), strings.ReplaceAll(tt.frame, "14", "13"), 13
				}
				w := newWorld(t, plan{kind: k, hosts: 1, handler: webHost})
				web := grpcweb.Make(nil, nil)
				w.on(func() {
					w.l.Chains[0] = filter.Chain{filter.NewLink("grpc_web", web)}
					w.l.CallMaker = w.l.Chains[0].CallMaker()
				})
				from := w.client.ask(t.Context(), request{method: "POST", body: webMessage, header: map[string]string{
					"Content-Type": "application/grpc-web", "Grpc-Timeout": "5S", "X-Do": tt.do,
				}})
				if strings.HasPrefix(tt.do, "wait") {
					begun := strings.HasSuffix(tt.do, "later")
					w.until("the host has it", func() bool {
						return w.count(func(x *exchange) bool { return x.attempts.body.ended && (x.phase >= responseBegun) == begun }) == 1
					})
					w.forward(6 * time.Second)
				}
				got := w.got(from)
				if got.err != nil || got.status != 200 || got.header.Get("Grpc-Status") != tt.status {
					t.Fatalf("%d, %v, %v", got.status, got.header, got.err)
				}
				frame := strings.TrimPrefix(got.body, webMessage)
				if tt.frame == "" && frame != "" || tt.frame != "" && (len(frame) < 5 || !strings.HasPrefix(frame[5:], tt.frame)) {
					t.Errorf("the body ends with %q", frame)
				}
				w.settled()
				w.on(func() {
					c := w.w.Stats.Call([]byte("pkg.Service"), []byte("Method"))
					if c.RequestTotal != 1 || c.Statuses[tt.code] != 1 {
						t.Errorf("%d calls, by status %v", c.RequestTotal, c.Statuses)
					}
				})
				if n := w.clusterStats().ResponseFailed; n != tt.failed {
					t.Errorf("%d responses of the host failed", n)
				}
			})
		}
	}
}
