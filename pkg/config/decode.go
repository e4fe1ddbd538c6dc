package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// NodeDecoder is a type that decodes itself: its values in a file are not those of its Go kind. DecodeNode is called on a pointer,
// with a node that is not null, and adds what is wrong to the report.
type NodeDecoder interface {
	DecodeNode(n *Node, r *Report)
}

// enum is a string type with a fixed set of values. A value is matched without regard to case and stored as listed.
type enum interface{ Values() []string }

// publicDefaulter is defaulter for structs of other packages.
type publicDefaulter interface{ SetDefaults() }

// DecodeInto decodes the value into what into points to, as strictly as the configuration's own structs are: keys are those of the
// json tags, or of the tag also, matched without regard to case; an unknown key is an error with the nearest valid key, or where the
// configuration says unknown_keys: warn, a warning; durations are strings like "1.5s"; the tags min and max bound a number (see
// bounds). A struct may have the method SetDefaults (on its pointer), which runs first, and embed Source to know its places in the
// file. A string type with a method Values() []string takes these values only. A field of type *Node takes any value. A nil node
// sets the defaults only. It panics if into is not a pointer, or a field has a kind that no configuration value fits.
func (n *Node) DecodeInto(into any, r *Report) {
	v := reflect.ValueOf(into).Elem()
	prefill(v)
	d := decoder{report: r, types: make(map[reflect.Type]*structInfo)}
	d.value(n, v, bounds{})
}

// Decode is DecodeInto for a caller without a report: it returns all problems if there is an error among them, else nil.
func (n *Node) Decode(into any) error {
	var r Report
	n.DecodeInto(into, &r)
	return r.Err()
}

// DecodeDefaults sets what into points to as if it were decoded from an empty object.
func DecodeDefaults(into any) { prefill(reflect.ValueOf(into).Elem()) }

// prefill sets the defaults of the structs inside a struct, and then its own: so a struct may give those inside it other defaults
// than they have elsewhere.
func prefill(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && v.Type().Field(i).IsExported() {
			prefill(f)
		}
	}
	switch t := v.Addr().Interface().(type) {
	case defaulter:
		t.setDefaults()
	case publicDefaulter:
		t.SetDefaults()
	}
}

// decoder decodes one tree.
type decoder struct {
	report *Report
	types  map[reflect.Type]*structInfo
}

// value decodes a node into a settable value that holds its default. A null leaves the default.
func (d *decoder) value(n *Node, v reflect.Value, b bounds) {
	if n.Kind() == Null {
		return
	}
	if v.Type() == reflect.TypeFor[*Node]() {
		v.Set(reflect.ValueOf(n))
		return
	}
	if custom, ok := v.Addr().Interface().(NodeDecoder); ok {
		custom.DecodeNode(n, d.report)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		prefill(p.Elem())
		d.value(n, p.Elem(), b)
		v.Set(p)
	case reflect.Struct:
		d.object(n, v)
	case reflect.Slice:
		d.list(n, v, b)
	case reflect.Map:
		d.mapping(n, v, b)
	default:
		d.scalar(n, v, b)
	}
}

// want reports whether the node has the kind; if not, it says so.
func (d *decoder) want(n *Node, k Kind) bool { return n.Expect(k, d.report) }

// Expect reports whether the node has the kind; if not, it adds an error that says so.
func (n *Node) Expect(k Kind, r *Report) bool {
	if n.Kind() == k {
		return true
	}
	hint := ""
	if k == String && (n.Kind() == Number || n.Kind() == Bool) {
		hint = "put it in quotes"
	}
	r.ErrorHint(n, hint, "must be %s, is %s", k, n.Kind())
	return false
}

