package tty

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUTF8Locale(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false}, {"", "", "C", false}, {"", "", "en_GB.UTF-8", true}, {"C", "", "en_GB.UTF-8", false}, {"", "de_DE.utf8", "C", true},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := utf8Locale(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%v: %v", env, got)
		}
	}
}

// TestNoTerminal: a file is no terminal.
func TestNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Terminal(f, func(string) string { return "" }) != nil {
		t.Error("a picture would be drawn into a file")
	}
}

// TestDraw: what does not fit is left out, and what was there before is cleared.
func TestDraw(t *testing.T) {
	s := &Screen{Size: func() (int, int) { return 80, 2 }}
	var b strings.Builder
	if err := s.Draw(&b, []string{"one", "two", "three"}); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestInk(t *testing.T) {
	if got := Red.On("x") + Plain.On("y") + Red.On(""); got != "\x1b[31mx\x1b[0my" {
		t.Errorf("%q", got)
	}
}
