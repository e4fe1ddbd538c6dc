//go:build slow

package slow_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
)

// httpPeer is a host and a client of one version of HTTP.
type httpPeer struct{ version int }

func (p httpPeer) name() string { return "Http" + strconv.Itoa(p.version) }

func (p httpPeer) protocols() *http.Protocols {
	var ps http.Protocols
	ps.SetHTTP1(p.version == 1)
	ps.SetUnencryptedHTTP2(p.version == 2)
	return &ps
}

// host answers a POST with how many bytes of the pattern it got, and a GET with as
// many as are asked for.
func (p httpPeer) host(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Protocols: p.protocols(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			w.Header().Set("Content-Length", strconv.Itoa(n))
			_, _ = w.Write(pattern(n))
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, pattern(len(body))) {
			http.Error(w, fmt.Sprintf("after %d bytes: %v", len(body), err), http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, len(body))
	})}
	t.Cleanup(func() { s.Close() })
	go func() { _ = s.Serve(l) }()
	return l.Addr().String()
}

// call sends n bytes, or asks for them.
func (p httpPeer) call(address string, what direction, n int) error {
	transport := &http.Transport{Protocols: p.protocols(), DisableCompression: true}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	var resp *http.Response
	var err error
	want := []byte(strconv.Itoa(n))
	if what == request {
		resp, err = c.Post("http://"+address+"/", "application/octet-stream", bytes.NewReader(pattern(n)))
	} else {
		want = pattern(n)
		resp, err = c.Get("http://" + address + "/?n=" + strconv.Itoa(n))
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("after %d bytes of the response: %w", len(body), err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d: %s", resp.StatusCode, body)
	case !bytes.Equal(body, want):
		return fmt.Errorf("%d bytes came, not the %d expected", len(body), len(want))
	}
	return nil
}
