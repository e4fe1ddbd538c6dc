package http2

import (
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

func text(n int) string { return strings.Repeat("x", n) }

// answerWith begins a response to the last request, with some data.
func (s *server) answerWith(n int, end bool) *recorder {
	r := s.last()
	r.sender.Head(responseHead(200, -1), false)
	s.sent()
	r.sender.Data(s.chain(text(n)), end)
	return r
}

func TestDataWaitsForTheStreamsWindow(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 10}).get(1)
	s.exchange()
	s.answerWith(25, true)
	expect(t, "the window", s.written(), lines(`1 DATA "xxxxxxxxxx"`))
	expect(t, "phase: the response is over for its source", s.conn.Phase(), stream.Idle)
	s.client.window(1, 5)
	expect(t, "5 more", s.exchange(), lines(`1 DATA "xxxxx"`))
	s.client.window(1, 100)
	expect(t, "the rest", s.exchange(), lines(`1 DATA "xxxxxxxxxx" end`))
	s.close()
}

func TestDataWaitsForTheConnectionsWindow(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 1 << 20}).get(1)
	s.exchange()
	s.answerWith(70000, true)
	expect(t, "the window", s.written(), lines("1 DATA (16384)", "1 DATA (16384)", "1 DATA (16384)", "1 DATA (16383)"))
	s.client.window(1, 1000)
	expect(t, "of the stream alone", s.exchange(), "")
	s.client.window(0, 4465)
	expect(t, "the rest", s.exchange(), lines("1 DATA (4465) end"))
	s.close()
}

func TestTheInitialWindowChangesAllStreams(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 10}).get(1)
	s.exchange()
	s.answerWith(25, true)
	s.sent()
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).window(1, 12) // the window is -10, then 2
	expect(t, "a negative window", s.exchange(), lines("SETTINGS ack", `1 DATA "xx"`))
	s.client.settings(xhttp2.Setting{ID: 4, Val: 3})
	expect(t, "3 more", s.exchange(), lines("SETTINGS ack", `1 DATA "xxx"`))
	s.client.settings(xhttp2.Setting{ID: 4, Val: 5}, xhttp2.Setting{ID: 4, Val: 100})
	expect(t, "the rest", s.exchange(), lines("SETTINGS ack", `1 DATA "xxxxxxxxxx" end`))
	s.close()
}

func TestTheEndNeedsNoWindow(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 3}).get(1)
	s.exchange()
	r := s.answerWith(3, false)
	expect(t, "data", s.written(), lines(`1 DATA "xxx"`))
	r.sender.Data(s.chain(""), true)
	expect(t, "end", s.written(), lines(`1 DATA "" end`))
	s.close()
}

func TestTrailersWaitForTheData(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 3}).get(1)
	s.exchange()
	r := s.answerWith(5, false)
	s.sent()
	var trailers stream.Header
	trailers.Add("x", "y")
	r.sender.Trailers(&trailers)
	trailers.Clear()
	expect(t, "before", s.written(), "")
	s.client.window(1, 3)
	expect(t, "after", s.exchange(), lines(`1 DATA "xx"`, "1 HEADERS end", "  x: y"))
	s.close()
}

func TestTheSourceIsPaused(t *testing.T) {
	s := ready(t, Config{StreamWindow: 1000})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).get(1)
	s.exchange()
	r := s.answerWith(999, false)
	expect(t, "pauses below the limit", r.pauses, 0)
	r.sender.Data(s.chain("x"), false)
	expect(t, "pauses", r.pauses, 1)
	r.sender.Data(s.chain("x"), false)
	expect(t, "pauses again", r.pauses, 1)
	s.client.window(1, 500)
	s.exchange()
	expect(t, "resumes while half of it waits", r.resumes, 0)
	s.client.window(1, 1)
	s.exchange()
	expect(t, "resumes", r.resumes, 1)
	s.close()
}

// A source that goes on within Resume comes behind what waits.
func TestResumeMayBringData(t *testing.T) {
	s := ready(t, Config{StreamWindow: 1000})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).get(1)
	s.exchange()
	r := s.answerWith(1000, false)
	r.onResume = func() { r.sender.Data(s.chain("end"), true) }
	s.client.window(1, 600)
	expect(t, "sent", s.exchange(), lines("1 DATA (600)"))
	s.client.window(1, 600)
	expect(t, "rest", s.exchange(), lines("1 DATA (403) end"))
	s.close()
}

