package proxy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// watcher notes what an observer is told.
type watcher struct{ events []string }

var eventNames = map[Event]string{
	RequestBegun: "begun", RequestRouted: "routed", AttemptBegun: "attempt", AttemptEnded: "over",
	ResponseBegun: "response", RequestEnded: "ended",
}

func (o *watcher) Observe(e Event, i *stream.Info, a *Attempt) {
	text := eventNames[e]
	if i.Request == nil || e == RequestRouted && i.VirtualHost != "v" {
		text += " of nothing"
	}
	if a != nil {
		if a.Host == nil || a.Took < 0 {
			text += " of no host"
		}
		switch {
		case a.Hedge:
			text += " hedge"
		case a.Retry:
			text += " retry"
		}
		if a.Reset != (stream.Reset{}) {
			text += " (" + a.Reset.Reason.String() + ")"
		}
	}
	if e == ResponseBegun {
		text += fmt.Sprint(" ", i.Status)
	}
	o.events = append(o.events, text)
}

// TestObserve: an observer learns of everything that happens to a request, once and in
// its order.
func TestObserve(t *testing.T) {
	retries := `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"status_codes":[503],"back_off":"1ms"}`
	for _, c := range []struct {
		name  string
		route string
		run   func(w *world)
		want  string
	}{
		{"an answer", "", func(w *world) {
			from := w.client.ask(w.t.Context(), request{method: "GET"})
			w.asked().answer(200, "yes")
			w.expect(from, 200, "yes")
		}, "begun, routed, attempt, response 200, over, ended"},
		{"a retry", retries, func(w *world) {
			from := w.client.ask(w.t.Context(), request{method: "GET"})
			w.asked().answer(503, "")
			w.forward(delay)
			w.asked().answer(200, "yes")
			w.expect(from, 200, "yes")
		}, "begun, routed, attempt, over, attempt retry, response 200, over retry, ended"},
		{"a hedge that wins", hedge, func(w *world) {
			from, _, second := w.hedged()
			second.answer(200, "yes")
			w.expect(from, 200, "yes")
		}, "begun, routed, attempt, attempt hedge, over (cancelled), response 200, over hedge, ended"},
		{"a client that goes away", "", func(w *world) {
			ctx, cancel := context.WithCancel(w.t.Context())
			from := w.client.ask(ctx, request{method: "GET"})
			w.asked()
			cancel()
			w.got(from)
		}, "begun, routed, attempt, over (cancelled), ended"},
		{"no route", "", func(w *world) {
			w.load(plan{kind: kindHTTP1, match: `{"prefix":"/elsewhere"}`})
			w.observe(&watcher{})
			w.expect(w.client.ask(w.t.Context(), request{method: "GET"}), 404, "no route\n")
		}, "begun, response 404, ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, plan{kind: kindHTTP1, hosts: 2, route: c.route})
			w.observe(&watcher{})
			c.run(w)
			w.settled()
			got := ""
			w.on(func() { got = strings.Join(w.w.listeners["main"].observers[0].(*watcher).events, ", ") })
			if got != c.want {
				t.Errorf("it is told\n%s, want\n%s", got, c.want)
			}
		})
	}
}

// observe makes o the only observer of the listener.
func (w *world) observe(o Observer) {
	w.on(func() { w.w.listeners["main"].observers = []Observer{o} })
}