// list decodes a list. A file's list replaces a default list.
func (d *decoder) list(n *Node, v reflect.Value, b bounds) {
	if !d.want(n, List) {
		return
	}
	s := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for _, item := range n.items {
		if item.Kind() == Null {
			d.report.Errorf(item, "is null")
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		prefill(e)
		d.value(item, e, b)
		s = reflect.Append(s, e)
	}
	v.Set(s)
}

// mapping decodes an object whose keys are names, not schema keys.
func (d *decoder) mapping(n *Node, v reflect.Value, b bounds) {
	if !d.want(n, Object) {
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.members))
	for _, member := range n.members {
		e := reflect.New(v.Type().Elem()).Elem()
		prefill(e)
		d.value(member.Value, e, b)
		m.SetMapIndex(reflect.ValueOf(member.Key).Convert(v.Type().Key()), e)
	}
	v.Set(m)
}

// object decodes an object into a struct.
func (d *decoder) object(n *Node, v reflect.Value) {
	if !d.want(n, Object) {
		return
	}
	info := d.info(v.Type())
	if info.source != nil {
		v.FieldByIndex(info.source).Set(reflect.ValueOf(Source{node: n}))
	}
	seen := make(map[string]Member, len(n.members))
	for _, m := range n.members {
		key := info.usual(m.Key)
		if first, twice := seen[key]; twice {
			d.report.WarnKey(n, m.Key, "the key is given twice: this counts, and not %q in line %d", first.Key, first.Line)
		}
		seen[key] = m
		d.member(n, m, key, info, v)
	}
}

// member decodes one key of an object into its field. The key is in its usual spelling.
func (d *decoder) member(n *Node, m Member, key string, info *structInfo, v reflect.Value) {
	if f, ok := info.fields[key]; ok {
		d.value(m.Value, v.FieldByIndex(f.index), f.bounds)
		return
	}
	if message, ok := info.unused[key]; ok {
		if !m.Value.isEmpty() {
			d.report.warnUnused(v.Type().String()+"."+key, n, m, message)
		}
		return
	}
	d.report.unknownKey(v.Type().String(), n, m, DidYouMean(key, info.keys))
}

// structInfo is what the decoder knows of a struct type.
type structInfo struct {
	fields map[string]fieldInfo
	other  map[string]string // the usual spelling of a key, for the others
	unused map[string]string // message for keys that weir does not use
	keys   []string          // all of them, in order, for suggestions
	source []int             // index of the embedded Source, if any
}

type fieldInfo struct {
	index  []int
	bounds bounds
}

// usual returns a key's usual spelling, in lower case.
func (info *structInfo) usual(key string) string {
	key = strings.ToLower(key)
	if usual, ok := info.other[key]; ok {
		return usual
	}
	return key
}

func (d *decoder) info(t reflect.Type) *structInfo {
	if info := d.types[t]; info != nil {
		return info
	}
	info := &structInfo{fields: make(map[string]fieldInfo), other: make(map[string]string), unused: make(map[string]string)}
	info.collect(t, nil)
	d.types[t] = info
	return info
}

// collect gathers the keys of a struct type, those of embedded structs included.
func (info *structInfo) collect(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		switch {
		case f.Type == reflect.TypeFor[Source]() && f.Anonymous:
			info.source = index
		case f.Anonymous:
			info.collect(f.Type, index)
		case f.Name == "_":
			info.addUnused(f.Tag)
		default:
			name := f.Tag.Get("json")
			if name == "" || name == "-" || !f.IsExported() {
				continue
			}
			name, _, _ = strings.Cut(name, ",")
			info.keys = append(info.keys, name)
			info.fields[strings.ToLower(name)] = fieldInfo{index: index, bounds: boundsOf(f)}
			if also := f.Tag.Get("also"); also != "" {
				info.other[also] = strings.ToLower(name)
			}
		}
	}
}

// addUnused notes the keys of a blank field, which are separated by commas.
func (info *structInfo) addUnused(tag reflect.StructTag) {
	prefix := "ignored"
	text, ok := tag.Lookup("ignored")
	if !ok {
		prefix = "not there yet"
		if text, ok = tag.Lookup("later"); !ok {
			return
		}
	}
	keys, reason, _ := strings.Cut(text, ": ")
	for key := range strings.SplitSeq(keys, ", ") {
		info.keys = append(info.keys, key)
		info.unused[strings.ToLower(key)] = fmt.Sprintf("%s: %s", prefix, reason)
	}
}
