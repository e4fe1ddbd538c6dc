package demo

import (
	"io"
	"strings"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
)

// drawing shows a demo as a picture. It draws on the terminal's other screen, so
// that what was on it before comes back at the end, and then leaves the last
// picture there.
type drawing struct {
	*tty.Screen
	out  io.Writer
	last *view
}

func (d *drawing) begin(v *view) error {
	if _, err := io.WriteString(d.out, tty.Enter); err != nil {
		return err
	}
	return d.frame(v)
}

func (d *drawing) frame(v *view) error {
	d.last = v
	width, _ := d.Size()
	return d.Draw(d.out, picture(v, width, style{d.Colour, d.ASCII}))
}

func (d *drawing) end() error {
	width, _ := d.Size()
	all := lastPicture(d.last, width, style{d.Colour, d.ASCII})
	_, err := io.WriteString(d.out, tty.Leave+strings.Join(all, "\n")+"\n")
	return err
}
