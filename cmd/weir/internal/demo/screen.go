package demo

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// What the terminal is told.
const (
	enter      = "\x1b[?1049h\x1b[?25l\x1b[2J" // the other screen, no cursor, empty
	leave      = "\x1b[?25h\x1b[?1049l"
	home       = "\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
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

// on returns the display that draws on out.
func (s *Screen) on(out io.Writer) display { return &drawing{Screen: s, out: out} }

// drawing shows a demo as a picture. It draws on the terminal's other screen, so
// that what was on it before comes back at the end, and then leaves the last
// picture there.
type drawing struct {
	*Screen
	out  io.Writer
	last *view
}

func (d *drawing) begin(v *view) error {
	if _, err := io.WriteString(d.out, enter); err != nil {
		return err
	}
	return d.frame(v)
}

// frame draws over the last picture, in one write, and clears only what it does
// not draw: so nothing flickers.
func (d *drawing) frame(v *view) error {
	d.last = v
	width, height := d.Size()
	all := picture(v, width, style{d.Colour, d.ASCII})
	all = all[:min(len(all), height)]
	_, err := io.WriteString(d.out, home+strings.Join(all, clearLine+"\r\n")+clearLine+clearBelow)
	return err
}

func (d *drawing) end() error {
	width, _ := d.Size()
	all := lastPicture(d.last, width, style{d.Colour, d.ASCII})
	_, err := io.WriteString(d.out, leave+strings.Join(all, "\n")+"\n")
	return err
}
