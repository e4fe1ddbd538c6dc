package grpcweb_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/grpcweb"
	"github.com/weirproxy/weir/pkg/stream"
)

// Frames as PROTOCOL-WEB describes them, and in base64.
const (
	message     = "\x00\x00\x00\x00\x05\x0a\x03abc"
	message64   = "AAAAAAUKA2FiYw=="
	empty       = "\x00\x00\x00\x00\x00"
	empty64     = "AAAAAAA="
	trailersOK  = "\x80\x00\x00\x00\x10grpc-status: 0\r\n"
	trailers64  = "gAAAABBncnBjLXN0YXR1czogMA0K"
	notFound    = "\x80\x00\x00\x00\x30grpc-status: 5\r\ngrpc-message: no such%25\r\nx: 1\r\n"
	notFound64  = "gAAAADBncnBjLXN0YXR1czogNQ0KZ3JwYy1tZXNzYWdlOiBubyBzdWNoJTI1DQp4OiAxDQo="
	binaryProto = "application/grpc-web+proto"
	textProto   = "application/grpc-web-text+proto"
)

func newExchange(t *testing.T) *filtertest.Exchange {
	return filtertest.New(t, filtertest.Make(t, grpcweb.Make, ""))
}

// call passes the head of a request of a content type. As in the proxy, all of it
// is known when the stream begins.
func call(x *filtertest.Exchange, contentType string, end bool, fields ...string) {
	request(x, "POST", end, append([]string{"Content-Type", contentType}, fields...)...)
}

func request(x *filtertest.Exchange, method string, end bool, fields ...string) {
	h := &stream.Head{}
	h.Clear()
	h.SetMethod([]byte(method))
	h.SetPath([]byte("/pkg.Service/Method"))
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
		if fields[i] == "Content-Length" {
			h.ContentLength = int64(must(strconv.Atoi(fields[i+1])))
		}
	}
	x.Info.Request = h
	x.Stream().Head(filter.RequestDirection, h, end)
}

// lines is a head as text.
func lines(h *stream.Head) string {
	var b strings.Builder
	if h.Status != 0 {
		fmt.Fprintln(&b, h.Status)
	}
	for i := range h.Len() {
		name, value := h.At(i)
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	return b.String()
}

func TestRequestHead(t *testing.T) {
	tests := []struct {
		name, method, contentType string
		fields                    []string
		want                      string
		length                    int64
	}{
		{"binary", "POST", "application/grpc-web", nil, "Content-Type: application/grpc\nTE: trailers\n", -1},
		{"binary, with a length", "POST", binaryProto, []string{"Content-Length", "10"},
			"Content-Type: application/grpc+proto\nContent-Length: 10\nTE: trailers\n", 10},
		{"text", "POST", "application/grpc-web-text; charset=utf-8", nil, "Content-Type: application/grpc\nTE: trailers\n", -1},
		{"text, with a length", "POST", textProto, []string{"Content-Length", "16", "te", "gzip", "X-Grpc-Web", "1"},
			"Content-Type: application/grpc+proto\nte: trailers\nX-Grpc-Web: 1\n", -1},
		{"JSON", "POST", "application/grpc-web+json", nil, "Content-Type: application/grpc+json\nTE: trailers\n", -1},
		{"gRPC", "POST", "application/grpc+proto", []string{"Content-Length", "10"}, "Content-Type: application/grpc+proto\nContent-Length: 10\n", 10},
		{"HTTP", "POST", "text/plain", nil, "Content-Type: text/plain\n", -1},
		{"not a call", "GET", "application/grpc-web", nil, "Content-Type: application/grpc-web\n", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newExchange(t)
			request(x, tt.method, false, append([]string{"Content-Type", tt.contentType}, tt.fields...)...)
			h := x.Upstream.Head
			if diff := cmp.Diff(tt.want, lines(h)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if h.ContentLength != tt.length {
				t.Errorf("length %d, want %d", h.ContentLength, tt.length)
			}
		})
	}
}

func TestRequestBody(t *testing.T) {
	tests := []struct {
		name, contentType string
		pieces            []string
		want              string // "": it is refused
	}{
		{"binary", binaryProto, []string{message[:3], message[3:]}, message},
		{"text", textProto, []string{message64}, message},
		{"text in pieces", textProto, strings.Split(message64, ""), message},
		{"padded in the middle", textProto, []string{empty64 + message64, empty64}, empty + message + empty},
		{"cut off", textProto, []string{message64[:8], message64[8:15]}, ""},
		{"without padding", textProto, []string{strings.TrimRight(message64, "=")}, ""},
		{"not base64", textProto, []string{message}, ""},
		{"not base64, later", textProto, []string{message64, "****", message64}, ""},
	}
	for _, tt := range tests {
		for _, trailers := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, trailers=%v", tt.name, trailers), func(t *testing.T) {
				x := newExchange(t)
				call(x, tt.contentType, false)
				for i, p := range tt.pieces {
					x.RequestData(p, !trailers && i == len(tt.pieces)-1)
				}
				if trailers {
					x.RequestTrailers("X-Trailer", "end")
				}
				if tt.want == "" {
					refused(t, x)
				} else if got := string(x.Upstream.Body); got != tt.want || !x.Upstream.Ended || len(x.Replies) > 0 {
					t.Errorf("%q arrived, ended=%v, replies %v", got, x.Upstream.Ended, x.Replies)
				}
			})
		}
	}
}

