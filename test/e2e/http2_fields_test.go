package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// seen is a host that answers each request with its head as it came: the lines of
// HTTP/1, or HTTP/2's fields in order.
func seen(t testing.TB, version string) *rawUpstream {
	if version == h1 {
		return serveRaw(t, func(c *raw, _ int) {
			for head, _ := c.message(); head != ""; head, _ = c.message() {
				c.send(ok(strings.ReplaceAll(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n", "\n")))
			}
		})
	}
	return serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			f.respond(id, "200", strings.Join(f.whole(id).head, "\n"))
		}
	})
}

// ask sends a GET with some fields, names and values in turn, and returns the
// response's body.
func ask(t testing.TB, version, addr, host string, fields ...string) string {
	t.Helper()
	if version == h2 {
		f := dialFrames(t, addr)
		defer f.Close()
		for i := 0; i < len(fields); i += 2 {
			fields[i] = strings.ToLower(fields[i])
		}
		f.headers(1, true, append([]string{":method", "GET", ":scheme", "http", ":authority", host, ":path", "/x?y"}, fields...)...)
		m := f.whole(1)
		if m.get(":status") != "200" {
			t.Errorf("got %q", m)
		}
		return m.body.String()
	}
	c := dial(t, addr)
	defer c.Close()
	c.send("GET /x?y HTTP/1.1\r\nHost: ", host, "\r\n")
	for i := 0; i < len(fields); i += 2 {
		c.send(fields[i], ": ", fields[i+1], "\r\n")
	}
	c.send("\r\n")
	head, body := c.message()
	if statusOf(head) != 200 {
		t.Errorf("got %q %q", head, body)
	}
	return body
}

// asSeen is the request of ask in a host's version.
func asSeen(way way, host string, fields ...string) string {
	lines := []string{"GET /x?y HTTP/1.1", "Host: " + host}
	if way.upstream == h2 {
		lines = []string{":method: GET", ":scheme: http", ":authority: " + host, ":path: /x?y"}
	}
	for i := 0; i < len(fields); i += 2 {
		if way.client == h2 || way.upstream == h2 {
			fields[i] = strings.ToLower(fields[i])
		}
		lines = append(lines, fields[i]+": "+fields[i+1])
	}
	return strings.Join(lines, "\n")
}

// TestFieldsAcross: which fields of a request reach the host, and how.
func TestFieldsAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := seen(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`}))
		for _, tc := range []struct {
			name           string
			fields, expect []string
		}{
			{"none", nil, nil},
			{"order and case", []string{"X-B", "1", "X-a", "2", "X-C", "3"}, []string{"X-B", "1", "X-a", "2", "X-C", "3"}},
			{"the same name again", []string{"X-A", "1", "X-B", "2", "X-A", "3", "X-A", "1"}, []string{"X-A", "1", "X-B", "2", "X-A", "3", "X-A", "1"}},
			{"empty value", []string{"X-A", ""}, []string{"X-A", ""}},
			{"long value", []string{"X-A", strings.Repeat("v", 8000)}, []string{"X-A", strings.Repeat("v", 8000)}},
			{"bytes of UTF-8", []string{"X-A", "gr\u00fc\u00df"}, []string{"X-A", "gr\u00fc\u00df"}},
			{"secrets", []string{"Authorization", "Basic x", "Cookie", "a=b"}, []string{"Authorization", "Basic x", "Cookie", "a=b"}},
		} {
			got, want := ask(t, way.client, w.addr(), "a", tc.fields...), asSeen(way, "a", tc.expect...)
			if got != want {
				t.Errorf("%s: the host saw\n%q\nwant\n%q", tc.name, got, want)
			}
		}
	})
}

// TestCookieCrumbs: the parts that HTTP/2 may send a cookie in are one for the host.
func TestCookieCrumbs(t *testing.T) {
	for _, way := range fourWays[2:] {
		up := seen(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`}))
		got := ask(t, h2, w.addr(), "a", "cookie", "a=1", "x", "y", "cookie", "b=2", "cookie", "c=3; d=4")
		if want := asSeen(way, "a", "cookie", "a=1; b=2; c=3; d=4", "x", "y"); got != want {
			t.Errorf("%v: the host saw\n%q\nwant\n%q", way, got, want)
		}
	}
}

