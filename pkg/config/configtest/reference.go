// Package configtest writes the reference of configurations from the types that they
// are decoded into: their comments, tags and defaults. Start at [NewReference].
package configtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
)

const modulePath = "github.com/weirproxy/weir"

// Reference is tables, one struct after the other.
type Reference struct {
	t        *testing.T
	root     string                       // of the repository
	comments map[string]map[string]string // of types ("Type") and fields ("Type.Field"), by package
	done     map[reflect.Type]bool
	out      bytes.Buffer
}

// NewReference returns a reference without a section. The test's package is depth
// folders below the root of the repository.
func NewReference(t *testing.T, depth int) *Reference {
	return &Reference{
		t:        t,
		root:     strings.Repeat("../", depth),
		comments: make(map[string]map[string]string),
		done:     make(map[reflect.Type]bool),
	}
}

// Check compares a part of a file with what was written: what stands between the line
// start and the line end, or behind start if end is "". With update it is replaced.
func (r *Reference) Check(path, start, end string, update bool) {
	r.t.Helper()
	path = filepath.Join(r.root, path)
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	head, old, found := strings.Cut(string(data), start)
	if !found {
		r.t.Fatalf("%s has no line %q", path, start)
	}
	tail := ""
	if end != "" {
		if old, tail, found = strings.Cut(old, end); !found {
			r.t.Fatalf("%s has no line %q", path, end)
		}
		tail = end + tail
	}
	if update {
		if err := os.WriteFile(path, []byte(head+start+r.out.String()+tail), 0o644); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	if old != r.out.String() {
		r.t.Errorf("%s is not current: run the test with -update", path)
	}
}

// Section writes the table of a struct, which v points to at its defaults, and then
// those of the structs inside it, unless they were written before.
func (r *Reference) Section(title, path string, v any) {
	s := unwrapped(reflect.ValueOf(v).Elem())
	r.done[s.Type()] = true
	comment := strings.TrimPrefix(r.comment(s.Type(), ""), s.Type().Name()+" ")
	comment = strings.TrimPrefix(strings.TrimPrefix(comment, "is "), "are ")
	fmt.Fprintf(&r.out, "\n### %s\n\n%s%s\n", title, strings.ToUpper(comment[:1]), comment[1:])
	var rows, unused bytes.Buffer
	r.rows(&rows, &unused, s)
	if rows.Len() > 0 {
		fmt.Fprintf(&r.out, "\n| key | is | means | default |\n|---|---|---|---|\n%s", rows.String())
	}
	if unused.Len() > 0 {
		fmt.Fprintf(&r.out, "\nAccepted, and not used:\n\n%s", unused.String())
	}
	r.inner(path, s.Type())
}

// unwrapped returns the struct inside a struct that has nothing else.
func unwrapped(v reflect.Value) reflect.Value {
	if t := v.Type(); t.NumField() == 1 && t.Field(0).Anonymous && t.Field(0).Type != reflect.TypeFor[config.Source]() {
		return unwrapped(v.Field(0))
	}
	return v
}

// comment returns the comment of a struct type, or of one of its fields.
func (r *Reference) comment(t reflect.Type, field string) string {
	all := r.comments[t.PkgPath()]
	if all == nil {
		all = r.read(filepath.Join(r.root, strings.TrimPrefix(t.PkgPath(), modulePath)))
		r.comments[t.PkgPath()] = all
	}
	name := t.Name()
	if field != "" {
		name += "." + field
	}
	if all[name] == "" {
		r.t.Fatalf("%s.%s has no comment", t.PkgPath(), name)
	}
	return all[name]
}

// read returns the comments of all struct types of a package, and of their fields.
func (r *Reference) read(dir string) map[string]string {
	comments := make(map[string]string)
	paths, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(paths) == 0 {
		r.t.Fatalf("no sources in %s: %v", dir, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE || strings.HasSuffix(path, "_test.go") {
				continue
			}
			spec := gen.Specs[0].(*ast.TypeSpec)
			comments[spec.Name.Name] = oneLine(gen.Doc.Text())
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						comments[spec.Name.Name+"."+name.Name] = oneLine(f.Doc.Text())
					}
				}
			}
		}
	}
	return comments
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// element returns what lists and maps are of in the end, and how a path shows the lists.
func element(t reflect.Type) (elem reflect.Type, lists string) {
	n := 0
	for ; t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map; t = t.Elem() {
		if t.Kind() == reflect.Slice {
			n++
		}
	}
	return t, strings.Repeat("[]", n)
}

// inner writes the sections of the structs inside a struct.
func (r *Reference) inner(path string, t reflect.Type) {
	leaves := []reflect.Type{
		reflect.TypeFor[config.Node](), reflect.TypeFor[config.LogRoller](), reflect.TypeFor[config.FormatField](),
		reflect.TypeFor[config.PortRange](), reflect.TypeFor[netip.Prefix](),
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type != reflect.TypeFor[config.Source]() {
			r.inner(path, f.Type)
			continue
		}
		name := f.Tag.Get("json")
		elem, suffix := element(f.Type)
		if elem.Kind() != reflect.Struct || name == "" || !f.IsExported() || slices.Contains(leaves, elem) || r.done[elem] {
			continue
		}
		inner := strings.TrimPrefix(path+"."+name+suffix, ".")
		title := "`" + inner + "`"
		switch elem {
		case reflect.TypeFor[config.ProxyConfig]():
			inner = path + ".filter_chains[].filters[].config"
			title = "`" + inner + "` of a proxy"
		case reflect.TypeFor[config.TCPProxyConfig]():
			inner = path + ".filter_chains[].filters[].config"
			title = "`" + inner + "` of a tcp_proxy"
		case reflect.TypeFor[config.PrometheusSink]():
			inner = path + ".config"
			title = "`" + inner + "` of a prometheus sink"
		}
		v := reflect.New(elem).Interface()
		config.DecodeDefaults(v)
		r.Section(title, inner, v)
	}
}
