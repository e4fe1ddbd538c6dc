package config

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
	"time"
)

const (
	referenceFile  = configsDir + "/README.md"
	referenceStart = "<!-- The rest is made from the comments in pkg/config/types*.go: go test ./pkg/config -run TestReference -update -->\n"
)

// TestReference checks that the reference in configs/README.md is what the comments and the defaults say.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	head, old, found := strings.Cut(string(data), referenceStart)
	if !found {
		t.Fatalf("%s has no line %q", referenceFile, referenceStart)
	}
	r := reference{comments: readComments(t), done: make(map[reflect.Type]bool)}
	r.section("the whole file", "", reflect.TypeFor[Config]())
	if *update {
		if err := os.WriteFile(referenceFile, []byte(head+referenceStart+r.out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != r.out.String() {
		t.Errorf("%s is not current: run the test with -update", referenceFile)
	}
}

// readComments returns the comments of all struct types ("Type") and fields ("Type.Field").
func readComments(t *testing.T) map[string]string {
	t.Helper()
	comments := make(map[string]string)
	paths, err := filepath.Glob("types*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
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

// reference writes the tables, one struct after the other.
type reference struct {
	comments map[string]string
	done     map[reflect.Type]bool
	out      bytes.Buffer
}

// section writes the table of a struct type, and then those of the structs inside it.
func (r *reference) section(title, path string, t reflect.Type) {
	if r.done[t] {
		return
	}
	r.done[t] = true
	comment := strings.TrimPrefix(r.comments[t.Name()], t.Name()+" ")
	comment = strings.TrimPrefix(strings.TrimPrefix(comment, "is "), "are ")
	fmt.Fprintf(&r.out, "\n### %s\n\n%s%s\n", title, strings.ToUpper(comment[:1]), comment[1:])
	v := reflect.New(t)
	DecodeDefaults(v.Interface())
	var rows, unused bytes.Buffer
	r.rows(&rows, &unused, v.Elem())
	if rows.Len() > 0 {
		fmt.Fprintf(&r.out, "\n| key | is | means | default |\n|---|---|---|---|\n%s", rows.String())
	}
	if unused.Len() > 0 {
		fmt.Fprintf(&r.out, "\nAccepted, and not used:\n\n%s", unused.String())
	}
	r.inner(path, t)
}

// inner writes the sections of the structs inside a struct.
func (r *reference) inner(path string, t reflect.Type) {
	leaves := []reflect.Type{reflect.TypeFor[Node](), reflect.TypeFor[LogRoller](), reflect.TypeFor[FormatField](), reflect.TypeFor[PortRange](), reflect.TypeFor[netip.Prefix]()}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type != reflect.TypeFor[Source]() {
			r.inner(path, f.Type)
			continue
		}
		name := f.Tag.Get("json")
		elem, suffix := f.Type, ""
		for elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice || elem.Kind() == reflect.Map {
			if elem.Kind() == reflect.Slice {
				suffix += "[]"
			}
			elem = elem.Elem()
		}
		if elem == reflect.TypeFor[ClusterProtocols]() {
			r.inner(path, elem)
			continue
		}
		if elem.Kind() != reflect.Struct || name == "" || !f.IsExported() || slices.Contains(leaves, elem) {
			continue
		}
		inner := strings.TrimPrefix(path+"."+name+suffix, ".")
		title := "`" + inner + "`"
		switch elem {
		case reflect.TypeFor[ProxyConfig]():
			inner = path + ".filter_chains[].filters[].config"
			title = "`" + inner + "` of a proxy"
		case reflect.TypeFor[TCPProxyConfig]():
			inner = path + ".filter_chains[].filters[].config"
			title = "`" + inner + "` of a tcp_proxy"
		case reflect.TypeFor[HTTP1Config]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for Http1"
		case reflect.TypeFor[HTTP2Config]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for Http2"
		case reflect.TypeFor[RPCConfig]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for an RPC protocol"
		case reflect.TypeFor[HTTP1ClusterConfig]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for Http1"
		case reflect.TypeFor[HTTP2ClusterConfig]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for Http2"
		case reflect.TypeFor[RPCClusterConfig]():
			inner = path + ".extend_config"
			title = "`" + inner + "` for an RPC protocol"
		case reflect.TypeFor[PrometheusSink]():
			inner = path + ".config"
			title = "`" + inner + "` of a prometheus sink"
		}
		r.section(title, inner, elem)
	}
}

// rows writes a row for each key, and an item for each key that weir does not use.
func (r *reference) rows(rows, unused *bytes.Buffer, v reflect.Value) {
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
		case f.Anonymous && f.Type != reflect.TypeFor[Source]():
			r.rows(rows, unused, v.Field(i))
		case name != "" && name != "-":
			means := r.comments[v.Type().Name()+"."+f.Name] + rangeText(f)
			fmt.Fprintf(rows, "| `%s` | %s | %s | %s |\n", name, kindText(f.Type), strings.ReplaceAll(means, "|", `\|`), defaultText(v.Field(i)))
		}
	}
}

func rangeText(f reflect.StructField) string {
	b := boundsOf(f)
	switch {
	case b.min != "" && b.max != "":
		return fmt.Sprintf(" From %s to %s.", b.min, b.max)
	case b.min != "" && b.min != "0":
		return fmt.Sprintf(" At least %s.", b.min)
	case b.max != "":
		return fmt.Sprintf(" At most %s.", b.max)
	}
	return ""
}

// kindText says what a value of a type looks like in a file.
func kindText(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[*Node]():
		return "any"
	case reflect.TypeFor[LogRoller]():
		return "string"
	case reflect.TypeFor[Processor]():
		return "number or string"
	case reflect.TypeFor[FormatFields]():
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
	if v.Kind() == reflect.Struct || v.Kind() == reflect.Slice || v.Kind() == reflect.Pointer {
		return ""
	}
	n := encode(v)
	if n == nil {
		return ""
	}
	return "`" + n.Text() + "`"
}
