package stream

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func request() *Head {
	h := &Head{}
	h.Clear()
	h.SetMethod([]byte("POST"))
	h.SetScheme("http")
	h.SetPath([]byte("/a?b"))
	h.SetAuthority([]byte("one:80"))
	h.Add("X-First", "1")
	h.Add("hOsT", "one:80")
	h.Add("X-Last", "2")
	h.Minor, h.ContentLength, h.Opaque = 1, 5, true
	return h
}

func line(h *Head) []string {
	return []string{string(h.Method()), string(h.Scheme()), string(h.Authority()), string(h.Path())}
}

func TestHeadParts(t *testing.T) {
	h := request()
	if diff := cmp.Diff([]string{"POST", "http", "one:80", "/a?b"}, line(h)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	h.SetPath(h.Path()[:2]) // its own memory
	h.SetMethod([]byte("GET"))
	h.SetScheme("https")
	if diff := cmp.Diff([]string{"GET", "https", "one:80", "/a"}, line(h)); diff != "" {
		t.Errorf("after changes: (-want +got)\n%s", diff)
	}
}

func TestSetAuthorityKeepsThePlaceOfHost(t *testing.T) {
	h := request()
	h.Add("Host", "duplicate")
	h.SetAuthority([]byte("two"))
	want := []string{"X-First", "1", "hOsT", "two", "X-Last", "2", "Host", "two"}
	if diff := cmp.Diff(want, fields(&h.Header)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if string(h.Authority()) != "two" {
		t.Errorf("the authority is %q", h.Authority())
	}
	var none Head
	none.Add("X", "y")
	none.SetAuthority([]byte("three"))
	if diff := cmp.Diff([]string{"X", "y"}, fields(&none.Header)); diff != "" {
		t.Errorf("without a Host field: (-want +got)\n%s", diff)
	}
}

func TestHeadClear(t *testing.T) {
	h := request()
	h.Status = 200
	h.Clear()
	if diff := cmp.Diff([]string{"", "", "", ""}, line(h)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if h.Len() != 0 || h.Size() != 0 || h.Status != 0 || h.Minor != 0 || h.Opaque || h.ContentLength != -1 {
		t.Errorf("something is left: %+v", h)
	}
}

func TestHeadCopy(t *testing.T) {
	src, h := request(), &Head{}
	h.SetPath([]byte("/a/much/longer/path/than/the/other"))
	h.Add("Old", "field")
	h.CopyFrom(src)
	src.Clear()
	src.SetPath([]byte("/over/written/over/written/over/written"))
	if diff := cmp.Diff(line(request()), line(h)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(fields(&request().Header), fields(&h.Header)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if h.Minor != 1 || h.ContentLength != 5 || !h.Opaque {
		t.Errorf("flags: %+v", h)
	}
}

// TestKeptHead: a head that somebody keeps is free once it was put back twice, in
// either order, whatever is done with it meanwhile.
func TestKeptHead(t *testing.T) {
	for name, between := range map[string]func(h *Head){
		"nothing":   func(*Head) {},
		"clear":     (*Head).Clear,
		"copy from": func(h *Head) { h.CopyFrom(request()) },
		"copy of a kept one": func(h *Head) {
			other := request().Keep()
			h.CopyFrom(other)
		},
	} {
		var p Pool
		h := p.Get()
		h.CopyFrom(request())
		if h.Keep() != h {
			t.Fatal("another head is kept")
		}
		between(h)
		p.Put(h)
		if len(p.free) != 0 {
			t.Errorf("%s: the head is free before its keeper put it back", name)
		}
		p.Put(h)
		if len(p.free) != 1 || p.Get() != h || h.Len() != 0 {
			t.Errorf("%s: the head is not free after both put it back", name)
		}
	}
	var p Pool
	of := request().Keep()
	h := p.Get()
	h.CopyFrom(of)
	p.Put(h)
	if len(p.free) != 1 {
		t.Error("the copy of a kept head counts as kept")
	}
}

func TestInterim(t *testing.T) {
	for status, want := range map[int]bool{0: false, 99: false, 100: true, 101: false, 103: true, 199: true, 200: false} {
		if got := (&Head{Status: status}).Interim(); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
}

func TestPoolGivesEmptyHeads(t *testing.T) {
	var p Pool
	h := p.Get()
	if h.ContentLength != -1 {
		t.Error("a new head announces a body")
	}
	h.CopyFrom(request())
	p.Put(h)
	if again := p.Get(); again != h || again.Len() != 0 || again.ContentLength != -1 || again.Opaque {
		t.Errorf("the head that came back is %+v", again)
	}
	for range 2 * maxFreeHeads {
		p.Put(&Head{})
	}
	if len(p.free) != maxFreeHeads {
		t.Errorf("%d heads are kept", len(p.free))
	}
}

func TestHeadAllocatesNothingInSteadyState(t *testing.T) {
	var p Pool
	src := request()
	host := []byte("elsewhere:8080")
	n := testing.AllocsPerRun(1000, func() {
		a, b := p.Get(), p.Get()
		a.CopyFrom(src)
		a.SetAuthority(host)
		a.SetPath(host)
		b.CopyFrom(a)
		p.Put(a.Keep())
		p.Put(a)
		p.Put(b)
	})
	if n != 0 {
		t.Errorf("%v allocations for each run", n)
	}
}

func TestReset(t *testing.T) {
	for r := Cancelled; r <= Overflow; r++ {
		if r.String() == "" || r.String() == "no reason" {
			t.Errorf("reason %d has no words", r)
		}
	}
	if got := Reason(0).String() + ", " + Reason(99).String(); got != "no reason, no reason" {
		t.Errorf("unknown reasons are %q", got)
	}
	var err error = Reset{Reason: ConnectionLost, Err: io.ErrUnexpectedEOF}
	if got := err.Error(); got != "connection lost: unexpected EOF" {
		t.Errorf("Error is %q", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
	if err = (Reset{Reason: Refused}); err.Error() != "refused" || errors.Unwrap(err) != nil {
		t.Errorf("without a cause: %q", err)
	}
}
