// Package tty is the terminal that pictures are drawn on: whether there is one, how large it is, what it can show, and how a picture is
// drawn over the last one without flickering. Start at [Terminal].
package tty

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// What the terminal is told.
const (
	Enter      = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J" // the other screen, no cursor, long lines are cut, empty
	Leave      = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	Home       = "\x1b[H"
	ClearLine  = "\x1b[K"
	ClearBelow = "\x1b[J"
)

// Screen is a terminal that pictures are drawn on.
type Screen struct {
	// Size returns the columns and lines that there are at present.
	Size func() (width, height int)
	// Colour allows colours, and ASCII nothing but ASCII.
	Colour, ASCII bool
}

// Terminal returns the screen that a file is, nil if it is none that a picture can
// be drawn on. env is the environment.
func Terminal(f *os.File, env func(string) string) *Screen {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) || env("TERM") == "dumb" {
		return nil
	}
	return &Screen{
		Size: func() (width, height int) {
			width, height, err := term.GetSize(fd)
			if err != nil || width <= 0 || height <= 0 {
				return 80, 24
			}
			return width, height
		},
		Colour: env("NO_COLOR") == "",
		ASCII:  !utf8Locale(env),
	}
}

// utf8Locale tells whether the locale's characters are UTF-8, by the first of the
// variables that is set.
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Draw draws lines over what is on the screen, in one write, and clears only what
// it does not draw: so nothing flickers. Lines that do not fit are left out.
func (s *Screen) Draw(out io.Writer, lines []string) error {
	_, height := s.Size()
	lines = lines[:min(len(lines), height)]
	_, err := io.WriteString(out, Home+strings.Join(lines, ClearLine+"\r\n")+ClearLine+ClearBelow)
	return err
}

// Ink is how a piece of text looks, as the parameters of an SGR sequence.
type Ink string

// The inks.
const (
	Plain  Ink = ""
	Bold   Ink = "1"
	Faint  Ink = "2"
	Red    Ink = "31"
	Green  Ink = "32"
	Yellow Ink = "33"
	Cyan   Ink = "36"
)

// On returns a text in this ink.
func (i Ink) On(text string) string {
	if i == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(i) + "m" + text + "\x1b[0m"
}
