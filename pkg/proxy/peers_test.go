package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
)

// kind is what a world's clients and hosts speak.
type kind string

const (
	kindHTTP1 kind = "HTTP/1"
	kindHTTP2 kind = "HTTP/2"
	kindGRPC  kind = "gRPC"
	kindBolt  kind = "bolt"
	kindDubbo kind = "Dubbo"
)

var allKinds = []kind{kindHTTP1, kindHTTP2, kindGRPC, kindBolt, kindDubbo}

func (k kind) protocol() string {
	return map[kind]string{kindHTTP1: "Http1", kindHTTP2: "Http2", kindGRPC: "Http2", kindBolt: "bolt", kindDubbo: "dubbo"}[k]
}

func (k kind) rpc() bool { return k == kindBolt || k == kindDubbo }

// ok and busy are the statuses of an answer that is good, and of one that says that
// the host had no room for the request; failed is one that says that it went wrong.
func (k kind) ok() int { return map[kind]int{kindGRPC: 0, kindBolt: 0, kindDubbo: 20}[k] + k.http(200) }
func (k kind) busy() int {
	return map[kind]int{kindGRPC: 14, kindBolt: 4, kindDubbo: 100}[k] + k.http(503)
}
func (k kind) failed() int {
	return map[kind]int{kindGRPC: 13, kindBolt: 2, kindDubbo: 80}[k] + k.http(500)
}

func (k kind) http(status int) int {
	if k == kindHTTP1 || k == kindHTTP2 {
		return status
	}
	return 0
}

// call is a request that a host got.
type call struct {
	host   int
	body   string
	header http.Header     // nil in RPC protocols
	gone   <-chan struct{} // the request was cancelled; nil in RPC protocols
	reply  chan answer
}

// answer is what a host answers.
type answer struct {
	status int
	body   string
	early  int  // an interim response before it
	reset  bool // instead of it

	exception bool        // of a method
	more      chan string // further pieces of the body, until it is closed
}

// breaks, as a piece of a body, is where the answer breaks off.
const breaks = "breaks off"

func (c *call) answer(status int, body string) { c.reply <- answer{status: status, body: body} }
func (c *call) reset()                         { c.reply <- answer{reset: true} }

// cancelled waits until a host notices that a request was cancelled.
func (c *call) cancelled(t testing.TB) {
	t.Helper()
	select {
	case <-c.gone:
	case <-time.After(patience):
		t.Fatalf("host %d still works at it", c.host)
	}
}

// result is what a client got.
type result struct {
	status int
	header http.Header
	body   string
	err    error
}

// client sends requests.
type client interface {
	// ask sends one, and gives it up when the context ends.
	ask(ctx context.Context, r request) <-chan result
	close()
}

type request struct {
	method string // of HTTP
	body   string
	stream io.Reader // instead of the body, of HTTP
	oneWay bool
	// Of Dubbo: what the request is said to be written in, instead of Hessian 2, and
	// whether its attachments are behind lists in lists, deeper than is read.
	serialization byte
	tooMuch       bool
	header        map[string]string
}

// ask sends a request that is idempotent by its method, where there are such.
func (w *world) ask() <-chan result { return w.client.ask(w.t.Context(), request{method: "GET"}) }

// got waits for what the client gets.
func (w *world) got(from <-chan result) result {
	w.t.Helper()
	select {
	case r := <-from:
		return r
	case <-time.After(patience):
		w.t.Fatal("the client gets no answer")
		return result{}
	}
}

// expect expects an answer.
func (w *world) expect(from <-chan result, status int, body string) {
	w.t.Helper()
	if r := w.got(from); r.err != nil || r.status != status || r.body != body {
		w.t.Fatalf("the client got %d %q, %v, want %d %q", r.status, r.body, r.err, status, body)
	}
}

func startHost(t testing.TB, w *world, i int, dead bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case dead:
		ln.Close()
	case w.kind.rpc():
		serveRPC(t, w, i, w.secure.host(ln))
	default:
		serveHTTP(t, w, i, w.secure.host(ln))
	}
	return ln.Addr().String()
}

