//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// h2specdCases is how many cases h2specd 2.2.1 has.
const h2specdCases = 57

// TestH2specd runs the other half of h2spec, which tests clients, against weir's upstream side. h2specd listens on a port for each case and does to
// whoever sends a request there what the case's name says; weir has a cluster for each of them. It then tells what it thinks of its client by a
// page of HTML.
func TestH2specd(t *testing.T) {
	for _, protocol := range []string{"Http1", "Http2"} {
		t.Run("downstream-"+strings.ToLower(protocol), func(t *testing.T) {
			d := startH2specd(t)
			var c config
			var routes []object
			for port := range d.report(t) {
				routes = append(routes, path("/"+port, port))
				c.cluster(port, "127.0.0.1:"+port)
			}
			for _, cluster := range c.clusters { // that weir hangs up on an idle server is no answer to what the server did
				cluster["idle_timeout"] = "5m"
			}
			if len(routes) != h2specdCases {
				t.Fatalf("h2specd has %d cases, want %d", len(routes), h2specdCases)
			}
			c.listen("main", protocol, object{"upstream_protocol": "Http2"}, routes...)
			w := start(t, "weir", &c)
			client := &http.Client{Transport: &http.Transport{Protocols: only(protocol)}}
			t.Cleanup(client.CloseIdleConnections)
			for port, h := range d.report(t) {
				t.Run(h.name, func(t *testing.T) {
					t.Parallel()
					d.judge(t, port, func(ctx context.Context) { request(ctx, client, "http://"+w.addresses["main"]+"/"+port) })
				})
			}
		})
	}
}

// only is a version of HTTP, in the clear.
func only(protocol string) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(protocol == "Http1")
	p.SetUnencryptedHTTP2(protocol == "Http2")
	return &p
}

// request makes a request. What becomes of it does not matter: most servers of h2specd fail it, one way or another.
func request(ctx context.Context, c *http.Client, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	if resp, err := c.Do(req); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// h2specd is a running h2specd.
type h2specd struct {
	*background
	page string // URL of its report
}

// startH2specd starts an h2specd on ports that are free, or tells that it does not start.
func startH2specd(t *testing.T) *h2specd {
	t.Helper()
	var log string
	for range 5 { // somebody else may have taken one of the ports in between
		own := freeAddress(t)
		_, port, _ := net.SplitHostPort(own)
		d := &h2specd{page: "http://" + own + "/"}
		d.background = beside(t, "h2specd", "--port", port, "--from-port", strconv.Itoa(freePorts(t, h2specdCases)), "--timeout", "5")
		if d.until(func() bool { return answers(d.page) }) {
			return d
		}
		log = d.log.from(0)
	}
	t.Fatalf("h2specd does not start:\n%s", log)
	return nil
}

// answers tells whether a web page is there.
func answers(url string) bool {
	resp, err := http.Get(url)
	if err == nil {
		resp.Body.Close()
	}
	return err == nil
}

// freePorts finds n ports in a row that nobody listens on, below those that the kernel gives to outgoing connections.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first := 20_000 + rand.IntN(12_000-n)
		if allFree(first, n) {
			return first
		}
	}
	t.Fatalf("no %d ports in a row are free", n)
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}

// hearing is what the report says about a case.
type hearing struct {
	name    string // section and case
	verdict string // see below
	details string // what was expected and what came
}

// The marks of the report.
const (
	unheard = "&nbsp;&nbsp;"
	passed  = "✔"
)

var (
	// h2specdLine is a section's title, or a case of it with its verdict, a link with its port, and its name.
	h2specdLine = regexp.MustCompile(`<div>(?:([^<>]+)|<span style="color: \w+;">([^<>]+)</span><a href="http://[^"]*:(\d+)/" target="_blank">.*?</a>(.*?))</div>`)
	tag         = regexp.MustCompile(`<[^>]*>`)
)

// report asks for the report of all cases, by their port.
func (d *h2specd) report(t *testing.T) map[string]hearing {
	t.Helper()
	resp, err := http.Get(d.page)
	if err != nil {
		t.Fatalf("h2specd has no report: %v", err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("h2specd has no report: %v", err)
	}
	cases, section := map[string]hearing{}, ""
	lines := h2specdLine.FindAllStringSubmatchIndex(string(page), -1)
	for i, at := range lines {
		part := func(n int) string { return string(page[max(at[2*n], 0):max(at[2*n+1], 0)]) }
		end := len(page)
		if i+1 < len(lines) {
			end = lines[i+1][0]
		}
		if title := part(1); title != "" {
			section = title
			continue
		}
		details := tag.ReplaceAllString(strings.ReplaceAll(string(page[at[1]:end]), "</div>", "\n"), "")
		cases[part(3)] = hearing{name: section + ": " + part(4), verdict: part(2), details: strings.ReplaceAll(details, "&nbsp;", " ")}
	}
	return cases
}

// ownPing is what h2specd holds against a PING of weir's own, which it takes for the
// answer to the one that it has sent. When it has seen the answer it ends the
// connection, and weir, whose request is not answered, sends one on the next to see
// whether the host lives. A client may; what was seen first is not reported any more.
var ownPing = regexp.MustCompile(`Actual: PING Frame \(+length:8, flags:0x00`)

// judge makes a request that a case's server answers, or does not, until the case is decided.
func (d *h2specd) judge(t *testing.T, port string, request func(context.Context)) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	done := make(chan struct{})
	go func() {
		defer close(done)
		request(ctx)
	}()
	defer func() { <-done }()
	defer cancel()

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for h := d.report(t)[port]; ; h = d.report(t)[port] {
		switch {
		case h.verdict == unheard:
		case h.verdict == passed, ownPing.MatchString(h.details):
			return
		default:
			t.Error(h.details)
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("not decided after %v; h2specd said:\n%s", patience, d.log.from(0))
			return
		case <-tick.C:
		}
	}
}
