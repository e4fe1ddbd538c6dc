package configtest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// rows writes a row for each key, and an item for each key that weir does not use.
func (r *Reference) rows(rows, unused *bytes.Buffer, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("json")
		switch {
		case f.Name == "_":
			verb, text := "ignored", f.Tag.Get("ignored")
			if text == "" {
				verb, text = "not there yet", f.Tag.Get("later")
			}
			key, reason, _ := strings.Cut(text, ": ")
			fmt.Fprintf(unused, "- `%s` (%s: %s)\n", key, verb, reason)
		case f.Anonymous && f.Type != reflect.TypeFor[config.Source]():
			r.rows(rows, unused, v.Field(i))
		case name != "" && name != "-":
			means := r.comment(v.Type(), f.Name) + rangeText(f)
			fmt.Fprintf(rows, "| `%s` | %s | %s | %s |\n", name, kindText(f.Type), strings.ReplaceAll(means, "|", `\|`), defaultText(v.Field(i)))
		}
	}
}

func rangeText(f reflect.StructField) string {
	least, most := f.Tag.Get("min"), f.Tag.Get("max")
	switch {
	case least != "" && most != "":
		return fmt.Sprintf(" From %s to %s.", least, most)
	case least != "" && least != "0":
		return fmt.Sprintf(" At least %s.", least)
	case most != "":
		return fmt.Sprintf(" At most %s.", most)
	}
	return ""
}

// kindText says what a value of a type looks like in a file.
func kindText(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[*config.Node]():
		return "any"
	case reflect.TypeFor[config.LogRoller]():
		return "string"
	case reflect.TypeFor[config.Processor]():
		return "number or string"
	case reflect.TypeFor[config.FormatFields]():
		return "object"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindText(t.Elem())
	case reflect.Slice:
		return "list of " + strings.Replace(kindText(t.Elem())+"s", "list of strings", "lists of string", 1)
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	default:
		return "number"
	}
}

// defaultText says what a key that is not given means, if that is one value.
func defaultText(v reflect.Value) string {
	if v.Type() == reflect.TypeFor[config.Processor]() && v.IsZero() {
		return "`auto`"
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Pointer, reflect.Map:
		return ""
	case reflect.String:
		if v.String() == "" {
			return ""
		}
	}
	return fmt.Sprintf("`%v`", v.Interface())
}
