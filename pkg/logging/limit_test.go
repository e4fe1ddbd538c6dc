package logging

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestLimit lets a message through as often as it may be, and says how often it was
// kept back.
func TestLimit(t *testing.T) {
	var out bytes.Buffer
	h := Limit(slog.NewTextHandler(&out, nil)).WithAttrs([]slog.Attr{slog.String("worker", "0")})
	start := time.Unix(1000, 0)
	say := func(after time.Duration, message string) string {
		out.Reset()
		r := slog.NewRecord(start.Add(after), slog.LevelWarn, message, 0)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for i := range 3 {
		if got := say(0, "a"); !strings.Contains(got, "msg=a worker=0\n") {
			t.Errorf("record %d: got %q", i, got)
		}
	}
	for range 7 {
		if got := say(0, "a"); got != "" {
			t.Errorf("over the limit: got %q", got)
		}
	}
	if got := say(0, "b"); got == "" {
		t.Error("another message was kept back")
	}
	if got := say(time.Second, "a"); !strings.Contains(got, "suppressed=7") {
		t.Errorf("a second later: got %q", got)
	}
	if got := say(time.Second, "a"); got != "" {
		t.Errorf("the second record of that second: got %q", got)
	}
	if got := say(time.Hour, "a"); !strings.Contains(got, "suppressed=1") {
		t.Errorf("an hour later: got %q", got)
	}
}

// TestLimitBounded keeps a bounded number of messages apart, whatever is said.
func TestLimitBounded(t *testing.T) {
	h := Limit(slog.DiscardHandler).(*limiter)
	for i := range 10 * maxMessages {
		r := slog.NewRecord(time.Unix(0, 0), slog.LevelWarn, fmt.Sprint("message ", i), 0)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.state.byMessage); n > maxMessages+1 {
		t.Errorf("%d messages are kept, want at most %d", n, maxMessages+1)
	}
}
