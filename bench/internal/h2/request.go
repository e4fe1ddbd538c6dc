package h2

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// request is one that a server has.
type request struct {
	stream uint32
	task   task
	in     inflow
	out    outflow
	body   []byte // of an echo, or of an answer
	got    int64  // of a sink
	wrong  bool
	left   int64 // of a source
}

// task is what a request wants.
type task uint8

const (
	taskEcho task = iota
	taskHold
	taskSink
	taskSource
	taskText
)

func (s *server) head(id uint32, fields []hpack.HeaderField, end bool) error {
	if r := s.requests[id]; r != nil {
		if !end {
			return fmt.Errorf("%w: trailers that do not end the stream", errProtocol)
		}
		return s.complete(r)
	}
	if id <= s.last || id%2 == 0 {
		return fmt.Errorf("%w: stream %d after %d", errProtocol, id, s.last)
	}
	if s.ending {
		return nil // it was told that this is not processed
	}
	s.last = id
	if len(s.requests) >= maxStreams {
		s.conn.out = appendReset(s.conn.out, id, refusedStream)
		return nil
	}
	path := ""
	for _, f := range fields {
		if f.Name == ":path" {
			path = f.Value
		}
	}
	r := s.begin(id)
	if !s.ask(r, path) {
		s.conn.sendHead(id, &s.refused, true)
		s.drop(r)
		return nil
	}
	if end {
		return s.complete(r)
	}
	return nil
}

func (s *server) begin(id uint32) *request {
	r := &request{}
	if n := len(s.free); n > 0 {
		r, s.free = s.free[n-1], s.free[:n-1]
	}
	*r = request{stream: id, body: r.body[:0]}
	s.requests[id] = r
	return r
}

// drop forgets a request that is answered, or not wanted any more.
func (s *server) drop(r *request) {
	delete(s.requests, r.stream)
	s.free = append(s.free, r)
}

// ask finds out what a request wants.
func (s *server) ask(r *request, path string) bool {
	switch {
	case path == echoPath:
		r.task = taskEcho
	case path == HelloPath:
		r.task = taskText
	case path == holdPath:
		r.task = taskHold
		s.holding++
		s.held.Add(1)
	case path == heldPath:
		r.task = taskText
		r.body = strconv.AppendInt(r.body, s.held.Load(), 10)
	case path == sinkPath:
		r.task = taskSink
	case strings.HasPrefix(path, sourcePath):
		n, err := strconv.ParseInt(path[len(sourcePath):], 10, 64)
		r.task, r.left = taskSource, n
		return err == nil && n > 0
	default:
		return false
	}
	return true
}

func (s *server) data(id uint32, b []byte, end bool) error {
	r := s.requests[id]
	if r == nil {
		return nil // it was refused, or is not wanted any more
	}
	switch r.task {
	case taskEcho:
		if r.body = append(r.body, b...); len(r.body) > window {
			return fmt.Errorf("%w: more than there is credit for", errProtocol)
		}
	case taskSink:
		r.wrong = r.wrong || !s.pattern.right(b, r.got)
		if r.got += int64(len(b)); !end {
			s.conn.credit(id, &r.in, len(b))
		}
	}
	if end {
		return s.complete(r)
	}
	return nil
}

// complete answers a request that has come as a whole.
func (s *server) complete(r *request) error {
	switch r.task {
	case taskHold:
		return nil
	case taskSink:
		r.body = strconv.AppendInt(r.body, r.got, 10)
		if r.wrong {
			r.body = append(r.body, " wrong"...)
		}
	}
	head := &s.plain
	if r.task == taskEcho {
		head = &s.ok
	}
	s.conn.sendHead(r.stream, head, false)
	if !s.push(r) {
		s.unsent = append(s.unsent, r)
	}
	return nil
}

// push sends what may be sent of an answer, and says whether nothing is left.
func (s *server) push(r *request) bool {
	for r.left > 0 {
		b := s.pattern.at(r.out.sent)
		b = b[:min(r.left, int64(len(b)))]
		n := s.conn.sendData(r.stream, &r.out, b, int64(len(b)) == r.left)
		if r.left -= int64(n); n < len(b) {
			return false
		}
		if len(s.conn.out) >= enough {
			_ = s.conn.flush() // if it fails, so does what comes next
		}
	}
	switch rest := r.body[min(r.out.sent, int64(len(r.body))):]; {
	case r.task == taskSource:
	case s.conn.sendData(r.stream, &r.out, rest, false) < len(rest):
		return false
	case r.task == taskEcho:
		s.conn.sendHead(r.stream, &s.good, true)
	default:
		s.conn.out = appendHeader(s.conn.out, 0, kindData, flagEnd, r.stream)
	}
	s.drop(r)
	return true
}

func (s *server) reset(id uint32, _ code) error {
	r := s.requests[id]
	if r == nil {
		return nil
	}
	if r.task == taskHold {
		s.holding--
		s.held.Add(-1)
	}
	for i, u := range s.unsent {
		if u == r {
			s.unsent = append(s.unsent[:i], s.unsent[i+1:]...)
			break
		}
	}
	s.drop(r)
	return nil
}

func (s *server) credit(id uint32, n int64) error {
	if r := s.requests[id]; r != nil {
		r.out.credit += n
	}
	rest := s.unsent[:0]
	for _, r := range s.unsent {
		if !s.push(r) {
			rest = append(rest, r)
		}
	}
	s.unsent = rest
	return nil
}

func (s *server) goAway(uint32) error { return nil } // it ends when the client closes it
