//go:build interop && peers

package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nghttp2 are the programs of the library nghttp2, of which h2load asks and nghttpd answers.
var nghttp2 = []tool{
	{"h2load", "h2load: apt-get install nghttp2-client, or https://nghttp2.org"},
	{"nghttpd", "nghttpd: apt-get install nghttp2-server, or https://nghttp2.org"},
}

// h2Loads are what h2load asks for, with 100 requests at a time on each connection, for a second.
var h2Loads = []struct {
	name     string
	requests int
	path     string
	upload   int // bytes of a request
}{
	{"small", 10_000, "/small", 0},
	{"large", 100, "/large", 0},
	{"upload", 1000, "/small", 16 << 10},
}

// TestH2Load has nghttp2 make requests of nghttp2, 400 at a time on 4 connections, through weir, and through weir with an Envoy before or
// behind it. Envoy puts the requests of all its clients on one connection.
func TestH2Load(t *testing.T) {
	needTools(t, "TestH2Load", nghttp2)
	host := serveFiles(t)
	for _, way := range []struct {
		name  string
		begin func(t *testing.T) (w *weir, address string)
	}{
		{"weir", func(t *testing.T) (*weir, string) {
			w := start(t, "weir", counted(host))
			return w, w.addresses["main"]
		}},
		{"Envoy before weir", func(t *testing.T) (*weir, string) { return envoyBefore(t, host) }},
		{"Envoy behind weir", func(t *testing.T) (*weir, string) { return envoyBehind(t, host) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			w, address := way.begin(t)
			t.Cleanup(func() { w.keeps(t) })
			for _, l := range h2Loads {
				t.Run(l.name, func(t *testing.T) {
					t.Parallel()
					h2load(t, "http://"+address+l.path, l.requests*loadSeconds(t), l.upload)
				})
			}
		})
	}
}

// serveFiles has nghttpd serve a small file and a large one.
func serveFiles(t *testing.T) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	for name, size := range map[string]int{"small": 100, "large": 1 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(address)
	run(t, exec.Command("nghttpd", "--no-tls", "--address=127.0.0.1", "--htdocs="+dir, port), address)
	return address
}

// h2load makes requests, all of which must be answered with 200.
func h2load(t *testing.T, url string, requests, upload int) {
	t.Helper()
	args := []string{"-m", "100", "-c", "4", "-n", strconv.Itoa(requests)}
	if upload > 0 {
		file := filepath.Join(t.TempDir(), "upload")
		if err := os.WriteFile(file, bytes.Repeat([]byte("u"), upload), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-d", file)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(loadSeconds(t))*time.Second*10+2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "h2load", append(args, url)...).CombinedOutput()
	text := string(out)
	all := fmt.Sprintf("%d succeeded, 0 failed, 0 errored, 0 timeout", requests)
	good := fmt.Sprintf("status codes: %d 2xx, 0 3xx, 0 4xx, 0 5xx", requests)
	if err != nil || !strings.Contains(text, all) || !strings.Contains(text, good) {
		t.Errorf("h2load %v %s: %v", args, url, err)
	}
	if at := strings.Index(text, "finished in"); at >= 0 {
		text = text[at:]
	}
	t.Logf("%s", text)
}
