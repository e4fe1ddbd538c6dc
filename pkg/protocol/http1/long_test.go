package http1

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
)

// in writes a text in pieces, and looks that never as much of it stays unread as a
// connection keeps.
func in(t *testing.T, w *wire, piece int, text string, write func(string) error) error {
	t.Helper()
	for b := range slices.Chunk([]byte(text), piece) {
		if err := write(string(b)); err != nil {
			return err
		}
		if len(w.pending) >= buffer.MaxSlab/2 {
			t.Fatalf("%d bytes are left unread", len(w.pending))
		}
	}
	return nil
}

// TestLongLines: what the limits allow is read, though a line is longer than what a
// connection keeps for its codec.
func TestLongLines(t *testing.T) {
	const limit = 1 << 20
	cfg := Config{MaxLine: limit, MaxHeaderBytes: limit}
	value := strings.Repeat("v", 900<<10)
	for _, piece := range []int{1000, 16 << 10, 64 << 10, 100 << 10} {
		s := newServer(t, cfg)
		for _, request := range []string{get("A: b\r\nX: " + value + "\r\nC: d\r\n"), "GET /" + value + " HTTP/1.1\r\nHost: a\r\n\r\n",
			chunks("0\r\nX: " + value + "\r\n\r\n")} {
			if err := in(t, s.wire, piece, request, s.write); err != nil {
				t.Fatal(err)
			}
			if got := s.last().text(); !s.last().over || strings.Count(got, value) != 1 {
				t.Fatalf("in pieces of %d: got %d bytes", piece, len(got))
			}
			s.response(s.last().sender, 200, "")
		}
		s.close()

		c := newClient(t, cfg)
		for _, response := range []string{answer("Content-Length: 0\r\nX: "+value+"\r\n", ""), "HTTP/1.1 200 " + value + "\r\nContent-Length: 0\r\nX: y\r\n\r\n",
			answer("Transfer-Encoding: chunked\r\n", "0\r\nX: "+value+"\r\n\r\n")} {
			r := c.open(requestHead("GET", "a", "/", 0), true)
			if err := in(t, c.wire, piece, response, c.write); err != nil {
				t.Fatal(err)
			}
			if !r.over || c.conn.Available() != 1 || c.conn.long != nil {
				t.Fatalf("in pieces of %d: got %d bytes", piece, len(r.text()))
			}
		}
		c.close()
	}
}

// TestLongLinesOverTheLimit: a line is refused as soon as it is over the limit, and
// nothing of it stays in memory.
func TestLongLinesOverTheLimit(t *testing.T) {
	const limit = 300 << 10
	cfg := Config{MaxLine: limit, MaxHeaderBytes: limit}
	most := strings.Repeat("v", limit)
	for _, tc := range []struct {
		input string
		want  *Error
	}{
		{"GET /" + most, ErrLineTooLong},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + most[:limit-22], ErrHeaderTooLarge},
		{chunks("0\r\nX: " + most), ErrHeaderTooLarge},
		{get(strings.Repeat("X: y\r\n", DefaultMaxHeaderCount)), ErrTooManyFields},
	} {
		s := newServer(t, cfg)
		err := in(t, s.wire, 64<<10, tc.input, s.write)
		if !errors.Is(err, tc.want) || s.conn.long != nil {
			t.Errorf("%.20q: %v, want %v", tc.input, err, tc.want)
		}
		s.close()
	}
	for _, tc := range []struct {
		input, key string
	}{
		{"HTTP/1.1 200 " + most, "max_header_size"},
		{"HTTP/1.1 200 OK\r\nX: " + most, "max_header_size"},
		{answer(strings.Repeat("X: y\r\n", DefaultMaxHeaderCount+1), ""), "max_header_count"},
		{answer("Content-Length: +1\r\n", ""), ""},
	} {
		c := newClient(t, cfg)
		r := c.open(requestHead("GET", "a", "/", 0), true)
		var err *Error
		if in(t, c.wire, 64<<10, tc.input, c.write); !errors.As(r.reset.Err, &err) || err.LimitKey() != tc.key || c.conn.long != nil {
			t.Errorf("%.20q: %v, want %s", tc.input, r.reset.Err, tc.key)
		}
		c.close()
	}
}
