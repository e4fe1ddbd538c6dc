package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// networks lists the accepted networks.
func networks() []string { return []string{"tcp", "unix"} }

// DecodeNode reads tcp or unix. MOSN's udp is known, but not there yet, and no other network may stand in for it.
func (v *Network) DecodeNode(n *Node, r *Report) {
	if !n.Expect(String, r) {
		return
	}
	switch s := Network(strings.ToLower(n.Text())); s {
	case TCP, Unix:
		*v = s
	case "udp":
		r.Errorf(n, "not there yet: UDP listeners")
	default:
		r.ErrorHint(n, DidYouMean(n.Text(), networks()), "%q is not one of %s", n.Text(), strings.Join(networks(), ", "))
	}
}

// DecodeNode reads a number of workers, or "auto".
func (v *Processor) DecodeNode(n *Node, r *Report) {
	const most = 1024
	if n.Kind() != String && n.Kind() != Number {
		r.Errorf(n, `must be a number of workers up to %d, or "auto", is %s`, most, n.Kind())
		return
	}
	i, err := strconv.Atoi(n.Text())
	switch {
	case n.Kind() == String && (n.Text() == "" || strings.EqualFold(n.Text(), "auto")):
		*v = 0
	case err != nil && n.Kind() == Number:
		r.Errorf(n, `must be a number of workers up to %d, or "auto"`, most)
	case err != nil:
		r.Warnf(n, `%q is not a number of workers: "auto" is used`, n.Text())
		*v = 0
	case i < 0:
		r.Warnf(n, `%d is not a number of workers: "auto" is used`, i)
		*v = 0
	case i > most:
		r.Warnf(n, "there are at most %d workers: %d are used", most, most)
		*v = most
	default:
		*v = Processor(i)
	}
}

// DecodeNode reads {"filter_metadata":{"mosn.lb":{...}}}, or the labels themselves.
func (v *Metadata) DecodeNode(n *Node, r *Report) {
	if !n.Expect(Object, r) {
		return
	}
	if wrapped := n.Get("filter_metadata"); wrapped.Kind() == Object && len(n.Members()) == 1 {
		if n = wrapped.Get("mosn.lb"); n == nil {
			r.Warnf(wrapped, `ignored: weir reads the labels under "mosn.lb"`)
			return
		}
		if !n.Expect(Object, r) {
			return
		}
	}
	labels := make(Metadata, len(n.Members()))
	for _, m := range n.Members() {
		switch m.Value.Kind() {
		case String, Number, Bool:
			labels[m.Key] = m.Value.Text()
		default:
			r.Warnf(m.Value, "ignored: a label must be a string, is %s", m.Value.Kind())
		}
	}
	*v = labels
}

// DecodeNode reads an object of names and formats, in the order of the file.
func (v *FormatFields) DecodeNode(n *Node, r *Report) {
	if !n.Expect(Object, r) {
		return
	}
	fields := make(FormatFields, 0, len(n.Members()))
	for _, m := range n.Members() {
		if m.Value.Expect(String, r) {
			fields = append(fields, FormatField{Name: m.Key, Format: m.Value.Text()})
		}
	}
	*v = fields
}

// DecodeNode reads "size=100,age=7,keep=10,time=24,compress=on", each part of which may be left out. MOSN's parts are separated by
// spaces.
func (v *LogRoller) DecodeNode(n *Node, r *Report) {
	if !n.Expect(String, r) || n.Text() == "" {
		return
	}
	var roller LogRoller
	separates := func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }
	for part := range strings.FieldsFuncSeq(n.Text(), separates) {
		key, value, _ := strings.Cut(part, "=")
		if err := roller.set(strings.ToLower(key), value); err != nil {
			r.ErrorHint(n, `write it like "size=100,age=7,keep=10,time=24,compress=on"`, "%v", err)
			return
		}
	}
	*v = roller
}

// set sets one part of a roller's text.
func (v *LogRoller) set(key, value string) error {
	if key == "compress" {
		switch strings.ToLower(value) {
		case "on":
			v.Compress = true
		case "off":
			v.Compress = false
		default:
			return fmt.Errorf("compress must be on or off, is %q", value)
		}
		return nil
	}
	i, err := strconv.ParseInt(value, 10, 32)
	if err != nil || i < 0 {
		return fmt.Errorf("the value of %q must be a number, is %q", key, value)
	}
	switch key {
	case "size":
		v.MaxSize = i << 20
	case "age":
		return setTimes(&v.MaxAge, i, 24*time.Hour)
	case "time":
		return setTimes(&v.Interval, i, time.Hour)
	case "keep":
		v.Keep = int(i)
	default:
		return fmt.Errorf("%q is not one of size, age, keep, time, compress", key)
	}
	return nil
}

func setTimes(t *time.Duration, count int64, unit time.Duration) error {
	if count > math.MaxInt64/int64(unit) {
		return fmt.Errorf("%d is out of range", count)
	}
	*t = time.Duration(count) * unit
	return nil
}

// String renders the roller as the configuration writes it. A zero LogRoller renders as "".
func (v LogRoller) String() string {
	var parts []string
	add := func(key string, i int64) {
		if i > 0 {
			parts = append(parts, key+"="+strconv.FormatInt(i, 10))
		}
	}
	add("size", v.MaxSize>>20)
	add("age", int64(v.MaxAge/(24*time.Hour)))
	add("keep", int64(v.Keep))
	add("time", int64(v.Interval/time.Hour))
	if v.Compress {
		parts = append(parts, "compress=on")
	}
	return strings.Join(parts, ",")
}
