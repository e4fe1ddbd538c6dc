package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
	"github.com/weirproxy/weir/pkg/admin"
)

// Options are what is shown, and where.
type Options struct {
	Client *Client
	Out    io.Writer
	// Screen is how Out shows a picture; nil: Out is no terminal.
	Screen *tty.Screen
	// Cluster is the only one to be shown; "": all.
	Cluster string
	// JSON shows what a program can read.
	JSON bool
	// Ticks has a tick for each further look; nil: one look is enough.
	Ticks <-chan time.Time
}

// text returns how things are written.
func (o *Options) text(now time.Time) admin.Text { return admin.Text{Now: now, Paint: o.paint} }

// inkOf is how things look, by what they are.
func inkOf(what string) tty.Ink {
	switch what {
	case admin.StateHealthy:
		return tty.Green
	case admin.StateUnhealthy, admin.StateEjected, admin.PaintAlarm:
		return tty.Red
	case admin.StateDegraded:
		return tty.Yellow
	case admin.StateDraining:
		return tty.Cyan
	case admin.PaintTitle:
		return tty.Bold
	case admin.PaintHead:
		return tty.Faint
	}
	return tty.Plain
}

// Clusters shows the clusters: once, or at every tick until ctx is done. On a terminal each look is drawn over the last one, and one
// that fails is a line there, lest a restart ends the watch; the first may not.
func Clusters(ctx context.Context, o Options) error {
	switch {
	case o.JSON:
		return o.Client.copyClusters(ctx, o.Out, o.Cluster)
	case o.Ticks == nil:
		return o.table(ctx, o.Out)
	}
	var first bytes.Buffer
	if err := o.table(ctx, &first); err != nil {
		return err
	}
	if o.Screen == nil {
		return o.repeat(ctx, &first)
	}
	if _, err := io.WriteString(o.Out, tty.Enter); err != nil {
		return err
	}
	err := o.redraw(ctx, first.String())
	_, left := io.WriteString(o.Out, tty.Leave)
	if err == nil {
		err = left
	}
	return err
}

// table writes the clusters as they are now.
func (o *Options) table(ctx context.Context, out io.Writer) error {
	first := true
	err := o.Client.clusters(ctx, o.Cluster, func(now time.Time, c *admin.Cluster) error {
		if !first {
			if _, err := io.WriteString(out, "\n"); err != nil {
				return err
			}
		}
		first = false
		t := o.text(now)
		return t.Cluster(out, c)
	})
	if err == nil && first {
		_, err = io.WriteString(out, "there are no clusters\n")
	}
	return err
}

// repeat writes one table after the other.
func (o *Options) repeat(ctx context.Context, table *bytes.Buffer) error {
	for {
		if _, err := o.Out.Write(table.Bytes()); err != nil {
			return err
		}
		if !o.tick(ctx) {
			return nil
		}
		table.Reset()
		table.WriteString("\n")
		if err := o.table(ctx, table); err != nil && ctx.Err() == nil {
			fmt.Fprintln(table, err)
		}
	}
}

// redraw draws one table over the other. If there is no new one, the last stays, below the reason.
func (o *Options) redraw(ctx context.Context, table string) error {
	for picture := table; ; {
		if err := o.Screen.Draw(o.Out, o.fit(picture)); err != nil {
			return err
		}
		if !o.tick(ctx) {
			return nil
		}
		var next bytes.Buffer
		if err := o.table(ctx, &next); err != nil {
			picture = o.paint(admin.PaintAlarm, err.Error()) + "\n\n" + table
			continue
		}
		table = next.String()
		picture = table
	}
}

// paint colours text where colours can be shown.
func (o *Options) paint(what, text string) string {
	if o.Screen == nil || !o.Screen.Colour {
		return text
	}
	return inkOf(what).On(text)
}

// fit returns the lines that the screen has room for; the last of them says what it has not.
func (o *Options) fit(table string) []string {
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	if _, height := o.Screen.Size(); len(lines) > height && height > 1 {
		more := fmt.Sprintf("... and %d lines more: name a cluster to see it alone", len(lines)-height+1)
		lines = append(lines[:height-1:height-1], o.paint(admin.PaintHead, more))
	}
	return lines
}

// tick waits for the next look. It returns false if there is none.
func (o *Options) tick(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-o.Ticks:
		return ctx.Err() == nil
	}
}

// followed is how many events are asked for while they are followed.
const followed = 1000

// Events shows the newest n events, and then, if there are ticks, what is new at every tick until ctx is done.
func Events(ctx context.Context, o Options, n int) error {
	all, err := o.Client.events(ctx, o.Cluster, n)
	if err != nil {
		return err
	}
	if err := o.write(all); err != nil || o.Ticks == nil {
		return err
	}
	lost := false // what weir has to say: it may be restarting
	for o.tick(ctx) {
		now, err := o.Client.events(ctx, o.Cluster, followed)
		if err != nil {
			if !lost && ctx.Err() == nil && !o.JSON {
				fmt.Fprintln(o.Out, o.paint(admin.PaintAlarm, err.Error()))
			}
			lost = true
			continue
		}
		lost = false
		if err := o.write(after(all, now)); err != nil {
			return err
		}
		all = now
	}
	return nil
}

// after returns the events that came after the ones that were there before.
func after(before, now []admin.Event) []admin.Event {
	if len(before) == 0 {
		return now
	}
	last := before[len(before)-1]
	for i, e := range slices.Backward(now) {
		if e.Time.Equal(last.Time) && e.Cluster == last.Cluster && e.Host == last.Host && e.Kind == last.Kind && e.Detail == last.Detail {
			return now[i+1:]
		}
	}
	return now // weir was restarted, or a great deal has happened
}

// write writes events, a line each.
func (o *Options) write(all []admin.Event) error {
	t := o.text(time.Time{})
	for i := range all {
		if o.JSON {
			if err := json.NewEncoder(o.Out).Encode(&all[i]); err != nil {
				return err
			}
			continue
		}
		e := all[i]
		e.Time = e.Time.Local()
		if err := t.Event(o.Out, &e); err != nil {
			return err
		}
	}
	return nil
}
