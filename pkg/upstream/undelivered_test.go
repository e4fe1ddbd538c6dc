package upstream

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// Undelivered decides whether a request may be sent to another host although it
// may not be executed twice. So it must never be true if the host could read it.
func TestUndelivered(t *testing.T) {
	slow := strings.Repeat("x", 32<<20)
	tests := []struct {
		name string
		line string
		warm int // requests before, on the same connection
		end  func(c *hostSide, in *bufio.Reader)
		want bool
	}{
		{"read, then closed", "a", 1, func(c *hostSide, in *bufio.Reader) {
			in.ReadString('\n')
			c.Close()
		}, false},
		{"read, then reset", "a", 1, func(c *hostSide, in *bufio.Reader) {
			in.ReadString('\n')
			rst(c.TCPConn)
		}, false},
		// A connection that answers confirms with a delay, together with the answer.
		{"read, then reset before it was confirmed", "a", 40, func(c *hostSide, in *bufio.Reader) {
			in.ReadString('\n')
			rst(c.TCPConn)
		}, false},
		{"read in part, then closed", slow, 1, func(c *hostSide, in *bufio.Reader) {
			io.CopyN(io.Discard, in, 100)
			c.Close()
		}, false},
		{"there, but not read", "a", 1, func(c *hostSide, in *bufio.Reader) {
			in.Peek(1)
			c.Close()
		}, false},
		{"read, then half closed", "a", 1, func(c *hostSide, in *bufio.Reader) {
			in.ReadString('\n')
			c.CloseWrite()
			io.Copy(io.Discard, in)
		}, false},
	}
	for _, tt := range tests {
		overAll(t, tt.name, func(t *testing.T, kind connKind) {
			w, ended := undeliveredServer(t, tt.warm, kind, tt.end)
			for range tt.warm {
				w.ask(w.host(0), "warm").expect("warm")
			}
			got := w.ask(w.host(0), tt.line).result()
			if got.answer != "" || got.undelivered != tt.want {
				t.Errorf("undelivered: %v, want %v (%v)", got.undelivered, tt.want, got.reset)
			}
			receive(t, ended, "the server to end")
		})
	}
}

// secure gives a cluster the toy as its transport, or none.
func secure(w *worker, yes bool) {
	if yes {
		w.on(func() {
			w.cluster().Transport = func(c *eventloop.Conn, _ *members.Host, _ *protocol.Protocol) eventloop.Transport {
				return transporttest.New(c, &transporttest.Config{Client: true})
			}
		})
	}
}

// undeliveredServer answers some lines and then does what a test says.
func undeliveredServer(t *testing.T, warm int, kind connKind, end func(c *hostSide, in *bufio.Reader)) (w *worker, ended chan bool) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ended = make(chan bool)
	go func() {
		defer close(ended)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		side := &hostSide{TCPConn: c.(*net.TCPConn)}
		var plain io.ReadWriter = c
		if kind != plainConn {
			side.secure = transporttest.Server(c, transporttest.Config{})
			plain = side.secure
		}
		in := bufio.NewReader(plain)
		for range warm {
			line, _ := in.ReadString('\n')
			io.WriteString(plain, line)
		}
		end(side, in)
	}()
	w = one(t, cluster(nil, ln.Addr().String()))
	secure(w, kind != plainConn)
	return w, ended
}

// connKind is what a connection is like: the bytes of one with a transport are not those
// of the requests, and its end is announced, or the socket just ends.
type connKind string

const (
	plainConn connKind = "plain"
	cutConn   connKind = "transport, ended without a word"
	endedConn connKind = "transport, ended"
)

// hostSide is a connection as the host sees it.
type hostSide struct {
	*net.TCPConn
	secure *transporttest.Conn
}

func (h *hostSide) announce(kind connKind) {
	if kind == endedConn {
		io.WriteString(h.TCPConn, h.secure.End())
	}
}

func overAll(t *testing.T, name string, f func(t *testing.T, kind connKind)) {
	for _, kind := range []connKind{plainConn, cutConn, endedConn} {
		t.Run(name+"/"+string(kind), func(t *testing.T) { f(t, kind) })
	}
}

// The server ends the connection while it is idle, and the worker learns it only
// when it has sent a request.
func TestUndeliveredCrossing(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*net.TCPConn)
		warm int
		sent bool
	}{
		{"closed", fin, 1, true},
		{"closed after many requests", fin, 40, true},
		{"reset, so that nothing can be sent", rst, 1, false},
	} {
		overAll(t, tt.name, func(t *testing.T, kind connKind) {
			end, over := make(chan bool), make(chan bool)
			w, ended := undeliveredServer(t, tt.warm, kind, func(c *hostSide, _ *bufio.Reader) {
				<-end
				c.announce(kind)
				tt.end(c.TCPConn)
				over <- true
			})
			for range tt.warm {
				w.ask(w.host(0), "warm").expect("warm")
			}
			h := w.host(0)
			r := w.request("a")
			w.on(func() { // after the worker has looked at its sockets, before it writes
				end <- true
				<-over
				r.start(h)
				if r.conn == nil {
					t.Error("the idle connection was not used")
				}
			})
			if got := r.result(); !got.undelivered || got.sent != tt.sent {
				t.Errorf("got %+v; want it undelivered, sent: %v", got, tt.sent)
			}
			receive(t, ended, "the server to end")
		})
	}
}
