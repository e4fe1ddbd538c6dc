package proxy

import (
	"strings"
	"testing"
)

// TestUnreadRequest: in serializations that are not read, Dubbo's requests go where all
// go, are counted, and are told so where nobody takes them.
func TestUnreadRequest(t *testing.T) {
	for _, serialization := range []byte{3, 4, 6, 7, 8, 9, 16, 21, 22} { // java, compactedjava, fastjson, nativejava, kryo, fst, gson, protobuf
		w := newWorld(t, plan{kind: kindDubbo, hosts: 1})
		from := w.client.ask(t.Context(), request{body: "hello", serialization: serialization})
		w.asked().answer(kindDubbo.ok(), "well")
		w.expect(from, kindDubbo.ok(), "well")
		if n := w.unread(); n != 1 {
			t.Errorf("%d: %d are counted", serialization, n)
		}
	}
	for _, p := range []plan{{match: `{"prefix":"/pkg.Service"}`}, {match: `{"headers":[{"name":"service","value":"pkg.Service"}]}`}} {
		p.kind, p.hosts = kindDubbo, 1
		w := newWorld(t, p)
		from := w.client.ask(t.Context(), request{body: "hello"})
		w.asked().answer(kindDubbo.ok(), "well")
		w.expect(from, kindDubbo.ok(), "well")
		r := w.got(w.client.ask(t.Context(), request{body: "hello", serialization: 8}))
		if r.status != 60 || !strings.Contains(r.body, "the service's name cannot be read") {
			t.Errorf("the client got %d %q", r.status, r.body)
		}
	}
}

// TestUnreadAttachments: behind more than is read there may be the group of a canary.
func TestUnreadAttachments(t *testing.T) {
	w := newWorld(t, plan{kind: kindDubbo, hosts: 1, match: `{"headers":[{"name":"service","value":"pkg.Service"},{"name":"group","value":"canary"}]}`})
	r := w.got(w.client.ask(t.Context(), request{body: "hello"}))
	if r.status != 60 || !strings.Contains(r.body, "no route") || strings.Contains(r.body, "read") {
		t.Errorf("read, the client got %d %q", r.status, r.body)
	}
	r = w.got(w.client.ask(t.Context(), request{body: "hello", tooMuch: true}))
	if r.status != 60 || !strings.Contains(r.body, "attachments cannot be read") || w.unread() != 1 {
		t.Errorf("the client got %d %q, %d are counted", r.status, r.body, w.unread())
	}
}

func (w *world) unread() (n uint64) {
	w.on(func() { n = w.w.Stats.Listener("main").RequestUnread })
	return n
}