// refused checks how a client is told that its request is malformed.
func refused(t *testing.T, x *filtertest.Exchange) {
	t.Helper()
	if x.Upstream.Ended || len(x.Replies) != 1 || x.Replies[0].Status != 400 || x.Info.Flags != stream.DownstreamProtocolError {
		t.Fatalf("ended=%v, replies %v, flags %v", x.Upstream.Ended, x.Replies, x.Info.Flags)
	}
	body, err := base64.StdEncoding.DecodeString(string(x.Downstream.Body))
	want := trailersFrame("grpc-status: 13\r\ngrpc-message: the request's body is not base64\r\n")
	if string(body) != want || err != nil || !x.Downstream.Ended {
		t.Errorf("the client is told %q, %v", body, err)
	}
}

func TestResponse(t *testing.T) {
	const grpcType = "application/grpc+proto"
	tests := []struct {
		name, contentType string
		pieces            []string
		trailers          []string // nil: the body's end is the end
		want, want64      string
	}{
		{"a call that succeeds", grpcType, []string{message}, []string{"Grpc-Status", "0"}, message + trailersOK, message64 + trailers64},
		{"a stream", grpcType, []string{message + message, empty + message}, []string{"grpc-status", "0"},
			message + message + empty + message + trailersOK, message64 + message64 + empty64 + message64 + trailers64},
		{"in odd pieces", grpcType, []string{message[:1], message[1:4], message[4:7], message[7:] + empty[:2], empty[2:]}, []string{"grpc-status", "0"},
			message + empty + trailersOK, message64 + empty64 + trailers64},
		{"a call that fails", grpcType, nil, []string{"grpc-status", "5", "grpc-message", "no such%25", "X", "1"}, notFound, notFound64},
		{"a call that fails in the middle", grpcType, []string{message}, []string{"grpc-status", "5", "grpc-message", "no such%25", "X", "1"},
			message + notFound, message64 + notFound64},
		{"cut off in a message", grpcType, []string{message[:7]}, []string{"grpc-status", "0"},
			message[:7] + trailersOK, base64.StdEncoding.EncodeToString([]byte(message[:7])) + trailers64},
		{"trailers without a status", grpcType, []string{message}, []string{"x", "1"},
			message + trailersFrame("x: 1\r\ngrpc-status: 2\r\ngrpc-message: the response ended without a status\r\n"), ""},
		{"no trailers", grpcType, []string{message, ""}, nil,
			message + trailersFrame("grpc-status: 2\r\ngrpc-message: the response ended without a status\r\n"), ""},
		{"trailers of an error page", "text/html", []string{"<html>"}, []string{"x", "1"},
			trailersFrame("grpc-status: 2\r\ngrpc-message: the answer is not gRPC: HTTP status 200\r\n"), ""},
	}
	for _, tt := range tests {
		for _, clients := range []string{binaryProto, textProto} {
			t.Run(tt.name+", "+clients, func(t *testing.T) {
				x := newExchange(t)
				call(x, clients, true)
				x.ResponseHead(200, false, "Content-Type", tt.contentType, "Trailer", "grpc-status", "X-Head", "yes")
				for i, p := range tt.pieces {
					x.ResponseData(p, tt.trailers == nil && i == len(tt.pieces)-1)
				}
				if tt.trailers != nil {
					x.ResponseTrailers(tt.trailers...)
				}
				want := tt.want
				if clients == textProto {
					if want = tt.want64; want == "" {
						want = encodeFrames(tt.want)
					}
				}
				check(t, x, want, "200\nContent-Type: "+clients+"\nX-Head: yes\n")
			})
		}
	}
}

// trailersFrame is a frame of trailers.
func trailersFrame(text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0x80}, uint32(len(text)))) + text
}

// encodeFrames writes each frame in base64.
func encodeFrames(frames string) (out string) {
	for len(frames) > 0 {
		n := 5 + int(frames[3])<<8 + int(frames[4])
		out += base64.StdEncoding.EncodeToString([]byte(frames[:n]))
		frames = frames[n:]
	}
	return out
}

