package xprotocoltest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// What weir may have to say to a request: any of these, for any of the reasons that
// flags tell, with a text or without.
var (
	statuses = [...]int{400, 403, 404, 408, 413, 429, 431, 500, 501, 502, 503, 504, 599}
	texts    = [...]string{"", "no route", "\"quoted\" \u20ac \x00 \xff", strings.Repeat("long ", 200)}
)

func answers(k *kit) {
	k.each(k.of(stream.KindRequest), func(f *Frame) {
		h, _, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		for _, text := range hard {
			k.answered(f.Name, &h.RPC.Call, xprotocol.Answer{Status: 503, Text: []byte(text)})
		}
		for _, id := range k.ids() {
			call := h.RPC.Call
			call.ID = id
			k.answered(f.Name, &call, xprotocol.Answer{Status: 503, Text: []byte("no host")})
		}
		for _, status := range statuses {
			for flags := stream.Flags(0); flags <= stream.Draining; flags = max(1, flags<<1) {
				for _, text := range texts {
					k.answered(f.Name, &h.RPC.Call, xprotocol.Answer{Status: status, Flags: flags, Text: []byte(text)})
				}
			}
		}
	})
}

// answered checks one answer.
func (k *kit) answered(name string, to *stream.Call, a xprotocol.Answer) {
	k.Helper()
	name = fmt.Sprintf("%s, answered %d %v %.20q", name, a.Status, a.Flags, a.Text)
	was := *to
	text := bytes.Clone(a.Text)
	b, ok := k.appended(name, func(dst []byte) []byte { return k.spec.Codec.Answer(dst, to, a) })
	k.untouched(name, "Answer", a.Text, text)
	if *to != was {
		k.Errorf("%s: Answer changes the call from %+v to %+v", name, was, *to)
	}
	if !ok {
		return
	}
	if len(b) == 0 {
		k.Errorf("%s: there is no answer", name)
		return
	}
	h, _, ok := k.parse(name, b)
	switch {
	case !ok:
	case h.RPC.Kind != stream.KindResponse || h.RPC.ID != to.ID || h.RPC.Form != to.Form:
		k.Errorf("%s: it is %+v, and the request %+v", name, h.RPC.Call, *to)
	case h.Status < 400:
		k.Errorf("%s: its status is %d, a success", name, h.Status)
	}
}

// appended returns what was appended to bytes that must stay.
func (k *kit) appended(name string, do func(dst []byte) []byte) (b []byte, ok bool) {
	k.Helper()
	const before = "before"
	b = do([]byte(before))
	if !bytes.HasPrefix(b, []byte(before)) {
		k.Errorf("%s: what stands before is changed", name)
		return nil, false
	}
	return b[len(before):], true
}

// likes are the requests whose form a frame of weir's own may take.
func (k *kit) likes() (calls []*stream.Call) {
	calls = []*stream.Call{nil}
	for _, f := range k.of(stream.KindRequest) {
		if h, _, err := parse(k.spec, f.Bytes); err == nil {
			calls = append(calls, &h.RPC.Call)
		}
	}
	return calls
}

// heartbeats sends heartbeats to a downstream and an upstream connection.
func heartbeats(k *kit) {
	beats, ok := k.spec.Codec.(xprotocol.Heartbeater)
	if !ok {
		return
	}
	frames := k.of(stream.KindHeartbeat)
	for i, like := range k.likes() {
		name := fmt.Sprintf("heartbeat %d of its own", i)
		if b, ok := k.appended(name, func(dst []byte) []byte { return beats.Heartbeat(dst, 7, like) }); ok {
			frames = append(frames, Frame{Name: name, Bytes: b, Kind: stream.KindHeartbeat, ID: 7})
		}
	}
	k.each(frames, func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		if h.RPC.Kind != stream.KindHeartbeat || h.RPC.ID != f.ID {
			k.Errorf("%s: it is %+v", f.Name, h.RPC.Call)
		}
		d, u := NewDownstream(k.spec, Limits{}), NewUpstream(k.spec)
		links := map[string]*Link{"downstream": &d.Link, "upstream": &u.Link}
		if h.RPC.Forward { // clients' go to hosts
			delete(links, "downstream")
		}
		for side, l := range links {
			name := f.Name + ", " + side
			if err := l.Feed(f.Bytes); err != nil {
				k.Errorf("%s: %v", name, err)
			}
			k.beatAnswer(name, l.Sent(), &h.RPC.Call, true)
		}
		was := bytes.Clone(content)
		b, _ := k.appended(f.Name, func(dst []byte) []byte { return beats.HeartbeatAnswer(dst, &h.RPC.Call, content, false) })
		k.untouched(f.Name, "HeartbeatAnswer", content, was)
		if len(b) > 0 {
			k.beatAnswer(f.Name+", not well", b, &h.RPC.Call, false)
		}
	})
}

