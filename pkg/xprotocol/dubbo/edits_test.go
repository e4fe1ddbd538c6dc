package dubbo_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// edit is a change of a frame, and what Dubbo's own decoder has to see of it.
type edit struct {
	name   string
	frame  string // of both serializations
	change func(h *stream.Head)
	java   []string // what it reads
	not    []string // what it does not read
}

// The 32767th unit of this text is the first half of a pair.
var long = strings.Repeat("l", 32767) + "\U0001f600" + strings.Repeat("中", 8000)

var edits = []edit{
	{
		name: "set", frame: "req-hello",
		change: func(h *stream.Head) { h.Set("remote.application", "somebody") },
		java:   []string{" blue/demo.Api:1.0.0 sayHello(String:world) ", " remote.application=String:somebody "},
	},
	{
		name: "set to nothing", frame: "req-hello",
		change: func(h *stream.Head) { h.Set("remote.application", "") },
		java:   []string{" remote.application=String: "},
	},
	{
		name: "add", frame: "req-hello",
		change: func(h *stream.Head) { h.Add("trace", "t1") },
		java:   []string{" remote.application=String:caller ", " trace=String:t1 "},
	},
	{
		name: "delete", frame: "req-hello",
		change: func(h *stream.Head) { h.Del("remote.application"); h.Del("timeout") },
		java:   []string{" blue/demo.Api:1.0.0 ", " path=String:demo.Api "},
		not:    []string{"remote.application", "timeout"},
	},
	{
		name: "delete and add", frame: "req-hello",
		change: func(h *stream.Head) { h.Del("timeout"); h.Add("timeout", "77") },
		java:   []string{" timeout=String:77 "},
	},
	{
		name: "delete all", frame: "req-hello",
		change: func(h *stream.Head) {
			for h.Len() > 0 {
				h.DelAt(0)
			}
		},
		java: []string{" demo.Api:1.0.0 sayHello(String:world) "},
		not:  []string{"interface", "remote.application"},
	},
	{
		name: "among others", frame: "req-attachments",
		change: func(h *stream.Head) {
			h.Set("long31", "short")
			h.Set("nothing", "something")
			h.Del("emoji")
			h.Del("long1023")
			h.Add("smile", "\U0001f600")
			h.Add("neu", "新é")
		},
		java: []string{
			" green/demo.Api:1.0.0 items(", " a-bool=Boolean:true ", " a-date=Date:Fri May 08 09:51:31 UTC 1998 ", " a-map={k=String:v} ",
			" an-int=Integer:5000 ", " an-item=Item:Item(attached,7) ", " bytes=bytes:3 ", " chinese=String:中文测试 ", " latin=String:café ",
			" longchinese=String:1100#a7ab7dc0 ", " timeout=Integer:2500 ",
			" long31=String:short ", " nothing=String:something ", " smile=String:\U0001f600 ", " neu=String:新é ",
		},
		not: []string{"emoji", "long1023"},
	},
	{
		name: "in place of a number", frame: "req-attachments",
		change: func(h *stream.Head) { h.Set("timeout", "500") },
		java:   []string{" timeout=String:500 ", " an-int=Integer:5000 "},
	},
	{
		name: "in place of an object", frame: "req-attachments",
		change: func(h *stream.Head) { h.Set("an-item", "text"); h.Set("a-list", "list") },
		java:   []string{" a-list=String:list ", " an-item=String:text ", " a-map={k=String:v} "},
	},
	{
		name: "service, version and group", frame: "req-hello",
		change: func(h *stream.Head) {
			h.SetAttribute(stream.Service, []byte("changed.Service"))
			h.SetAttribute(stream.Version, []byte("2.0.0-β"))
			h.SetAttribute(stream.Group, []byte("red"))
		},
		java: []string{" red/changed.Service:2.0.0-β sayHello(String:world) ", " interface=String:changed.Service ", " path=String:changed.Service "},
		not:  []string{"demo.Api"},
	},
	{
		name: "version by name", frame: "req-hello",
		change: func(h *stream.Head) { h.Set("version", "3.0.0") },
		java:   []string{" blue/demo.Api:3.0.0 ", " version=String:3.0.0}"},
	},
	{
		name: "version for none", frame: "req-noversion",
		change: func(h *stream.Head) { h.SetAttribute(stream.Version, []byte("1.2")) },
		java:   []string{" g/demo.Api:1.2 nothing() "},
	},
	{
		name: "method", frame: "req-noargs",
		change: func(h *stream.Head) { h.SetAttribute(stream.Method, []byte("renamed")) },
		java:   []string{" blue/demo.Api:1.0.0 renamed() "},
	},
	{
		name: "method of a generic call", frame: "req-generic",
		change: func(h *stream.Head) { h.SetAttribute(stream.Method, []byte("sayGoodbye")) },
		java:   []string{" $invoke(String:sayGoodbye (String:java.lang.String) (String:world)) "},
	},
	{
		name: "group for none", frame: "req-countdown",
		change: func(h *stream.Head) { h.SetAttribute(stream.Group, []byte("new")) },
		java:   []string{" new/demo.Api:0.0.0 ", " _TO=Integer:700 "},
	},
	{
		name: "group and field", frame: "req-hello",
		change: func(h *stream.Head) { h.Set("group", "red") },
		java:   []string{" red/demo.Api:1.0.0 "},
	},
	{
		name: "long values", frame: "req-hello",
		change: func(h *stream.Head) {
			for _, n := range []int{31, 32, 47, 48, 1023, 1024, 2048} {
				h.Add(fmt.Sprint("n", n), strings.Repeat("x", n))
			}
			h.Add("long", long)
		},
		java: []string{
			" n31=String:" + strings.Repeat("x", 31) + " ", " n32=", " n47=", " n48=String:" + strings.Repeat("x", 48) + " ",
			" n1023=String:1023#9c1fef78 ", " n1024=String:1024#e7de0000 ", " n2048=String:2048#", " long=String:40769#",
		},
	},
	{
		name: "not UTF-8", frame: "req-hello",
		change: func(h *stream.Head) { h.Add("odd", "a\xff\xe4\xb8b") },
		java:   []string{" odd=String:a\ufffd\ufffd\ufffdb "},
	},
	{
		name: "response", frame: "resp-value",
		change: func(h *stream.Head) { h.Set("trace", "xyz"); h.Add("more", "1") },
		java:   []string{"status 20 String:Hello world ", "cost=Integer:12 ", " trace=String:xyz}", " more=String:1 "},
	},
	{
		name: "response with an object", frame: "resp-item",
		change: func(h *stream.Head) { h.Del("trace"); h.Add("more", "1") },
		java:   []string{"status 20 Item:Item(item,-70000) ", " of=Item:Item(x,1)", " more=String:1 "},
		not:    []string{"trace"},
	},
	{
		name: "response of nothing", frame: "resp-null",
		change: func(h *stream.Head) { h.Add("more", "1") },
		java:   []string{"status 20 null ", " more=String:1}"},
	},
}

