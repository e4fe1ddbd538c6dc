package dubbo_test

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/hex"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

//go:embed testdata/*.*
var testdata embed.FS

var show = flag.Bool("show", false, "print what the test finds, which a file in testdata is to say; see README.md there")

// frame is a frame of testdata; see README.md there.
type frame struct {
	name  string
	bytes []byte
}

// frames returns all frames of testdata, in their order.
func frames(t testing.TB) []frame {
	t.Helper()
	var all []frame
	for _, file := range []string{"public.tsv", "peers.tsv", "java.tsv", "pieces.tsv.gz"} {
		for line := range strings.Lines(readFile(t, file)) {
			name, digits, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			all = append(all, frame{name, unhex(t, digits)})
		}
	}
	return all
}

// readFile returns the text of a file of testdata.
func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return string(text)
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// named returns one frame of testdata.
func named(t testing.TB, name string) []byte {
	t.Helper()
	for _, f := range frames(t) {
		if f.name == name {
			return f.bytes
		}
	}
	t.Fatalf("there is no frame %s", name)
	return nil
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parse takes a frame apart as a connection does, and returns its content.
func parse(t testing.TB, b []byte) (h *stream.Head, content []byte) {
	t.Helper()
	h = &stream.Head{}
	h.Clear()
	span, err := dubbo.New().Parse(b, h)
	if err != nil {
		t.Fatalf("%x: %v", b[:min(len(b), 64)], err)
	}
	h.KeepFrame("dubbo", b, span)
	return h, b[span.Off:span.End()]
}

// encode puts a frame together from a head that was changed.
func encode(t testing.TB, h *stream.Head, content []byte) []byte {
	t.Helper()
	out, tail, err := dubbo.New().Append([]byte("before"), h)
	if err != nil {
		t.Fatal(err)
	}
	out = out[len("before"):]
	return join(h.RPC.ID, out[:len(out)-tail], content, out[len(out)-tail:])
}

// join puts a frame together from its parts.
func join(id uint64, head, content, tail []byte) []byte {
	head = bytes.Clone(head)
	dubbo.New().Patch(head, id, len(content), len(tail))
	return append(append(head, content...), tail...)
}

func heartbeater() xprotocol.Heartbeater { return dubbo.New().(xprotocol.Heartbeater) }

func goAwayer() xprotocol.GoAwayer { return dubbo.New().(xprotocol.GoAwayer) }