func newClient(t testing.TB, w *world) client {
	if w.kind.rpc() {
		if c := newRPCClient(t, w); c != nil {
			return c
		}
		return nil
	}
	c := &httpClient{w: w}
	c.c.Transport = &http.Transport{Protocols: httpVersion(w.kind), DialContext: c.dial}
	return c
}

// dial connects a client that resets its connection when it goes: an ordinary end
// would be that of its requests only.
func dial(addr string) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		err = c.(*net.TCPConn).SetLinger(0)
	}
	return c, err
}

// dial connects a client to the listener.
func (w *world) dial() (net.Conn, error) {
	c, err := dial(w.addr)
	if err != nil {
		return nil, err
	}
	return w.secure.client(c), nil
}

// httpVersion lets only the version of HTTP that a kind uses.
func httpVersion(k kind) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(k == kindHTTP1)
	p.SetUnencryptedHTTP2(k != kindHTTP1)
	return p
}

func serveHTTP(t testing.TB, w *world, i int, ln net.Listener) {
	handler := func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c := &call{host: i, body: string(body), header: r.Header, gone: r.Context().Done(), reply: make(chan answer, 1)}
		c.header.Set("Host", r.Host)
		w.calls <- c
		select {
		case <-c.gone:
		case a := <-c.reply:
			w.writeHTTP(rw, r, a)
		}
	}
	s := &http.Server{Handler: http.HandlerFunc(handler), Protocols: httpVersion(w.kind)}
	if w.handler != nil {
		s.Handler = w.handler
		s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			if secure, ok := c.(*transporttest.Conn); ok {
				c = secure.Conn
			}
			if err := c.(*net.TCPConn).SetReadBuffer(smallBuffer); err != nil {
				t.Error(err)
			}
			return ctx
		}
	}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
}

func (w *world) writeHTTP(rw http.ResponseWriter, r *http.Request, a answer) {
	switch {
	case a.reset:
		panic(http.ErrAbortHandler)
	case a.early > 0:
		rw.WriteHeader(a.early)
	}
	h := rw.Header()
	if w.kind == kindGRPC {
		h.Set("Content-Type", "application/grpc")
		if a.status != 0 {
			h.Set("Grpc-Status", strconv.Itoa(a.status))
			return
		}
		h.Set(http.TrailerPrefix+"Grpc-Status", "0")
	} else {
		rw.WriteHeader(a.status)
	}
	io.WriteString(rw, a.body)
	for more := a.more; more != nil; {
		http.NewResponseController(rw).Flush()
		select {
		case <-r.Context().Done():
			return
		case piece, ok := <-a.more:
			switch {
			case !ok:
				return
			case piece == breaks:
				panic(http.ErrAbortHandler)
			}
			io.WriteString(rw, piece)
		}
	}
}

type httpClient struct {
	w     *world
	c     http.Client
	mu    sync.Mutex
	conns []net.Conn
}

func (c *httpClient) dial(context.Context, string, string) (net.Conn, error) {
	conn, err := c.w.dial()
	if err == nil {
		c.mu.Lock()
		c.conns = append(c.conns, conn)
		c.mu.Unlock()
	}
	return conn, err
}