// A source that is reset within Resume is gone.
func TestResumeMayReset(t *testing.T) {
	s := ready(t, Config{StreamWindow: 1000})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).get(1)
	s.exchange()
	r := s.answerWith(1000, false)
	r.onResume = func() { r.sender.Reset(stream.Reset{Reason: stream.RemoteReset}) }
	s.client.window(1, 600)
	expect(t, "sent", s.exchange(), lines("1 DATA (600)"))
	s.client.window(1, 600)
	expect(t, "the rest", s.exchange(), lines("1 DATA (400)", "1 RST INTERNAL_ERROR"))
	s.close()
}

func TestPressureHoldsDataBack(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1).get(3)
	s.exchange()
	s.conn.Pressure(true)
	for i, r := range s.streams {
		s.response(r.sender, 200, fmt.Sprintf("response %d", i))
		expect(t, "pauses", r.pauses, 0) // it has given everything
	}
	expect(t, "heads only", strings.Count(s.written(), "DATA"), 0)
	s.conn.Pressure(false)
	expect(t, "data", s.written(), lines(`1 DATA "response 0" end`, `3 DATA "response 1" end`))
	s.close()
}

func TestPressurePausesSources(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	s.conn.Pressure(true)
	s.conn.Pressure(true)
	r := s.answerWith(1, false)
	expect(t, "pauses", r.pauses, 1)
	s.conn.Pressure(false)
	s.conn.Pressure(false)
	expect(t, "resumes", r.resumes, 1)
	expect(t, "data", s.written(), lines(`1 DATA "x"`))
	s.close()
}

func TestStreamsTakeTurns(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 1 << 20}).get(1).get(3).get(5)
	s.exchange()
	s.conn.Pressure(true)
	for _, r := range s.streams {
		r.sender.Head(responseHead(200, -1), false)
	}
	for i, r := range s.streams {
		r.sender.Data(s.chain(text([]int{20000, 40000, 10}[i])), true)
	}
	s.sent()
	s.conn.Pressure(false)
	expect(t, "data", s.written(), lines(
		"1 DATA (16384)", "3 DATA (16384)", `5 DATA "xxxxxxxxxx" end`, "1 DATA (3616) end", "3 DATA (16384)", "3 DATA (7232) end"))
	s.close()
}

func TestTheWindowIsGivenBackAsDataIsTaken(t *testing.T) {
	s := ready(t, Config{StreamWindow: 1000})
	s.client.post(1).data(1, text(499), false)
	expect(t, "less than half", s.exchange(), "")
	s.client.data(1, "x", false)
	expect(t, "half", s.exchange(), lines("1 WINDOW 500"))
	s.client.data(1, text(600), true)
	expect(t, "at the end", s.exchange(), "")
	s.close()
}

func TestTheConnectionsWindowIsGivenBack(t *testing.T) {
	s := ready(t, Config{ConnWindow: 65535, StreamWindow: 1 << 20})
	s.client.post(1).data(1, text(16384), false).data(1, text(16382), false)
	expect(t, "less than half", s.exchange(), "")
	s.client.data(1, "x", false)
	expect(t, "half", s.exchange(), lines("0 WINDOW 32767"))
	s.close()
}

func TestAPausedSinkKeepsTheWindows(t *testing.T) {
	s := ready(t, Config{StreamWindow: 40000, ConnWindow: 65535})
	s.client.post(1)
	s.exchange()
	r := s.last()
	r.sender.Pause()
	s.client.data(1, text(16384), false).data(1, text(16384), false).data(1, text(7000), false)
	expect(t, "while it is paused", s.exchange(), "")
	expect(t, "passed on all the same", len(r.body), 39768)
	r.sender.Resume()
	r.sender.Resume()
	expect(t, "resumed", s.written(), lines("0 WINDOW 39768", "1 WINDOW 39768"))
	s.client.data(1, text(16384), true)
	s.exchange()
	expect(t, "all of it", len(r.body), 39768+16384)
	s.close()
}

func TestAPausedSinkThatIsResetGivesTheWindowBack(t *testing.T) {
	for name, do := range map[string]func(*server, *recorder){
		"by the client": func(s *server, _ *recorder) { s.client.rst(1, Cancel); s.exchange() },
		"by the sink":   func(_ *server, r *recorder) { r.sender.Reset(stream.Reset{Reason: stream.Cancelled}) },
		"by the end":    func(s *server, r *recorder) { s.response(r.sender, 200, "") },
	} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{ConnWindow: 65535})
			s.client.post(1)
			s.exchange()
			r := s.last()
			r.sender.Pause()
			s.client.data(1, text(16384), false).data(1, text(16000), false)
			s.exchange()
			do(s, r)
			expect(t, "pending credit", s.conn.recv.window.pendingCredit, 32384)
			s.close()
		})
	}
}

