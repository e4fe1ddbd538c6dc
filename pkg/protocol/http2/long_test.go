package http2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// fragments writes a header block in frames of at most n bytes.
func (p *peer) fragments(id uint32, end bool, block []byte, n int) *peer {
	front := block[:min(n, len(block))]
	p.framer.WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: id, BlockFragment: front, EndStream: end, EndHeaders: len(front) == len(block),
	})
	for rest := block[len(front):]; len(rest) > 0; {
		part := rest[:min(n, len(rest))]
		rest = rest[len(part):]
		p.framer.WriteContinuation(id, len(rest) == 0, part)
	}
	return p
}

// random is text that no compression makes shorter.
func random(n int) string {
	b := make([]byte, n)
	seed := uint32(n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = "{}|~^<>`\\"[seed>>16%9]
	}
	return string(b)
}

// longHeads are fields that make a block longer than it may be.
var longHeads = map[string][]string{
	"one long value":        {"cookie", random(100_000)},
	"many fields":           manyFields(200, 400),
	"many long fields":      manyFields(20, 6000),
	"a value in the middle": append(append(manyFields(20, 1000), "authorization", random(60_000)), manyFields(20, 100)...),
}

func manyFields(n, size int) (fields []string) {
	for i := range n {
		fields = append(fields, fmt.Sprint("x-", i), random(size))
	}
	return fields
}

// A head whose compressed form is over the limit is answered, and the connection goes
// on: with the same table as the client's.
func TestALongBlockIsAnswered(t *testing.T) {
	for name, long := range longHeads {
		for call, want := range map[string][]string{
			"text/plain":             {"  :status: 431", "  content-length: 0"},
			"application/grpc+proto": {"  :status: 200", "  content-type: application/grpc", "  grpc-status: 8", "  grpc-message: header too large"},
		} {
			for _, last := range []bool{false, true} {
				t.Run(fmt.Sprint(name, "/", call, "/", last), func(t *testing.T) {
					s := ready(t, Config{})
					s.client.get(1, "x-first", "1").post(3, "x-other", "stays")
					s.exchange()
					fields := slices.Concat(pseudo, []string{"x-second", "2"}, long, []string{"x-third", "3"})
					at := len(pseudo)
					if last {
						at = len(fields)
					}
					fields = slices.Insert(fields, at, "content-type", call)
					s.client.fragments(5, true, s.client.encode(fields...), 16<<10)
					expect(t, "sent", s.exchange(), lines(append([]string{"5 HEADERS end"}, want...)...))
					s.client.get(7, "x-first", "1", "x-second", "2", "x-third", "3").data(3, "body", true)
					expect(t, "sent", s.exchange(), "")
					expect(t, "the next request", s.last().text(),
						lines("GET http://a / length 0", "  x-first: 1", "  x-second: 2", "  x-third: 3", "end"))
					expect(t, "the other request", strings.HasSuffix(s.streams[1].text(), lines(`body "body"`, "end")), true)
					expect(t, "requests", len(s.streams), 3)
					expect(t, "slabs", s.pool.Stats().Live, 0)
					s.close()
				})
			}
		}
	}
}

// Nothing more of a block that is too long is kept than the limit, while it comes.
func TestALongBlockIsNotKept(t *testing.T) {
	s := ready(t, Config{})
	block := s.client.encode(slices.Concat(pseudo, []string{"cookie", random(200_000)})...)
	s.client.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:16<<10]})
	for at := 16 << 10; at < 11*16<<10; at += 16 << 10 {
		s.client.framer.WriteContinuation(1, false, block[at:at+16<<10])
		s.exchange()
		if held := s.pool.Stats().LiveBytes; held > 64<<10 {
			t.Errorf("%d bytes are held of %d", held, at)
		}
		expect(t, "phase", s.conn.Phase(), stream.ReadingHead)
	}
	s.close()
}

// Over the limit of fields, too, a call gets a status of gRPC.
func TestTooManyFieldsOfACall(t *testing.T) {
	s := ready(t, Config{})
	many := append(manyFields(101, 1), "content-type", "application/grpc")
	s.client.get(1, many...)
	want := []string{"1 HEADERS end", "  :status: 200", "  content-type: application/grpc", "  grpc-status: 8", "  grpc-message: header too large"}
	expect(t, "sent", s.exchange(), lines(want...))
	s.close()
}