func check(t *testing.T, x *filtertest.Exchange, body, head string) {
	t.Helper()
	d := &x.Downstream
	if diff := cmp.Diff(body, string(d.Body)); diff != "" {
		t.Errorf("body (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(head, lines(d.Head)); diff != "" {
		t.Errorf("head (-want +got)\n%s", diff)
	}
	if !d.Ended || d.Trailers != nil && d.Trailers.Len() > 0 || d.Head.ContentLength != -1 {
		t.Errorf("ended=%v, length %d, trailers %v", d.Ended, d.Head.ContentLength, d.Trailers)
	}
}

// TestStreaming: a text client has each message, whole, as soon as it has come.
func TestStreaming(t *testing.T) {
	x := newExchange(t)
	call(x, textProto, true)
	x.ResponseHead(200, false, "content-type", "application/grpc")
	for i, step := range []struct{ piece, want string }{
		{message, message64},
		{empty + message[:1], message64 + empty64},
		{message[1:8], message64 + empty64 + message64[:8]},
		{message[8:], message64 + empty64 + message64},
	} {
		x.ResponseData(step.piece, false)
		if got := string(x.Downstream.Body); got != step.want {
			t.Errorf("after piece %d the client has %q, want %q", i, got, step.want)
		}
	}
}

func TestHeadOnly(t *testing.T) {
	tests := []struct {
		name   string
		status int
		fields []string
		want   string
	}{
		{"trailers only", 200, []string{"content-type", "application/grpc", "grpc-status", "5", "grpc-message", "no such%25", "x", "1"},
			"content-type: %s\ngrpc-status: 5\ngrpc-message: no such%%25\nx: 1\n"},
		{"no status", 200, []string{"content-type", "application/grpc"},
			"content-type: %s\ngrpc-status: 2\ngrpc-message: the response ended without a status\n"},
		{"an error of HTTP", 503, []string{"Retry-After", "1", "Content-Length", "0"},
			"Retry-After: 1\ngrpc-status: 14\ngrpc-message: the answer is not gRPC: HTTP status 503\nContent-Type: %s\n"},
		{"an error of both", 400, []string{"grpc-status", "3", "grpc-message", "no%C3%B6", "content-type", "application/grpc"},
			"grpc-status: 3\ngrpc-message: no%%C3%%B6\ncontent-type: %s\n"},
		{"an error that says that it is none", 401, []string{"grpc-status", "0"},
			"grpc-status: 16\ngrpc-message: the answer is not gRPC: HTTP status 401\nContent-Type: %s\n"},
		{"no content", 204, nil, "grpc-status: 2\ngrpc-message: the answer is not gRPC: HTTP status 204\nContent-Type: %s\n"},
	}
	for _, tt := range tests {
		for _, clients := range []string{binaryProto, textProto} {
			t.Run(tt.name+", "+clients, func(t *testing.T) {
				x := newExchange(t)
				call(x, clients, true)
				x.ResponseHead(tt.status, true, tt.fields...)
				check(t, x, "", "200\n"+fmt.Sprintf(tt.want, clients))
			})
		}
	}
}

// TestStatusInTheHead: a body may follow all the same, and is left as it is.
func TestStatusInTheHead(t *testing.T) {
	for _, trailers := range [][]string{nil, {}, {"x", "1"}} {
		x := newExchange(t)
		call(x, binaryProto, true)
		x.ResponseHead(200, false, "content-type", "application/grpc+proto", "grpc-status", "0")
		x.ResponseData(message, trailers == nil)
		want := message
		if trailers != nil {
			x.ResponseTrailers(trailers...)
		}
		if len(trailers) > 0 {
			want += "\x80\x00\x00\x00\x06x: 1\r\n"
		}
		check(t, x, want, "200\ncontent-type: application/grpc-web+proto\ngrpc-status: 0\n")
	}
}

func TestErrorPages(t *testing.T) {
	long := strings.Repeat("ü", 300)
	tests := []struct {
		name   string
		status int
		fields []string
		body   []string
		code   int
		text   string // "": what is said of any
	}{
		{"text", 503, []string{"Content-Type", "text/plain; charset=utf-8"}, []string{"no ", "host\n"}, 14, "no host"},
		{"HTML", 404, []string{"Content-Type", "text/html"}, []string{"<html>"}, 12, ""},
		{"compressed", 403, []string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, []string{"\x1f\x8b"}, 7, ""},
		{"nothing", 429, []string{"Content-Type", "text/plain"}, []string{""}, 14, ""},
		{"of status 200", 200, []string{"Content-Type", "text/plain"}, []string{"welcome"}, 2, "welcome"},
		{"too large", 413, []string{"Content-Type", "text/plain"}, []string{"too large"}, 8, "too large"},
		{"long", 500, []string{"Content-Type", "text/plain"}, []string{"x" + long, long}, 2, "x" + strings.Repeat("%C3%BC", 255) + "?"},
		{"with a status of its own", 400, []string{"Grpc-Status", "3", "Grpc-Message", "no", "Content-Type", "application/json"}, []string{"{}"}, 3, "no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newExchange(t)
			call(x, binaryProto, true)
			x.ResponseHead(tt.status, false, tt.fields...)
			for i, p := range tt.body {
				x.ResponseData(p, i == len(tt.body)-1)
			}
			text := tt.text
			if text == "" {
				text = fmt.Sprintf("the answer is not gRPC: HTTP status %d", tt.status)
			}
			check(t, x, trailersFrame(fmt.Sprintf("grpc-status: %d\r\ngrpc-message: %s\r\n", tt.code, text)),
				"200\nContent-Type: application/grpc-web+proto\n")
		})
	}
}

