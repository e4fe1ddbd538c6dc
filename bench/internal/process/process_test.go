package process

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for text, want := range map[string]stat{
		"12 (nginx) S 7 12 12 0 -1 4194560 1 2 3 4 150 25 0 0 20":              {7, 1750 * time.Millisecond},
		"12 (a) S 9 (odd) name) R 8 12 12 0 -1 4194560 1 2 3 4 0 1 0 0 20 0 1": {8, 10 * time.Millisecond},
	} {
		if got, err := parseStat([]byte(text)); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "12 (nginx) S 7", "12 (nginx) S x 12 12 0 -1 4194560 1 2 3 4 150 25 0"} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestParseKilobytes(t *testing.T) {
	text := "55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:    4000 kB\nPss:            1234 kB\nPss_Dirty: 7 kB\n"
	if got, err := parseKilobytes([]byte(text), "Pss:"); got != 1234<<10 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := parseKilobytes([]byte("Rss: 1 kB\n"), "Pss:"); err == nil {
		t.Errorf("%d, want an error", got)
	}
}

func TestParseRSS(t *testing.T) {
	if got, err := parseRSS([]byte("500 20 3 1 0 40 0\n")); got != int64(20*os.Getpagesize()) || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"", "500", "500 x 3"} {
		if got, err := parseRSS([]byte(text)); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	pids := []int{os.Getpid()}
	before, err := CPU(pids)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		now, err := CPU(pids)
		if err != nil {
			t.Fatal(err)
		}
		if now > before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still at %v after 10 s of work", now)
		}
	}
	if n, err := PSS(pids); n < 1<<20 || err != nil {
		t.Errorf("PSS %d, %v: a Go program takes more than 1 MiB", n, err)
	}
	if n, err := RSS(pids); n < 1<<20 || err != nil {
		t.Errorf("RSS %d, %v: a Go program takes more than 1 MiB", n, err)
	}
	if n, err := PeakRSS(pids); n < 1<<20 || err != nil {
		t.Errorf("PeakRSS %d, %v: a Go program takes more than 1 MiB", n, err)
	}
}

func TestSignalReachesTheProcessAlone(t *testing.T) {
	p, err := Start("shell", t.TempDir(), "sh", "-c", "trap 'kill $!' USR2; sleep 600 & wait; echo signalled")
	if err != nil {
		t.Fatal(err)
	}
	waitForFamily(t, p, 2)
	if err := p.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := p.Err(); !strings.Contains(err.Error(), "signalled") {
		t.Errorf("ended with %v", err)
	}
	if err := p.Signal(syscall.SIGUSR2); err == nil {
		t.Error("a process that has ended was signalled")
	}
}

func TestStopEndsTheWholeFamily(t *testing.T) {
	p, err := Start("shell", t.TempDir(), "sh", "-c", "trap '' TERM; sleep 600 & echo ready; wait")
	if err != nil {
		t.Fatal(err)
	}
	family := waitForFamily(t, p, 2)
	if family[0] != p.PID() || !slices.Contains(family, p.PID()) {
		t.Errorf("family %v of %d", family, p.PID())
	}
	if err := p.Err(); err != nil {
		t.Errorf("runs, but says %v", err)
	}
	p.Stop()
	for _, pid := range family {
		waitForEnd(t, pid)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "ready") {
		t.Errorf("stopped, but says %v", err)
	}
}

func TestKillDoesNotAsk(t *testing.T) {
	p, err := Start("shell", t.TempDir(), "sh", "-c", "trap 'echo asked' TERM; sleep 600 & wait")
	if err != nil {
		t.Fatal(err)
	}
	family := waitForFamily(t, p, 2)
	p.Kill()
	for _, pid := range family {
		waitForEnd(t, pid)
	}
	if err := p.Err(); err == nil || strings.Contains(err.Error(), "asked") || !strings.Contains(err.Error(), "killed") {
		t.Errorf("killed, but says %v", err)
	}
}

func waitForFamily(t *testing.T, p *Process, size int) []int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		family, err := Family(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		if len(family) == size {
			return family
		}
	}
	p.Stop()
	t.Fatalf("no family of %d", size)
	return nil
}

// waitForEnd accepts a zombie: a grandchild is reaped by whoever inherits it.
func waitForEnd(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(text), ") Z ") {
			return
		}
	}
	t.Errorf("%d still runs", pid)
}
