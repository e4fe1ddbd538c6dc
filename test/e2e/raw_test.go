package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// raw is one end of a TCP connection, for tests that are about bytes.
type raw struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

// dial connects to an address. The connection ends with the test.
func dial(t testing.TB, addr string) *raw {
	t.Helper()
	checkLeaks(t)
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newRaw(t, c)
}

func newRaw(t testing.TB, c net.Conn) *raw {
	c.SetDeadline(time.Now().Add(patience))
	return &raw{TCPConn: c.(*net.TCPConn), t: t, r: bufio.NewReader(c)}
}

// send writes bytes. That the peer has closed is not the test's concern here: it
// shows in what is read.
func (c *raw) send(parts ...string) {
	io.WriteString(c, strings.Join(parts, ""))
}

// head reads a head, up to and with its empty line; "" at the end.
func (c *raw) head() string {
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" && b.Len() > 2 {
			return b.String()
		}
	}
}

// body reads the body that a head announces: by length, or chunked, up to and with
// its trailers, which are returned as they are.
func (c *raw) body(head string) (body, trailers string) {
	if v, ok := field(head, "Content-Length"); ok {
		n, _ := strconv.Atoi(v)
		return c.bytes(n), ""
	}
	if v, _ := field(head, "Transfer-Encoding"); v != "chunked" {
		return "", ""
	}
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		n, bad := strconv.ParseUint(strings.TrimSpace(line), 16, 31)
		if err != nil || bad != nil {
			return b.String(), "broken off: " + line
		}
		if n == 0 {
			break
		}
		b.WriteString(c.bytes(int(n)))
		c.bytes(2)
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return b.String(), trailers
		}
		trailers += line
	}
}

// bytes reads n bytes, or fewer at the end.
func (c *raw) bytes(n int) string {
	b := make([]byte, n)
	n, _ = io.ReadFull(c.r, b)
	return string(b[:n])
}

// rest reads everything up to the end, and tells whether that was a clean one.
func (c *raw) rest() (string, error) {
	b, err := io.ReadAll(c.r)
	return string(b), err
}

// ended checks that the peer ends the connection, without another byte.
func (c *raw) ended() {
	c.t.Helper()
	got, err := c.rest()
	if got != "" || errors.Is(err, net.ErrClosed) || isTimeout(err) {
		c.t.Errorf("instead of an end came %.300q, %v", got, err)
	}
}

// message reads a whole message.
func (c *raw) message() (head, body string) {
	head = c.head()
	body, _ = c.body(head)
	return head, body
}

// expect reads a response and checks its status and body. It returns the head.
func (c *raw) expect(status int, body string) string {
	c.t.Helper()
	head, got := c.message()
	if statusOf(head) != status || got != body {
		c.t.Errorf("got %.300q with body %.300q, want status %d and body %.300q", head, got, status, body)
	}
	return head
}

// statusOf is the status of a response's head, 0 if it has none.
func statusOf(head string) int {
	if parts := strings.SplitN(head, " ", 3); len(parts) > 1 && strings.HasPrefix(head, "HTTP/1.1 ") {
		n, _ := strconv.Atoi(strings.TrimSpace(parts[1]))
		return n
	}
	return 0
}

// field returns a field's value in a head.
func field(head, name string) (string, bool) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// target is the request target of a request's head.
func target(head string) string {
	parts := strings.SplitN(head, " ", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// pattern is n letters in which every place shows.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(i^i>>4^i>>8^i>>12^i>>16)&15
	}
	return b
}

// patterned is a reader of a pattern's first n bytes, for bodies too large to be
// held.
type patterned struct{ at, n int64 }

func (p *patterned) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	block := patternBlock[p.at%int64(len(patternBlock)):]
	n := copy(b, block[:min(int64(len(block)), p.n-p.at)])
	p.at += int64(n)
	return n, nil
}

// patternBlock repeats in what patterned reads.
var patternBlock = pattern(1<<16 - 5)

// checked is a writer that counts bytes which must be those of patterned.
type checked struct {
	at  int64
	bad bool
}

func (p *checked) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		block := patternBlock[p.at%int64(len(patternBlock)):]
		n := min(len(block), len(rest))
		p.bad = p.bad || !bytes.Equal(block[:n], rest[:n])
		p.at += int64(n)
		rest = rest[n:]
	}
	return len(b), nil
}

// buffered returns what has come and was not read.
func (c *raw) buffered() string {
	b, _ := c.r.Peek(c.r.Buffered())
	return string(b)
}

// block waits until somebody closes the connection, and reads nothing.
func (c *raw) block() {
	var b [1]byte
	rc, err := c.SyscallConn()
	for err == nil {
		err = rc.Read(func(uintptr) bool { return len(b) == 0 })
	}
}
