package admin

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Text writes clusters and events as text for people. Nothing in it moves the cursor of a terminal, whatever the names say that a
// source of hosts has delivered.
type Text struct {
	// Now is what times are told from.
	Now time.Time
	// Paint colours a piece of text by what it is: a host's state, or one of the constants below. nil: no colours.
	Paint func(what, text string) string
}

// What is painted, besides the states of hosts.
const (
	PaintTitle = "title" // the name of a cluster
	PaintHead  = "head"  // the head of a table
	PaintAlarm = "alarm" // what is not as it should be
)

func (t *Text) paint(what, text string) string {
	if t.Paint == nil || text == "" {
		return text
	}
	return t.Paint(what, text)
}

// Cluster writes a cluster: where its hosts come from, the levels of priority, and a table of the hosts.
func (t *Text) Cluster(to io.Writer, c *Cluster) error {
	var b strings.Builder
	b.WriteString(t.paint(PaintTitle, printable(c.Name)) + "  " + c.Type + "  " + c.Balancer)
	if c.OnDemand {
		b.WriteString("  on demand")
	}
	b.WriteString("\n  " + t.source(&c.Source) + "\n")
	for i := range c.Levels {
		b.WriteString("  " + t.level(&c.Levels[i]) + "\n")
	}
	if _, err := io.WriteString(to, b.String()); err != nil || len(c.Hosts) == 0 {
		return err
	}
	return t.hosts(to, c)
}

func (t *Text) source(s *SourceState) string {
	line := "hosts from " + origin(s.Kind)
	switch {
	case !s.Updated.IsZero():
		line += ", updated " + t.ago(s.Updated)
	case !s.Ready:
		line += ", none yet"
	}
	if s.Failing == "" {
		return line
	}
	failing := "failing"
	if !s.Since.IsZero() {
		failing += " for " + brisk(t.Now.Sub(s.Since))
	}
	return line + ", " + t.paint(PaintAlarm, failing+": "+printable(s.Failing))
}

// origin names where the hosts of a type of cluster come from.
func origin(kind string) string {
	switch kind {
	case "SIMPLE", "STATIC", "DYNAMIC", "EDS":
		return "the configuration"
	case "STRICT_DNS", "LOGICAL_DNS":
		return "DNS"
	case "FILE":
		return "a file"
	case "CONSUL":
		return "Consul"
	case "ORIGINAL_DST":
		return "the requests"
	}
	return printable(kind)
}

func (t *Text) level(l *Level) string {
	line := fmt.Sprintf("level %d: %d of %d healthy", l.Priority, l.Healthy, l.Total)
	if l.Degraded > 0 {
		line += fmt.Sprintf(", %d degraded", l.Degraded)
	}
	line += fmt.Sprintf(", %s%% of the requests", short(l.Load))
	if l.Panic {
		line += ", " + t.paint(PaintAlarm, "panic: all are used")
	}
	return line
}

func (t *Text) ago(at time.Time) string { return brisk(t.Now.Sub(at)) + " ago" }

// column is a column of the table of hosts.
type column struct {
	head  string
	right bool // numbers stand at the right
	cell  func(t *Text, h *Host) string
	// shown tells that a host has something to show in it; nil: it is there always.
	shown func(h *Host) bool
	width int
}

// hostColumns are the columns, but for the last one, the reason, which may be long and is not padded.
func hostColumns() []column {
	return []column{
		{head: "HOST", cell: func(_ *Text, h *Host) string { return printable(h.Address) }},
		{head: "NAME", cell: func(_ *Text, h *Host) string { return printable(h.Hostname) }, shown: func(h *Host) bool { return h.Hostname != "" }},
		{head: "ZONE", cell: func(_ *Text, h *Host) string { return printable(h.Zone) }, shown: func(h *Host) bool { return h.Zone != "" }},
		{head: "LEVEL", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(uint64(h.Priority), 10) },
			shown: func(h *Host) bool { return h.Priority != 0 }},
		{head: "STATE", cell: func(_ *Text, h *Host) string { return printable(h.State) }},
		{head: "WEIGHT", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(uint64(h.Weight), 10) }},
		{head: "NOW", right: true, cell: func(_ *Text, h *Host) string { return short(h.WeightNow) }},
		{head: "ACTIVE", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatInt(h.Active, 10) }},
		{head: "REQUESTS", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(h.Requests, 10) }},
		{head: "FAILED", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(h.Failed, 10) }},
		{head: "CHECKS", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(h.Checks, 10) },
			shown: func(h *Host) bool { return h.Checks != 0 }},
		{head: "BAD", right: true, cell: func(_ *Text, h *Host) string { return strconv.FormatUint(h.ChecksFailed, 10) },
			shown: func(h *Host) bool { return h.Checks != 0 }},
		{head: "SINCE", cell: (*Text).since},
	}
}

func (t *Text) since(h *Host) string {
	if h.Since.IsZero() {
		return "-"
	}
	return brisk(t.Now.Sub(h.Since))
}

// hosts writes the table in two passes, one to learn how wide its columns are: so no host's text is kept.
func (t *Text) hosts(to io.Writer, c *Cluster) error {
	columns := t.measure(c)
	var b strings.Builder
	for i := range columns {
		b.WriteString("  " + pad(&columns[i], columns[i].head, columns[i].head))
	}
	if _, err := io.WriteString(to, t.paint(PaintHead, strings.TrimRight(b.String()+"  WHY", " "))+"\n"); err != nil {
		return err
	}
	for i := range c.Hosts {
		if _, err := io.WriteString(to, t.hostLine(columns, &c.Hosts[i])); err != nil {
			return err
		}
	}
	return nil
}

// measure returns the columns that are shown, with their widths.
func (t *Text) measure(c *Cluster) []column {
	var kept []column
	for _, col := range hostColumns() {
		show := col.shown == nil
		col.width = len(col.head)
		for i := range c.Hosts {
			h := &c.Hosts[i]
			show = show || col.shown(h)
			col.width = max(col.width, utf8.RuneCountInString(col.cell(t, h)))
		}
		if show {
			kept = append(kept, col)
		}
	}
	return kept
}

func (t *Text) hostLine(columns []column, h *Host) string {
	var b strings.Builder
	for i := range columns {
		text := columns[i].cell(t, h)
		painted := text
		switch columns[i].head {
		case "STATE":
			painted = t.paint(h.State, text)
		case "FAILED":
			if h.Failed > 0 {
				painted = t.paint(PaintAlarm, text)
			}
		}
		b.WriteString("  " + pad(&columns[i], text, painted))
	}
	return strings.TrimRight(b.String()+"  "+printable(h.Why), " ") + "\n"
}

// pad fills a cell up to its column's width. Colours take no room.
func pad(c *column, text, painted string) string {
	gap := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(text)))
	if c.right {
		return gap + painted
	}
	return painted + gap
}

// Event writes an event, as a line.
func (t *Text) Event(to io.Writer, e *Event) error {
	line := e.Time.Format("2006-01-02 15:04:05.000") + "  " + t.paint(PaintTitle, printable(e.Cluster)) + "  "
	if e.Host != "" {
		line += printable(e.Host) + "  "
	}
	line += t.paint(e.Kind, printable(e.Kind))
	if e.Detail != "" {
		line += ": " + printable(e.Detail)
	}
	_, err := io.WriteString(to, line+"\n")
	return err
}

// printable replaces what does not print.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// short writes a number with at most two decimals, and none that are 0.
func short(f float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}

// brisk writes a time in its two greatest units.
func brisk(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}