func (k *kit) beatAnswer(name string, b []byte, to *stream.Call, well bool) {
	k.Helper()
	if len(b) == 0 {
		k.Errorf("%s: no answer", name)
		return
	}
	h, _, ok := k.parse(name+", the answer", b)
	switch {
	case !ok:
	case h.RPC.Kind != stream.KindHeartbeatAnswer && h.RPC.Kind != stream.KindResponse || h.RPC.ID != to.ID || h.RPC.Form != to.Form:
		k.Errorf("%s: the answer is %+v", name, h.RPC.Call)
	case h.Status >= 400 && well:
		k.Errorf("%s: the answer has status %d, a failure", name, h.Status)
	}
}

// probes has an upstream connection send heartbeats, and answers some of them.
func probes(k *kit) {
	beats, ok := k.spec.Codec.(xprotocol.Heartbeater)
	if !ok {
		return
	}
	u := NewUpstream(k.spec)
	pinger := u.Codec.Features().Pinger
	if pinger == nil {
		k.Errorf("the connection cannot probe")
		return
	}
	for i, answered := range []bool{true, true, false, true} {
		before := pinger.Received()
		if !pinger.Ping() || pinger.Answered() {
			k.Errorf("probe %d is not sent, or answered at once", i)
		}
		h, content, ok := k.parse("a probe", u.Sent())
		if !ok {
			return
		}
		if h.RPC.Kind != stream.KindHeartbeat {
			k.Errorf("probe %d is %+v", i, h.RPC.Call)
		}
		if !answered {
			continue
		}
		if err := u.Feed(beats.HeartbeatAnswer(nil, &h.RPC.Call, content, true)); err != nil {
			k.Errorf("the answer to a heartbeat: %v", err)
		}
		if !pinger.Answered() {
			k.Errorf("the answer to probe %d is taken for something else", i)
		}
		if got := pinger.Received() - before; got != 1 {
			k.Errorf("with the answer to a heartbeat, %d frames came", got)
		}
	}
	if n := dropped(u); n != 0 {
		k.Errorf("%d answers to heartbeats were dropped", n)
	}
	k.firstProbes()
}

// firstProbes has connections send a heartbeat before any request: it has the form that
// requests on them will have.
func (k *kit) firstProbes() {
	for _, like := range k.likes() {
		if like == nil {
			continue
		}
		u := NewUpstream(k.spec)
		f := u.Codec.Features()
		f.Former.SetForm(like.Form)
		f.Pinger.Ping()
		if h, _, ok := k.parse("a first heartbeat", u.Sent()); ok && h.RPC.Form != like.Form {
			k.Errorf("the first heartbeat on a connection for form %d has form %d", like.Form, h.RPC.Form)
		}
	}
}

func dropped(u *Upstream) uint64 { return u.Codec.Features().OrphanCounter.Orphans() }

// goAways checks the announcements of the codec's own, and what one that comes does.
func goAways(k *kit) {
	frames := k.of(stream.KindGoAway)
	if g, ok := k.spec.Codec.(xprotocol.GoAwayer); ok {
		for i, like := range k.likes() {
			name := fmt.Sprintf("go-away %d of its own", i)
			if b, ok := k.appended(name, func(dst []byte) []byte { return g.GoAway(dst, 9, like) }); ok && len(b) > 0 {
				frames = append(frames, Frame{Name: name, Bytes: b})
			}
		}
	}
	k.each(frames, func(f *Frame) {
		h, _, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		if h.RPC.Kind != stream.KindGoAway {
			k.Errorf("%s: it is %+v", f.Name, h.RPC.Call)
		}
		x := k.exchange()
		if x == nil {
			return
		}
		if err := x.u.Feed(f.Bytes); err != nil {
			k.Errorf("%s: %v", f.Name, err)
		}
		if n := x.u.Codec.Available(); n != 0 {
			k.Errorf("%s: the connection takes %d new requests", f.Name, n)
		}
		if !x.u.Codec.Features().Leaver.Leaving() {
			k.Errorf("%s: the host is not known to be about to go", f.Name)
		}
		x.answer(0)
		if !x.calls[0].Ended {
			k.Errorf("%s: the answer to an earlier request does not arrive", f.Name)
		}
	})
}