// The front of a request of nothing() whose attachments are of some other form.
const (
	hessianNothing  = "05322e302e32 0864656d6f2e417069 05312e302e30 076e6f7468696e67 00"
	fastjsonNothing = "000000064e322e302e32 000000095164656d6f2e417069 000000064e312e302e30 00000008506e6f7468696e67 0000000149"
)

// TestEdits compares changed frames with those in testdata, which Dubbo's own
// decoder has read; see README.md there.
func TestEdits(t *testing.T) {
	var got strings.Builder
	add := func(name string, base []byte, change func(*stream.Head)) {
		h, content := parse(t, base)
		change(h)
		fmt.Fprintf(&got, "%s\t%s\n", name, hex.EncodeToString(encode(t, h, content)))
	}
	for _, form := range []string{"hessian2", "fastjson2"} {
		for _, e := range edits {
			add(form+": "+e.name, named(t, form+"-"+e.frame), e.change)
		}
	}
	odd := func(h *stream.Head) {
		h.Add("trace", "1")
		h.SetAttribute(stream.Group, []byte("blue"))
	}
	hessian, fastjson := unhex(t, "dabbc200000000000000000000000000"), unhex(t, "dabbd700000000000000000000000000")
	add("hessian2: no map", join(1, hessian, unhex(t, hessianNothing+"4e"), nil), odd)
	add("hessian2: typed map", join(1, hessian, unhex(t, hessianNothing+"4d 11 6a6176612e7574696c2e547265654d6170 016b0176 5a"), nil), odd)
	add("fastjson2: no map", join(1, fastjson, unhex(t, fastjsonNothing+"00000001af"), nil), odd)
	add("fastjson2: typed map", join(1, fastjson, unhex(t, fastjsonNothing+"0000001a 92 5a 6a6176612e7574696c2e547265654d6170 00 a6 4a6b 4a76 a5"), nil), odd)

	for _, id := range []uint8{2, 23, 3} {
		call := &stream.Call{ID: 1, Serialization: id}
		answer := dubbo.New().Answer(nil, call, xprotocol.Answer{Flags: stream.NoRouteFound, Text: []byte("no route: é中\U0001f600")})
		fmt.Fprintf(&got, "answer in %d\t%x\n", id, answer)
		fmt.Fprintf(&got, "heartbeat in %d\t%x\n", id, heartbeater().Heartbeat(nil, 2, call))
		fmt.Fprintf(&got, "go away in %d\t%x\n", id, goAwayer().GoAway(nil, 3, call))
	}
	if *show {
		fmt.Print(got.String())
		return
	}
	want := readFile(t, "edits.tsv.gz")
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("(-edits.tsv.gz +got)\n%.4000s", diff)
	}
}

// TestEditsInJava says what Dubbo's own decoder has to have read of the edits.
func TestEditsInJava(t *testing.T) {
	read := map[string]string{}
	for line := range strings.Lines(readFile(t, "edits.txt")) {
		name, what, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		read[name] = strings.NewReplacer("{", "{ ", "}", " }").Replace(what)
	}
	blank := strings.NewReplacer("{", "{ ", "}", " }")
	for _, form := range []string{"hessian2", "fastjson2"} {
		for _, e := range edits {
			what := read[form+": "+e.name]
			for _, s := range e.java {
				if !strings.Contains(what, blank.Replace(s)) {
					t.Errorf("%s: %s: no %q in %s", form, e.name, s, what)
				}
			}
			for _, s := range e.not {
				if strings.Contains(what, s) {
					t.Errorf("%s: %s: there is %q in %s", form, e.name, s, what)
				}
			}
		}
		for _, name := range []string{": no map", ": typed map"} {
			if what := read[form+name]; !strings.Contains(what, " blue/demo.Api:1.0.0 nothing() ") || !strings.Contains(what, " trace=String:1 ") {
				t.Errorf("%s%s: %s", form, name, what)
			}
		}
	}
	for _, id := range []string{"2", "23", "3"} {
		for what, want := range map[string]string{
			"answer":    "response 1 status 60 no route: é中\U0001f600",
			"heartbeat": "request 2 null",
			"go away":   "request 3 one-way String:R",
		} {
			if got := read[what+" in "+id]; got != want {
				t.Errorf("%s in %s: %q", what, id, got)
			}
		}
	}
}
