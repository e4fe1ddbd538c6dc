package dubbo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
)

// kitFrames are the frames of testdata, saying what expect.txt says of them.
func kitFrames(t testing.TB) (all []xprotocoltest.Frame) {
	said := map[string]string{}
	name := ""
	for line := range strings.Lines(readFile(t, "expect.txt")) {
		if line[0] != '\t' {
			name = strings.TrimSpace(line)
		}
		said[name] += line
	}
	for _, f := range frames(t) {
		all = append(all, kitFrame(t, f, said[f.name]))
	}
	return all
}

// kitFrame reads what is said of a frame.
func kitFrame(t testing.TB, f frame, said string) xprotocoltest.Frame {
	t.Helper()
	k := xprotocoltest.Frame{Name: f.name, Bytes: f.bytes}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "service "); ok {
			k.Service = v
		}
		if v, ok := strings.CutPrefix(line, "method "); ok {
			k.Method = v
		}
		if !strings.Contains(line, " bytes") || k.Kind != 0 {
			continue
		}
		for kind, name := range map[stream.Kind]string{
			stream.KindRequest: "request", stream.KindOneWay: "one-way", stream.KindResponse: "response",
			stream.KindHeartbeat: "heartbeat", stream.KindHeartbeatAnswer: "heartbeat answer",
			stream.KindGoAway: "go away", stream.KindEvent: "event",
		} {
			var id int64
			var in, head, content, tail, native int
			if n, _ := fmt.Sscanf(line, name+" %d in %d, %d+%d+%d bytes", &id, &in, &head, &content, &tail); n < 5 {
				continue
			}
			k.Kind, k.ID, k.Content = kind, uint64(id), string(f.bytes[head:head+content])
			_, rest, _ := strings.Cut(line, " bytes, ")
			_, _ = fmt.Sscanf(rest, "status %d: %d", &native, &k.Status) // there is none
			if kind == stream.KindHeartbeatAnswer {
				k.Status = 200
			}
			if _, v, ok := strings.Cut(line, "timeout "); ok {
				k.Timeout, _ = time.ParseDuration(v)
			}
		}
	}
	return k
}

func TestConformance(t *testing.T) { xprotocoltest.Run(t, dubbo.Spec(), kitFrames(t)...) }

func FuzzConformance(f *testing.F) { xprotocoltest.Fuzz(f, dubbo.Spec(), kitFrames(f)...) }