// TestHopFieldsAcross: what HTTP/1 says of one connection does not reach the host.
func TestHopFieldsAcross(t *testing.T) {
	for _, upstream := range []string{h1, h2} {
		way := way{h1, h1, upstream, "proxy"}
		up := seen(t, upstream)
		w := start(t, way.setup(setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`}))
		got := ask(t, h1, w.addr(), "a", "Connection", "keep-alive, x-one", "X-One", "1", "Keep-Alive", "timeout=5",
			"Proxy-Connection", "keep-alive", "Upgrade", "h2c", "X-Two", "2", "HTTP2-Settings", "x")
		got = strings.ToLower(got)
		for _, name := range []string{"connection", "x-one", "keep-alive", "upgrade", "http2-settings"} {
			if strings.Contains(got, "\n"+name+":") {
				t.Errorf("%v: the host saw %q", way, got)
			}
		}
		if !strings.Contains(got, "\nx-two: 2") {
			t.Errorf("%v: the host saw %q", way, got)
		}
	}
}

// TestTEAcross: of TE, that trailers are taken is passed on, as weir passes them on;
// HTTP/1 says that it is for the next hop alone.
func TestTEAcross(t *testing.T) {
	for _, way := range fourWays {
		up := seen(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr()}))
		got := ask(t, way.client, w.addr(), "a", "TE", "trailers")
		got = strings.ToLower(got) + "\n"
		if !strings.Contains(got, "\nte: trailers") || strings.Contains(got, "\nconnection: te\n") != strings.Contains(got, " http/1.1\n") {
			t.Errorf("%v: the host saw %q", way, got)
		}
	}
}

// TestResponseFieldsAcross: fields of a response keep their order and number; those
// of one connection stay there.
func TestResponseFieldsAcross(t *testing.T) {
	fields := []string{"X-B", "1", "Set-Cookie", "a=1", "X-A", "", "Set-Cookie", "b=2", "X-B", "3"}
	across(t, fourWays, func(t *testing.T, way way) {
		var up *rawUpstream
		if way.upstream == h1 {
			up = serveRaw(t, func(c *raw, _ int) {
				for head, _ := c.message(); head != ""; head, _ = c.message() {
					c.send("HTTP/1.1 299 Own Words\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n")
					for i := 0; i < len(fields); i += 2 {
						c.send(fields[i], ": ", fields[i+1], "\r\n")
					}
					c.send("Content-Length: 2\r\n\r\nok")
				}
			})
		} else {
			up = serveFrames(t, func(f *frames, _ int) {
				for id := f.accept(); id != 0; id = f.accept() {
					all := []string{":status", "299"}
					for i := 0; i < len(fields); i += 2 {
						all = append(all, strings.ToLower(fields[i]), fields[i+1])
					}
					f.headers(id, false, append(all, "content-length", "2")...)
					f.WriteData(id, true, []byte("ok"))
				}
			})
		}
		w := start(t, way.setup(setup{up: up.addr()}))
		var want, got []string
		for i := 0; i < len(fields); i += 2 {
			want = append(want, strings.ToLower(fields[i])+": "+fields[i+1])
		}
		want = append(want, "content-length: 2")
		if way.client == h2 {
			f := dialFrames(t, w.addr())
			f.request(1, true, "GET", "/")
			got = f.expect(1, 299, "ok").head[1:]
		} else {
			c := dial(t, w.addr())
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			head := c.expect(299, "ok")
			for line := range strings.SplitSeq(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n") {
				if k, v, ok := strings.Cut(line, ":"); ok {
					got = append(got, strings.ToLower(k)+": "+strings.TrimSpace(v))
				}
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("the client got\n%q\nwant\n%q", got, want)
		}
	})
}

// TestHostsAcross: the host that a request is for is the same in both versions, and
// can be rewritten.
func TestHostsAcross(t *testing.T) {
	for name, tc := range map[string]struct{ action, want string }{
		"kept":      {"", "sent.example:81"},
		"rewritten": {`"host_rewrite": "fixed.example"`, "fixed.example"},
		"automatic": {`"auto_host_rewrite": true`, "own.example"},
		"by header": {`"auto_host_rewrite_header": "X-Host"`, "header.example"},
	} {
		for _, way := range fourWays {
			t.Run(name+" "+way.String(), func(t *testing.T) {
				up := seen(t, way.upstream)
				s := way.setup(setup{clusters: fmt.Sprintf(`{"name": "up", "hosts": [{"address": %q, "hostname": "own.example"}]}`, up.addr())})
				s.routes = route("/", "up", tc.action)
				w := start(t, s)
				got := ask(t, way.client, w.addr(), "Sent.example:81", "X-Host", "header.example")
				want := map[string]string{h1: "Host: ", h2: ":authority: "}[way.upstream] + tc.want
				if strings.Count(strings.ToLower(got), "host: ") > 2 || !strings.Contains(got, "\n"+want+"\n") {
					t.Errorf("the host saw\n%s\nwant %q", got, want)
				}
			})
		}
	}
}

// TestHostField: HTTP/2's Host field stands for :authority, or says the same.
func TestHostField(t *testing.T) {
	for _, way := range fourWays[2:] {
		up := seen(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`}))
		f := dialFrames(t, w.addr())
		for i, fields := range [][]string{
			{":method", "GET", ":scheme", "http", ":path", "/x?y", "host", "b.example"},
			{":method", "GET", ":scheme", "http", ":path", "/x?y", ":authority", "b.example", "host", "B.example"},
		} {
			id := uint32(2*i + 1)
			f.headers(id, true, fields...)
			if got, want := f.whole(id).body.String(), asSeen(way, "b.example"); got != want {
				t.Errorf("%v: the host saw %q, want %q", way, got, want)
			}
		}
	}
}

// TestForwardedAcross: the host learns where a request comes from.
func TestForwardedAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := seen(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr()}))
		got := strings.ToLower(ask(t, way.client, w.addr(), "a", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-For", "5.6.7.8"))
		if !strings.Contains(got, "\nx-forwarded-for: 1.2.3.4, 5.6.7.8, 127.0.0.1") || strings.Count(got, "x-forwarded-for") != 1 ||
			!strings.Contains(got, "\nx-forwarded-proto: http") {
			t.Errorf("the host saw\n%s", got)
		}
	})
}
