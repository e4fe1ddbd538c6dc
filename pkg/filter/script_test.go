package filter_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

var update = flag.Bool("update", false, "rewrite what the scripts in testdata show")

// TestScripts runs the scripts in testdata. A line "> command" is a command to a
// world (see script_world_test.go); what happens by it is shown below it. Other
// lines at the left are comments.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(data))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(data), got); diff != "" {
				t.Errorf("the script shows something else (- expected, + got); rewrite it with -update:\n%s", diff)
			}
		})
	}
}

// runScript runs a script and returns it with what its commands showed.
func runScript(t *testing.T, text string) string {
	w := newWorld(t)
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line)
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		w.log = nil
		w.run(strings.Fields(command))
		for _, l := range w.log {
			out.WriteString("  " + l + "\n")
		}
	}
	w.settle()
	if n := w.worker.Buffers().Stats().Live; n != 0 {
		t.Errorf("%d slabs are in use after the script", n)
	}
	if n := w.worker.Timers(); n != 0 {
		t.Errorf("%d timers are set after the script", n)
	}
	return out.String()
}

// run runs one command:
//
//	chain A B:request C:response D:blocking   a new stream through these filters;
//	                                          E:pausing pauses at everything
//	limit N                                   the buffer limit of the next stream
//	on A request.head STEP+STEP ...           what A's hook does, call by call
//	at upstream.head|resumed STEP             what happens inside the owner's call
//	request|response head [end] [length=N] | data TEXT|xN [end] | trailers | resume
//	reply N, finish, advance 5ms
//	hook, back, full                          the goroutine pool
func (w *world) run(c []string) {
	switch c[0] {
	case "chain":
		w.settle()
		w.log = nil
		w.begin(c[1:])
	case "limit":
		w.limit = number(w.t, c[1])
	case "on":
		w.filters[c[1]].script[c[2]] = c[3:]
	case "at":
		w.inside[c[1]] = c[2]
	case "request", "response":
		w.part(direction(c[0]), c[1:])
	case "reply":
		w.s.Reply(filter.Reply{Status: number(w.t, c[1])})
	case "finish":
		w.finish()
	case "advance":
		d, err := time.ParseDuration(c[1])
		if err != nil {
			w.t.Fatal(err)
		}
		w.worker.Advance(d)
	case "hook":
		w.hook()
	case "back":
		w.worker.Turn()
	case "full":
		w.full = true
	default:
		w.t.Fatalf("unknown command %q", c)
	}
}

func direction(s string) filter.Direction {
	if s == "response" {
		return filter.ResponseDirection
	}
	return filter.RequestDirection
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// part passes a part to the stream.
func (w *world) part(d filter.Direction, c []string) {
	end := c[len(c)-1] == "end"
	switch c[0] {
	case "head":
		h := &stream.Head{ContentLength: -1}
		if d == filter.ResponseDirection {
			h.Status = 200
		} else {
			h.SetMethod([]byte("POST"))
		}
		for _, word := range c[1:] {
			if n, ok := strings.CutPrefix(word, "length="); ok {
				h.ContentLength = int64(number(w.t, n))
			}
		}
		w.s.Head(d, h, end)
	case "data":
		text := c[1]
		if n, ok := strings.CutPrefix(text, "x"); ok {
			text = strings.Repeat("x", number(w.t, n))
		}
		if text == "end" || text == "empty" {
			text = ""
		}
		var b buffer.Chain
		b.Init(w.worker.Buffers())
		b.AppendString(text)
		w.s.Data(d, &b, end)
		if b.Len() != 0 {
			w.t.Errorf("%q left %d bytes", c, b.Len())
		}
	case "trailers":
		var t stream.Header
		t.Add("T", "1")
		w.s.Trailers(d, &t)
	case "resume":
		w.do("resume-"+[...]string{"request", "response"}[d], nil)
	default:
		w.t.Fatalf("unknown part %q", c)
	}
}

func show(h *stream.Header) string {
	var b strings.Builder
	for i := range h.Len() {
		name, value := h.At(i)
		fmt.Fprintf(&b, " %s=%s", name, value)
	}
	return b.String()
}