// TestForms: the response is in the form that the client asks for, which need not
// be the request's.
func TestForms(t *testing.T) {
	tests := []struct{ request, accept, upstream, want string }{
		{"application/grpc-web", "", "application/grpc", "application/grpc-web"},
		{"application/grpc-web+json", "", "application/grpc", "application/grpc-web+json"},
		{"application/grpc-web", "", "application/grpc+proto", "application/grpc-web+proto"},
		{"application/grpc-web+proto", "application/grpc-web-text", "application/grpc", "application/grpc-web-text+proto"},
		{"application/grpc-web-text", "application/grpc-web", "application/grpc", "application/grpc-web"},
		{"application/grpc-web-text", "*/*", "application/grpc", "application/grpc-web-text"},
		{"application/grpc", "", "application/grpc", "application/grpc"},
		{"application/grpc-web", "", "application/grpc-web+proto", "application/grpc-web+proto"},
	}
	for _, tt := range tests {
		x := newExchange(t)
		call(x, tt.request, true, "Accept", tt.accept)
		x.ResponseHead(200, false, "content-type", tt.upstream)
		x.ResponseData(message, true)
		if got, _ := x.Downstream.Head.Get("Content-Type"); string(got) != tt.want {
			t.Errorf("%s, which accepts %q, gets %q for %q; want %q", tt.request, tt.accept, got, tt.upstream, tt.want)
		}
	}
}

// TestAnsweredBefore: a filter that stands before this one answers, so that this
// one sees no request.
func TestAnsweredBefore(t *testing.T) {
	for _, body := range []string{"", "not you\n"} {
		x := filtertest.New(t, answerer{filter.Reply{Status: 403, Body: body, Header: textHeader()}}, filtertest.Make(t, grpcweb.Make, ""))
		call(x, textProto, false)
		got := string(x.Downstream.Body)
		if body != "" {
			got = string(must(base64.StdEncoding.DecodeString(got)))
		} else {
			got = lines(x.Downstream.Head)
		}
		for _, want := range []string{"grpc-status: 7", "grpc-message: "} {
			if !strings.Contains(got, want) {
				t.Errorf("the client gets %q, without %q", got, want)
			}
		}
		if x.Downstream.Head.Status != 200 || !x.Downstream.Ended {
			t.Errorf("status %d, ended=%v", x.Downstream.Head.Status, x.Downstream.Ended)
		}
	}
}

// TestTwice: a second filter of the kind leaves alone what the first has done.
func TestTwice(t *testing.T) {
	x := filtertest.New(t, filtertest.Make(t, grpcweb.Make, ""), filtertest.Make(t, grpcweb.Make, "{}"))
	call(x, textProto, false)
	x.RequestData(message64, true)
	x.ResponseHead(200, false, "content-type", "application/grpc+proto")
	x.ResponseData(message, false)
	x.ResponseTrailers("grpc-status", "0")
	if string(x.Upstream.Body) != message {
		t.Errorf("the host gets %q", x.Upstream.Body)
	}
	check(t, x, message64+trailers64, "200\ncontent-type: "+textProto+"\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func textHeader() *stream.Header {
	h := &stream.Header{}
	h.Add("Content-Type", "text/plain")
	return h
}

// answerer answers every request.
type answerer struct{ reply filter.Reply }

func (f answerer) Attach(*filter.Stream) (filter.Request, filter.Response) {
	return answering{reply: f.reply}, nil
}

type answering struct {
	filter.PassRequest
	reply filter.Reply
}

func (f answering) RequestHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	s.Reply(f.reply)
	return filter.Continue
}

func TestConfig(t *testing.T) {
	_, problems := filtertest.TryMake(grpcweb.Make, `{"text": true}`)
	if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), "1:2: text: unknown key") {
		t.Errorf("%v", problems)
	}
}
