package xprotocoltest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// each does something with each frame. A panic with one is reported, and the others
// have their turn.
func (k *kit) each(fs []Frame, do func(f *Frame)) {
	k.Helper()
	for i := range fs {
		k.try(fs[i].Name, func() { do(&fs[i]) })
	}
}

// try does something with what has a name, and reports a panic.
func (k *kit) try(name string, do func()) {
	k.Helper()
	k.prefix = whole
	defer func() {
		if p := recover(); p != nil {
			k.Helper()
			if k.prefix != whole {
				name = fmt.Sprintf("%s, its first %d bytes", name, k.prefix)
			}
			k.Errorf("%s: panic: %v, %s", name, p, panicPlace())
		}
	}()
	do()
}

// whole is the prefix of what is not cut.
const whole = -1

// panicPlace says where the panic that is being recovered from came from.
func panicPlace() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		if panicked && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("at %s:%d, in %s", filepath.Base(f.File), f.Line, filepath.Base(f.Function))
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return "somewhere"
		}
	}
}