func TestPaddingCountsAndIsGivenBack(t *testing.T) {
	s := ready(t, Config{StreamWindow: 1000})
	s.client.post(1)
	s.client.framer.WriteDataPadded(1, false, []byte(text(300)), make([]byte, 199)) // 500 with the length of the padding
	expect(t, "half", s.exchange(), lines("1 WINDOW 500"))
	s.last().sender.Pause()
	s.client.framer.WriteDataPadded(1, false, []byte(text(100)), make([]byte, 255))
	s.exchange()
	expect(t, "held", s.conn.streams.get(1).in.held, 100)
	expect(t, "pending credit", s.conn.streams.get(1).in.window.pendingCredit, 256)
	s.close()
}

func TestAWindowSmallerThanTheInitialOne(t *testing.T) {
	s := newServer(t, Config{StreamWindow: 100})
	s.client.writes.WriteString(preface)
	s.client.settings().post(1).data(1, text(1000), false) // sent before our SETTINGS were seen
	if got := s.exchange(); strings.Contains(got, "RST") {
		t.Errorf("sent %s", got)
	}
	s.client.ack().post(3).data(3, text(101), false)
	expect(t, "afterwards", s.exchange(), lines("3 RST FLOW_CONTROL_ERROR"))
	s.close()
}

func TestTheConnectionsWindowIsKept(t *testing.T) {
	s := ready(t, Config{ConnWindow: 65535, StreamWindow: 1 << 20})
	s.onStream = func(r *recorder) { r.onHead = func(*stream.Head, bool) { r.sender.Pause() } }
	s.client.post(1)
	for range 3 {
		s.client.data(1, text(16384), false)
	}
	s.client.data(1, text(16383), false)
	expect(t, "all of it", s.exchange(), "")
	s.client.data(1, "x", false)
	got, err := s.flush()
	expect(t, "sent", got, lines("GOAWAY 1 FLOW_CONTROL_ERROR"))
	isError(t, err, ErrWindow)
	s.close()
}

// What is sent on a stream that is over takes of the connection's window, which is
// given back at once.
func TestDataForNobodyGivesTheWindowBack(t *testing.T) {
	s := ready(t, Config{ConnWindow: 65535})
	s.client.post(1)
	s.exchange()
	s.last().sender.Reset(stream.Reset{Reason: stream.Cancelled})
	s.sent()
	s.client.data(1, text(16384), false)
	s.client.framer.WriteDataPadded(1, false, []byte(text(16128)), make([]byte, 255))
	expect(t, "sent", s.exchange(), lines("0 WINDOW 32768"))
	s.close()
}

func TestBodyLimit(t *testing.T) {
	s := ready(t, Config{MaxBody: 10})
	s.client.post(1).data(1, text(10), false).data(1, "x", false)
	expect(t, "sent", s.exchange(), lines("1 HEADERS end", "  :status: 413", "  content-length: 0", "1 RST NO_ERROR"))
	expect(t, "cause", s.last().reset.Err, error(ErrBodyTooLarge))
	s.client.post(3).data(3, text(5), false)
	s.exchange()
	s.last().sender.Head(responseHead(200, -1), false)
	s.sent()
	s.client.data(3, text(6), false).post(5).data(5, text(11), true)
	expect(t, "sent", s.exchange(), lines("3 RST CANCEL", "5 HEADERS end", "  :status: 413", "  content-length: 0"))
	s.close()
}

// Small frames of a stream that come together go on together.
func TestSmallFramesGoOnTogether(t *testing.T) {
	s := ready(t, Config{})
	s.client.post(1)
	for range 50 {
		s.client.data(1, "12345", false)
	}
	s.exchange()
	expect(t, "calls", s.last().calls, 2)
	expect(t, "body", len(s.last().body), 250)
	s.close()
}

func TestDataIsPassedOnBeforeItsFrameIsWhole(t *testing.T) {
	s := ready(t, Config{})
	s.client.post(1).data(1, text(10000), true)
	b := s.client.bytes()
	if err := s.feed(s.conn, b[:len(b)-1]); err != nil {
		t.Fatal(err)
	}
	r := s.last()
	expect(t, "so far", len(r.body), 9999)
	expect(t, "over", r.over, false)
	expect(t, "phase", s.conn.Phase(), stream.Busy)
	if err := s.feed(s.conn, b[len(b)-1:]); err != nil {
		t.Fatal(err)
	}
	expect(t, "over", r.over, true)
	expect(t, "body", len(r.body), 10000)
	s.close()
}