func (c *httpClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *httpClient) ask(ctx context.Context, q request) <-chan result {
	out := make(chan result, 1)
	if q.stream == nil {
		q.stream = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, "http://"+c.w.addr+"/pkg.Service/Method", q.stream)
	if err != nil {
		c.w.t.Fatal(err)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	if c.w.kind == kindGRPC {
		r.Method = "POST"
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Te", "trailers")
	}
	go func() {
		resp, err := c.c.Do(r)
		if err != nil {
			out <- result{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		status := resp.StatusCode
		if c.w.kind == kindGRPC {
			code := resp.Trailer.Get("Grpc-Status") + resp.Header.Get("Grpc-Status")
			status, _ = strconv.Atoi(code)
		}
		out <- result{status, resp.Header, string(body), err}
	}()
	return out
}

// rpcFrame reads a frame of the kind: its id, its status and its content.
func (k kind) rpcFrame(r io.Reader) (f rpcFrame, err error) {
	read := func(n int) []byte {
		b := make([]byte, n)
		if err == nil {
			_, err = io.ReadFull(r, b)
		}
		return b
	}
	be := binary.BigEndian
	if k == kindDubbo {
		h := read(16)
		if err != nil {
			return f, err
		}
		f = rpcFrame{id: be.Uint64(h[4:]), status: int(h[3]), content: string(read(int(be.Uint32(h[12:]))))}
		f.beat = h[2]&0xa0 == 0xa0
		if h[2]&0x80 == 0 { // an answer: a kind of answer, where it is well, and a string
			skip := 1
			if f.status == k.ok() {
				skip = 2
			}
			if err == nil && len(f.content) >= skip {
				f.content = f.content[skip:]
			}
		}
		return f, err
	}
	h := read(2)
	if err != nil {
		return f, err
	}
	if h[1] == 0 { // an answer
		h = append(h, read(18)...)
		f.status = int(be.Uint16(h[10:]))
		read(int(be.Uint16(h[12:])) + int(be.Uint16(h[14:])))
		f.content = string(read(int(be.Uint32(h[16:]))))
	} else {
		h = append(h, read(20)...)
		f.beat = be.Uint16(h[2:]) == 0
		read(int(be.Uint16(h[14:])) + int(be.Uint16(h[16:])))
		f.content = string(read(int(be.Uint32(h[18:]))))
	}
	f.id = uint64(be.Uint32(h[5:]))
	return f, err
}

type rpcFrame struct {
	id      uint64
	status  int
	content string
	beat    bool // it is a heartbeat that asks for an answer
}

// rpcBeat makes the answer to a heartbeat.
func (k kind) rpcBeat(id uint64) []byte {
	be := binary.BigEndian
	if k == kindDubbo {
		return append(be.AppendUint64([]byte{0xda, 0xbb, 0x22, 20}, id), 0, 0, 0, 1, 'N')
	}
	return append(be.AppendUint32([]byte{1, 0, 0, 0, 1}, uint32(id)), make([]byte, 11)...)
}

// appendHessian appends a string of ASCII as Hessian writes it: long ones in chunks.
func appendHessian(b []byte, s string) []byte {
	const chunk = 0x8000
	for ; len(s) > chunk; s = s[chunk:] {
		b = append(append(b, 'R', chunk>>8, 0), s[:chunk]...)
	}
	if len(s) < 32 {
		return append(append(b, byte(len(s))), s...)
	}
	return append(append(b, 'S', byte(len(s)>>8), byte(len(s))), s...)
}

// rpcRequest makes a request.
func (k kind) rpcRequest(id uint64, q request) []byte {
	be := binary.BigEndian
	if k == kindDubbo {
		var body []byte
		text := func(s string) { body = appendHessian(body, s) }
		for _, s := range []string{"2.0.2", "pkg.Service", "1.0", "method", "Ljava/lang/String;", q.body} {
			text(s)
		}
		if q.tooMuch {
			body = append(body[:len(body)-1-len(q.body)], strings.Repeat("\x57", 200)+strings.Repeat("Z", 200)...)
		}
		body = append(body, 'H', 'Z')
		flags := byte(0xc0)
		if q.oneWay {
			flags = 0x80
		}
		if flags |= q.serialization; q.serialization == 0 {
			flags |= 2
		}
		b := be.AppendUint64([]byte{0xda, 0xbb, flags, 0}, id)
		return append(be.AppendUint32(b, uint32(len(body))), body...)
	}
	const class = "com.alipay.sofa.rpc.core.request.SofaRequest"
	var header []byte
	for _, s := range []string{"service", "pkg.Service:1.0", "sofa_head_method_name", "method"} {
		header = append(be.AppendUint32(header, uint32(len(s))), s...)
	}
	typ := byte(1)
	if q.oneWay {
		typ = 2
	}
	b := be.AppendUint32([]byte{1, typ, 0, 1, 1}, uint32(id))
	b = append(b, 1, 0, 0, 0x75, 0x30) // half a minute
	b = be.AppendUint16(b, uint16(len(class)))
	b = be.AppendUint16(b, uint16(len(header)))
	b = be.AppendUint32(b, uint32(len(q.body)))
	return append(append(append(b, class...), header...), q.body...)
}

// rpcAnswer makes an answer.
func (k kind) rpcAnswer(id uint64, a answer) []byte {
	be := binary.BigEndian
	if k == kindDubbo {
		body := append([]byte{byte(len(a.body))}, a.body...)
		switch {
		case a.exception:
			body = append([]byte{0x90}, body...)
		case a.status == k.ok():
			body = append([]byte{0x91}, body...)
		}
		b := be.AppendUint64([]byte{0xda, 0xbb, 0x02, byte(a.status)}, id)
		return append(be.AppendUint32(b, uint32(len(body))), body...)
	}
	b := be.AppendUint32([]byte{1, 0, 0, 2, 1}, uint32(id))
	b = be.AppendUint16(append(b, 1), uint16(a.status))
	var header []byte
	if a.exception {
		for _, s := range []string{"sofa_head_response_error", "true"} {
			header = append(be.AppendUint32(header, uint32(len(s))), s...)
		}
	}
	b = be.AppendUint16(append(b, 0, 0), uint16(len(header)))
	if a.exception {
		b = be.AppendUint32(b, uint32(len(a.body)))
		return append(append(b, header...), a.body...)
	}
	return append(be.AppendUint32(b, uint32(len(a.body))), a.body...)
}

func serveRPC(t testing.TB, w *world, i int, ln net.Listener) {
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			go serveRPCConn(w, i, c)
		}
	}()
}

func serveRPCConn(w *world, i int, c net.Conn) {
	defer c.Close()
	for {
		f, err := w.kind.rpcFrame(c)
		if err != nil {
			return
		}
		if f.beat {
			c.Write(w.kind.rpcBeat(f.id))
			continue
		}
		got := &call{host: i, body: f.content, reply: make(chan answer, 1)}
		w.calls <- got
		go func() {
			a := <-got.reply
			if a.reset {
				c.Close()
				return
			}
			c.Write(w.kind.rpcAnswer(f.id, a))
		}()
	}
}

// rpcClient sends its requests over one connection.
type rpcClient struct {
	w     *world
	c     net.Conn
	mu    sync.Mutex
	last  uint64
	waits map[uint64]chan result
}

func newRPCClient(t testing.TB, w *world) *rpcClient {
	c, err := w.dial()
	if err != nil && w.mayBreak {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &rpcClient{w: w, c: c, waits: make(map[uint64]chan result)}
	go func() {
		for {
			f, err := w.kind.rpcFrame(c)
			r.mu.Lock()
			for id, out := range r.waits {
				if err != nil || id == f.id {
					out <- result{status: f.status, body: f.content, err: err}
					delete(r.waits, id)
				}
			}
			r.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return r
}

var errOneWay = errors.New("there is no answer")

func (r *rpcClient) close() { r.c.Close() }

// ask sends a request. The end of the context ends the connection: there is no other
// way to give one up.
func (r *rpcClient) ask(ctx context.Context, q request) <-chan result {
	out := make(chan result, 1)
	r.mu.Lock()
	r.last++
	id := r.last
	if q.oneWay {
		out <- result{err: errOneWay}
	} else {
		r.waits[id] = out
	}
	r.mu.Unlock()
	context.AfterFunc(ctx, func() { r.c.Close() })
	if _, err := io.Copy(r.c, bytes.NewReader(r.w.kind.rpcRequest(id, q))); err != nil && !r.w.mayBreak {
		r.w.t.Error(err)
	}
	return out
}
