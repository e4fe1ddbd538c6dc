package config

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// bounds are the values that a field takes, from its tags. min and max are the least and the greatest value of a number; an empty one
// does not bound. alias admits a second way to write a value, which MOSN has: a number in quotes (text), seconds as a number
// (seconds) or nanoseconds as a number (nanoseconds).
//
// What is out of bounds is an error, but where MOSN takes it for something else. Then there is one of two tags, and a warning: other
// is the value that every other one means, and clamp is the bound that the value is beyond, or the default if it is 0 or less.
type bounds struct {
	min, max, alias string
	other           *string
	clamp           bool
}

func boundsOf(f reflect.StructField) bounds {
	b := bounds{min: f.Tag.Get("min"), max: f.Tag.Get("max"), alias: f.Tag.Get("alias")}
	if other, ok := f.Tag.Lookup("other"); ok {
		b.other = &other
	}
	_, b.clamp = f.Tag.Lookup("clamp")
	return b
}

// read returns the node as it is usually written, if it is written in its second way.
func (b bounds) read(n *Node) *Node {
	usual := *n
	switch {
	case b.alias == "text" && n.Kind() == String && n.text != "" && strings.Trim(n.text, "0123456789") == "":
		usual.kind = Number
	case b.alias == "seconds" && n.Kind() == Number:
		usual.kind, usual.text = String, n.text+"s"
	case b.alias == "nanoseconds" && n.Kind() == Number:
		usual.kind, usual.text = String, n.text+"ns"
	default:
		return n
	}
	return &usual
}

// limits returns the least and the greatest value.
func (b bounds) limits() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if b.min != "" {
		low = mustFloat(b.min)
	}
	if b.max != "" {
		high = mustFloat(b.max)
	}
	return low, high
}

// substitute returns what stands for a number that is out of bounds, of a field whose bounds do not make it an error. present is
// the field's default.
func (b bounds) substitute(n *Node, present float64, r *Report) (is float64, ok bool) {
	f, err := strconv.ParseFloat(n.text, 64)
	low, high := b.limits()
	if err != nil || f >= low && f <= high {
		return 0, false
	}
	switch {
	case b.other != nil:
		is = mustFloat(*b.other)
	case !b.clamp:
		return 0, false
	case f <= 0:
		is = present
	default:
		is = min(max(f, low), high)
	}
	// MOSN writes a 0 for "not given" when it stores its configuration.
	if f != 0 || b.other != nil {
		r.Warnf(n, "must be from %s to %s, is %s: %s is used", cmp.Or(b.min, "0"), b.max, n.text, strconv.FormatFloat(is, 'f', -1, 64))
	}
	return is, true
}

// check reports a number out of bounds.
func (b bounds) check(n *Node, f float64, r *Report) bool {
	low, high := b.limits()
	switch {
	case f >= low && f <= high:
		return true
	case b.max == "":
		r.Errorf(n, "must be at least %s, is %s", b.min, n.text)
	case b.min == "":
		r.Errorf(n, "must be at most %s, is %s", b.max, n.text)
	default:
		r.Errorf(n, "must be from %s to %s, is %s", b.min, b.max, n.text)
	}
	return false
}

func mustFloat(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("config: a min or max tag is not a number: %q", s))
	}
	return f
}

func (d *decoder) scalar(n *Node, v reflect.Value, b bounds) {
	n = b.read(n)
	if v.Type() == reflect.TypeFor[time.Duration]() {
		if t, ok := n.Duration(d.report); ok {
			v.SetInt(int64(t))
		}
		return
	}
	if n.Kind() == Number && d.substitute(n, v, b) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.text(n, v, b)
	case reflect.Bool:
		if d.want(n, Bool) {
			v.SetBool(n.text == "true")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Text(), 10, v.Type().Bits())
		if d.want(n, Number) && wholeNumber(n, err, v, d.report) && b.check(n, float64(i), d.report) {
			v.SetInt(i)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(n.Text(), 10, v.Type().Bits())
		if d.want(n, Number) && wholeNumber(n, err, v, d.report) && b.check(n, float64(u), d.report) {
			v.SetUint(u)
		}
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Text(), 64)
		switch {
		case !d.want(n, Number):
		case err != nil:
			d.report.Errorf(n, "the number %s is out of range", n.text)
		case b.check(n, f, d.report):
			v.SetFloat(f)
		}
	default:
		panic(fmt.Sprintf("config: a configuration cannot fill a field of type %s", v.Type()))
	}
}

// substitute sets a number that is out of bounds, if that is not an error.
func (d *decoder) substitute(n *Node, v reflect.Value, b bounds) bool {
	isNumber := v.CanInt() || v.CanUint() || v.CanFloat()
	if !isNumber || !b.clamp && b.other == nil {
		return false
	}
	number := reflect.TypeFor[float64]()
	is, ok := b.substitute(n, v.Convert(number).Float(), d.report)
	if ok {
		v.Set(reflect.ValueOf(is).Convert(v.Type()))
	}
	return ok
}

// text decodes a string, or a string type with a fixed set of values.
func (d *decoder) text(n *Node, v reflect.Value, b bounds) {
	if !d.want(n, String) {
		return
	}
	e, ok := v.Interface().(enum)
	if !ok {
		v.SetString(n.text)
		return
	}
	for _, s := range e.Values() {
		if strings.EqualFold(s, n.text) {
			v.SetString(s)
			return
		}
	}
	hint, values := DidYouMean(n.text, e.Values()), strings.TrimPrefix(strings.Join(e.Values(), ", "), ", ")
	switch {
	case b.other == nil:
		d.report.ErrorHint(n, hint, "%q is not one of %s", n.text, values)
	case n.text == "": // as MOSN stores it for "not given"
	default:
		v.SetString(*b.other)
		d.report.WarnHint(n, hint, "%q is not one of %s: %s is used", n.text, values, cmp.Or(*b.other, "none"))
	}
}

// wholeNumber reports a number that does not fit an integer field.
func wholeNumber(n *Node, err error, v reflect.Value, r *Report) bool {
	if err == nil {
		return true
	}
	_, isFloat := strconv.ParseFloat(n.text, 64)
	switch {
	case isFloat == nil && strings.ContainsAny(n.text, ".eE"):
		r.Errorf(n, "must be a whole number, is %s", n.text)
	case strings.HasPrefix(n.text, "-") && v.CanUint():
		r.Errorf(n, "must not be negative, is %s", n.text)
	default:
		r.Errorf(n, "the number %s is out of range", n.text)
	}
	return false
}

// Duration reads a duration: a string like "300ms", "1.5s" or "1h30m", or the number 0. A negative one is an error.
func (n *Node) Duration(r *Report) (time.Duration, bool) {
	if n.Kind() == Number && n.isEmpty() {
		return 0, true
	}
	if n.Kind() == Number {
		r.ErrorHint(n, fmt.Sprintf("write %q for seconds", n.text+"s"), "a duration needs a unit")
		return 0, false
	}
	if !n.Expect(String, r) {
		return 0, false
	}
	t, err := time.ParseDuration(n.text)
	switch {
	case err != nil:
		r.ErrorHint(n, `write it like "300ms", "5s" or "1h30m"`, "%q is not a duration", n.text)
	case t < 0:
		r.Errorf(n, "a duration must not be negative, is %s", n.text)
	}
	return t, err == nil && t >= 0
}
