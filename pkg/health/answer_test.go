package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// once asks a host once, and returns what is wrong with it, "" if nothing is, and
// whether the connection is kept.
func once(t *testing.T, check *Check, h *hosts) (reason string, kept bool) {
	t.Helper()
	target := target("c", "host.example:80", check)
	s := newSession(&target, h.dial)
	begin := time.Now()
	err := s.ask(t.Context())
	if d := time.Since(begin); d > check.timeout {
		t.Errorf("the check took %v", d)
	}
	kept = s.wire != nil
	if kept && (s.wire.slabs.Stats().Live != 0 || s.wire.slabs.Stats().FreeBytes != 0) {
		t.Errorf("while the connection rests, it has %+v", s.wire.slabs.Stats())
	}
	s.close()
	h.wg.Wait()
	if err != nil {
		reason = err.Error()
	}
	return reason, kept
}

// reply is a host that reads the head of a request and then sends some texts, one a
// tenth of a second after the other, and in the end, unless it is told to stay,
// closes the connection.
func reply(stay bool, texts ...string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		b := make([]byte, 4096)
		c.Read(b)
		for _, text := range texts {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			pass(100 * time.Millisecond)
		}
		if stay {
			io.Copy(io.Discard, c)
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	codes := func(c *config.HealthCheck) {
		c.Config.HTTP.Codes = []config.CodeRange{{Start: 200, End: 204}, {Start: 401, End: 401}}
	}
	text := func(c *config.HealthCheck) { c.Config.HTTP.ExpectedText = "UP" }
	head := func(c *config.HealthCheck) { c.Config.HTTP.Method = "HEAD" }
	const late = "no answer within 1s"
	endless := func(front, again string) func(net.Conn, int) {
		return func(c net.Conn, _ int) {
			go io.Copy(io.Discard, c)
			io.WriteString(c, front)
			for {
				if _, err := io.WriteString(c, again); err != nil {
					return
				}
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(c *config.HealthCheck)
		host   func(net.Conn, int)
		reason string
		kept   bool
	}{
		{"200", nil, reply(true, ok), "", true},
		{"200 in pieces", nil, reply(true, strings.SplitAfter(ok[:8], "")[0], ok[1:20], ok[20:]), "", true},
		{"chunked", text, reply(true, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nU\r\n1\r\nP\r\n0\r\nX: y\r\n\r\n"), "", true},
		{"up to the end", text, reply(false, "HTTP/1.0 200 OK\r\n\r\n", "all is UP"), "", false},
		{"it closes", nil, reply(false, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "", false},
		{"an interim answer", nil, reply(true, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", ok), "", true},
		{"HEAD", head, reply(true, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"), "", true},
		{"204 of a range", codes, reply(true, "HTTP/1.1 204 No Content\r\n\r\n"), "", true},
		{"401 of a list", codes, reply(true, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), "", true},
		{"205 of no range", codes, reply(true, "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"), "status 205", true},
		{"503", nil, reply(true, "HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy"), "status 503", true},
		{"201 where 200 is expected", nil, reply(true, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"), "status 201", true},
		{"another text", text, reply(true, ok), "the body does not have the expected text", true},
		{"a long body", nil, endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 9999)), "", false},
		{"a long body without the text", text, endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "xxxxxxx"),
			"the body does not have the expected text", false},
		{"a long body with the text", text, endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nUP", strings.Repeat("x", 9999)), "", false},
		{"more than the answer", nil, reply(true, ok+ok), "", false},

		{"nothing", nil, reply(false), "http1: the connection ended before the response began", false},
		{"silence", nil, reply(true), late, false},
		{"it does not read", nil, func(c net.Conn, _ int) { pass(time.Hour) }, late, false},
		{"half a head", nil, reply(true, ok[:20]), late, false},
		{"half a head and the end", nil, reply(false, ok[:20]), "http1: the connection ended within the response", false},
		{"half a body", nil, reply(true, ok[:len(ok)-1]), late, false},
		{"half a body and the end", nil, reply(false, ok[:len(ok)-1]), "http1: the connection ended within the response", false},
		{"one byte after the other", nil, reply(true, strings.Split(ok, "")...), late, false},
		{"garbage", nil, reply(true, "SSH-2.0-OpenSSH_9.2\r\n\r\n"), "http1: invalid status line", false},
		{"zeros", nil, endless("", strings.Repeat("\x00", 4096)), "http1: header too large", false},
		{"an endless head", nil, endless("HTTP/1.1 200 OK\r\n", "A: "+strings.Repeat("b", 1000)+"\r\n"), "http1: header too large", false},
		{"an endless line", nil, endless("HTTP/1.1 200 OK\r\nA: ", strings.Repeat("b", 1000)), "http1: header too large", false},
		{"endless interim answers", nil, endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "http1: too many informational responses", false},
		{"an upgrade", nil, reply(true, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
			"http1: upgrade that was not asked for", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reason, kept := once(t, newCheck(t, config.CheckHTTP1, tt.change), &hosts{handler: tt.host})
				if reason != tt.reason || kept != tt.kept {
					t.Errorf("%q, kept: %v, want %q, %v", reason, kept, tt.reason, tt.kept)
				}
			})
		})
	}
}

// TestHTTPRequest: what is asked, and where.
func TestHTTPRequest(t *testing.T) {
	for _, tt := range []struct {
		change  func(c *config.HTTPCheck)
		request string
		port    uint16
	}{
		{func(*config.HTTPCheck) {}, "GET / HTTP/1.1\r\nHost: host.example:80\r\nUser-Agent: weir-health-check\r\n\r\n", 80},
		{func(c *config.HTTPCheck) { c.Port, c.Path = 8081, "/a?b=c" },
			"GET /a?b=c HTTP/1.1\r\nHost: host.example:8081\r\nUser-Agent: weir-health-check\r\n\r\n", 8081},
		{func(c *config.HTTPCheck) { c.Method, c.Domain = "POST", "other" },
			"POST / HTTP/1.1\r\nHost: other\r\nUser-Agent: weir-health-check\r\nContent-Length: 0\r\n\r\n", 80},
	} {
		got := ""
		h := &hosts{handler: answering(func(_, _ int, head string) string {
			got = head
			return ok
		})}
		reason, _ := once(t, newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) { tt.change(c.Config.HTTP) }), h)
		if reason != "" || got != tt.request || h.to[0] != netip.AddrPortFrom(somewhere.Addr(), tt.port) {
			t.Errorf("%s: %q, asked %q of %v", reason, got, tt.request, h.to)
		}
	}
}

// TestHTTPTimeout: the shorter of two timeouts counts.
func TestHTTPTimeout(t *testing.T) {
	for inner, want := range map[time.Duration]time.Duration{0: time.Second, 30 * time.Second: time.Second, time.Millisecond: time.Millisecond} {
		check := newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) { c.Config.HTTP.Timeout = inner })
		if check.timeout != want {
			t.Errorf("%v and 1s make %v", inner, check.timeout)
		}
	}
}

// TestConnectionIsKept: a connection is used again, and that a host closed it in
// between says nothing of the host; that it does not answer on it does.
func TestConnectionIsKept(t *testing.T) {
	for _, tt := range []struct {
		name  string
		host  func(net.Conn, int)
		dials int
		want  string // "" or what is wrong, after each of three checks
	}{
		{"kept", answering(func(int, int, string) string { return ok }), 1, ";;"},
		{"closed by the host", reply(false, ok), 3, ";;"},
		{"closed when asked again", answering(func(_, request int, _ string) string {
			if request > 1 {
				return ""
			}
			return ok
		}), 3, ";;"},
		{"bytes that nobody asked for", func(c net.Conn, _ int) {
			reply(false, ok)(c, 0)
			go io.Copy(io.Discard, c)
			io.WriteString(c, "HTTP/1.1 408 Timeout\r\n\r\n")
		}, 3, ";;"},
		{"silent when asked again", func(c net.Conn, n int) {
			if n == 1 {
				reply(true, ok)(c, n)
			}
			answering(func(int, int, string) string { return ok })(c, n)
		}, 2, ";no answer within 1s;"},
		{"gone", func(c net.Conn, n int) {
			if n == 1 {
				reply(false, ok)(c, n)
			} else {
				reply(false)(c, n)
			}
		}, 3, ";http1: the connection ended before the response began;http1: the connection ended before the response began"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hosts{handler: tt.host}
				target := target("c", "h:80", newCheck(t, config.CheckHTTP1, nil))
				s := newSession(&target, h.dial)
				var got []string
				for range 3 {
					if err := s.ask(t.Context()); err != nil {
						got = append(got, err.Error())
					} else {
						got = append(got, "")
					}
					pass(time.Minute)
				}
				s.close()
				h.wg.Wait()
				if text := strings.Join(got, ";"); text != tt.want || h.dials() != tt.dials {
					t.Errorf("%q with %d connections, want %q with %d", text, h.dials(), tt.want, tt.dials)
				}
			})
		})
	}
}

// TestTCP: a connection is answer enough.
func TestTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := newCheck(t, config.CheckTCP, nil)
		if reason, kept := once(t, check, &hosts{handler: func(net.Conn, int) {}}); reason != "" || kept {
			t.Errorf("%q, kept: %v", reason, kept)
		}
		target := target("c", "h:80", check)
		for want, dial := range map[string]dialer{
			"no answer within 1s": func(ctx context.Context, _ netip.AddrPort, _ uint32) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			"refused": func(context.Context, netip.AddrPort, uint32) (net.Conn, error) { return nil, errors.New("refused") },
		} {
			if err := newSession(&target, dial).ask(t.Context()); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	})
}

// TestDial makes real connections.
func TestDial(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := target("c", ln.Addr().String(), newCheck(t, config.CheckTCP, nil))
	target.Addr = netip.MustParseAddrPort(target.Host)
	if err := newSession(&target, dialTCP).ask(t.Context()); err != nil {
		t.Error(err)
	}
	ln.Close()
	if err := newSession(&target, dialTCP).ask(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens, and the check says %v", err)
	}
}
