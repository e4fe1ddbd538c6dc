package metrics

import (
	"fmt"
	"strings"
	"testing"
)

// TestCallsAreBounded: names come from clients, and must not fill the memory.
func TestCallsAreBounded(t *testing.T) {
	w := NewWorker()
	first := w.Call([]byte("a.B"), []byte("Get"))
	first.CountStatus(0)
	first.CountStatus(16)
	first.CountStatus(17)
	first.CountStatus(1 << 31)
	if first.Statuses[0] != 1 || first.Statuses[16] != 1 || first.StatusOther != 2 {
		t.Errorf("counted %v and %d others", first.Statuses, first.StatusOther)
	}
	for i := range 3 * maxCalls {
		w.Call([]byte("a.B"), fmt.Append(nil, "Get", i)).RequestTotal++
	}
	other := w.Call([]byte("x.Y"), []byte("Z"))
	if other != w.Call([]byte("other"), []byte("other")) || other.RequestTotal != 2*maxCalls+1 {
		t.Errorf("%d of %d are counted together", other.RequestTotal, 3*maxCalls)
	}
	if first != w.Call([]byte("a.B"), []byte("Get")) {
		t.Error("a method has other statistics than before")
	}
	if n := len(w.Copy().Calls); n > maxCalls+1 {
		t.Errorf("%d methods have statistics", n)
	}
}

func TestStrangeCallsAreOthers(t *testing.T) {
	w := NewWorker()
	other := w.Call([]byte("other"), []byte("other"))
	long := []byte(strings.Repeat("x", maxCallName+1))
	for _, c := range [][2][]byte{{long, []byte("m")}, {[]byte("s"), long}, {nil, []byte("m")}} {
		if w.Call(c[0], c[1]) != other {
			t.Errorf("%.10q, %.10q has statistics of its own", c[0], c[1])
		}
	}
}

func TestCallAllocatesNothing(t *testing.T) {
	w := NewWorker()
	service, method := []byte("a.B"), []byte("Get")
	w.Call(service, method)
	if n := testing.AllocsPerRun(100, func() { w.Call(service, method).CountStatus(0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