// As does a call whose body is too large, or to which no answer can be given.
func TestAnswersToCalls(t *testing.T) {
	status := func(code int, message string) string {
		return lines("  :status: 200", "  content-type: application/grpc", fmt.Sprint("  grpc-status: ", code), "  grpc-message: "+message)
	}
	s := ready(t, Config{MaxBody: 10})
	s.client.post(1, "content-type", "application/grpc", "content-length", "11")
	expect(t, "announced", s.exchange(), "1 HEADERS end\n"+status(8, "body too large")+lines("1 RST NO_ERROR"))
	s.client.post(3, "content-type", "application/grpc").data(3, text(11), true)
	expect(t, "body", s.exchange(), "3 HEADERS end\n"+status(8, "body too large"))
	s.client.get(5, "content-type", "application/grpc")
	s.exchange()
	s.last().sender.Head(responseHead(1000, 0), true)
	expect(t, "answer", s.written(), "5 HEADERS end\n"+status(14, "the message cannot be sent as it is"))
	s.close()
}

// A configuration may allow heads that no slab holds.
func TestALongBlockThatIsAllowed(t *testing.T) {
	s := ready(t, Config{MaxHeaderBytes: 1 << 20})
	value := random(200_000)
	s.client.fragments(1, true, s.client.encode(slices.Concat(pseudo, []string{"x", value})...), 16<<10)
	expect(t, "sent", s.exchange(), "")
	got, _ := s.last().head.Get("x")
	expect(t, "value", string(got) == value, true)
	s.close()
}

// A host's head that is too long fails the one request that it answers.
func TestALongBlockOfAHost(t *testing.T) {
	for name, long := range longHeads {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			bad := c.open(requestHead("GET", "a", "/", 0), true)
			good := c.open(requestHead("GET", "a", "/", 0), true)
			c.written()
			block := c.server.encode(slices.Concat([]string{":status", "200", "x-first", "1"}, long, []string{"x-last", "2"})...)
			c.server.fragments(1, true, block, 16<<10)
			expect(t, "sent", c.exchange(), lines("1 RST CANCEL"))
			expect(t, "reset", bad.reset.Err, error(ErrHeaderTooLarge))
			c.server.headers(3, true, ":status", "200", "x-first", "1", "x-last", "2")
			c.exchange()
			expect(t, "the other response", good.text(), lines("200 length 0", "  x-first: 1", "  x-last: 2", "end"))
			c.close()
		})
	}
}

// Trailers that are too long end their stream; blocks for nobody, and of streams that
// depend on themselves, are read for the sake of the table.
func TestLongBlocksElsewhere(t *testing.T) {
	long := longHeads["many long fields"]
	s := ready(t, Config{})
	s.client.post(1).fragments(1, true, s.client.encode(long...), 16<<10)
	expect(t, "trailers", s.exchange(), lines("1 RST CANCEL"))
	s.client.fragments(1, true, s.client.encode(long...), 16<<10)
	expect(t, "on a stream that was reset", s.exchange(), "")
	b := s.client.encode(slices.Concat(pseudo, long)...)
	s.client.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 3, BlockFragment: b[:1000], Priority: xhttp2.PriorityParam{StreamDep: 3}})
	for rest := b[1000:]; len(rest) > 0; {
		n := min(len(rest), 16<<10)
		s.client.framer.WriteContinuation(3, n == len(rest), rest[:n])
		rest = rest[n:]
	}
	expect(t, "a stream that depends on itself", s.exchange(), lines("3 RST PROTOCOL_ERROR"))
	s.client.get(5, "x-19", long[39])
	s.exchange()
	got, _ := s.last().head.Get("x-19")
	expect(t, "the next request", string(got) == long[39], true)
	expect(t, "slabs", s.pool.Stats().Live, 0)
	s.close()
}

// Who sends long blocks without end is not served for ever, however honest the rest of
// its requests is.
func TestLongBlocksFlood(t *testing.T) {
	s := ready(t, Config{})
	s.answering()
	n, err := s.flood(5000, 0, func(i int) {
		s.client.fragments(uint32(2*i+1), true, s.client.encode(slices.Concat(pseudo, []string{"cookie", random(200_000)})...), 16<<10)
	})
	isError(t, err, ErrFlood)
	if n < 50 || n > 200 {
		t.Errorf("%d were answered", n)
	}
	s.close()
}
