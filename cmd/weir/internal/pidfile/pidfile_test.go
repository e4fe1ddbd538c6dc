package pidfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.pid")
	if _, err := Find(path); !errors.Is(err, ErrEnded) {
		t.Errorf("before it is written: %v", err)
	}
	f, err := Write(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(path); !errors.Is(err, ErrHeld) {
		t.Errorf("written again: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != strconv.Itoa(os.Getpid()) {
		t.Errorf("the file says %q", b)
	}
	p, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Number != os.Getpid() || p.Ended() {
		t.Errorf("found %d, ended %v", p.Number, p.Ended())
	}
	f.Remove()
	if !p.Ended() {
		t.Error("it has not ended")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

// TestLeftBehind: the number of a process that has ended may be another's by now.
func TestLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.pid")
	if err := os.WriteFile(path, []byte("1234567 and more than a number"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(path); !errors.Is(err, ErrEnded) {
		t.Errorf("found: %v", err)
	}
	f, err := Write(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	if b, _ := os.ReadFile(path); string(b) != strconv.Itoa(os.Getpid()) {
		t.Errorf("the file says %q", b)
	}
}

// TestReplaced: a file that somebody else has put in its place stays.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.pid")
	f, err := Write(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := Write(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Remove()
	if p, err := Find(path); err != nil {
		t.Errorf("the other's file: %v", err)
	} else {
		p.Close()
	}
	other.Remove()
}

func TestNoNumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.pid")
	f, err := Write(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	for _, text := range []string{"", "x", "-1", "0"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Find(path); err == nil || errors.Is(err, ErrEnded) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Find(filepath.Join(path, "x")); err == nil || errors.Is(err, ErrEnded) {
		t.Errorf("below a file: %v", err)
	}
	if _, err := Write(t.TempDir()); err == nil {
		t.Error("a folder was written to")
	}
}
