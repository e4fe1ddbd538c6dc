package stream

import "testing"

// TestMadeSpans: text that is not in the frame is there as attributes and fields,
// whether or not there is a tail, and the frame stays as it came.
func TestMadeSpans(t *testing.T) {
	for _, tail := range []string{"", "tail"} {
		var p Pool
		for range 2 { // the head is used again
			h := p.Get()
			frame := "head:svc" + "content" + tail
			h.RPC.Kind = KindRequest
			h.RPC.Method = h.MakeNumber(-105)
			h.RPC.Service = Span{5, 3}
			h.AddSpan(h.MakeSpan([]byte("name")), h.MakeSpan([]byte("a value")), false)
			if tail != "" {
				h.AddSpan(SpanOf(15, 16), SpanOf(16, 19), false)
			}
			h.KeepFrame("x", []byte(frame), Span{8, 7})
			method, _ := h.Attribute(Method)
			service, _ := h.Attribute(Service)
			name, value := h.At(0)
			if string(method) != "-105" || string(service) != "svc" || string(name) != "name" || string(value) != "a value" {
				t.Errorf("with tail %q: %q %q %q=%q", tail, service, method, name, value)
			}
			if tail != "" {
				if n, v := h.At(1); string(n) != "t" || string(v) != "ail" {
					t.Errorf("in the tail there is %q=%q", n, v)
				}
			}
			if a, b := h.Frame(); string(a) != "head:svc" || string(b) != tail || h.Changed() {
				t.Errorf("the frame is %q and %q, changed: %v", a, b, h.Changed())
			}
			if got := string(h.Path()); got != "/svc/-105" {
				t.Errorf("the path is %q", got)
			}
			p.Put(h)
		}
	}
}

func TestKinds(t *testing.T) {
	if got := KindOneWay.String() + ", " + KindEvent.String() + ", " + Kind(99).String(); got != "one-way request, event, kind 99" {
		t.Error(got)
	}
}
