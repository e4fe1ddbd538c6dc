package repotest

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

// sized are the areas in which the size of types is held.
var sized = []string{"pkg/proxy", "pkg/server", "pkg/protocol/http2"}

// typeSize is how many fields a type has, where an embedded one is one of them, and how many methods of its own.
type typeSize struct{ fields, methods int }

// most is how large a type may be.
var most = typeSize{fields: 20, methods: 35}

// largeTypes are the types that are larger, by "folder.name", and how large they may be. The list only shrinks: who makes one of them
// smaller writes the new size here, and one that needs no exception any more has none.
var largeTypes = map[string]typeSize{
	"pkg/proxy.Listener": {24, 1},
	"pkg/proxy.Worker":   {21, 20},
}

func sizeRules() []rule {
	return []rule{
		{
			name:  "types are small",
			why:   "A type that has many fields and methods is many things at once: nobody knows which of them a change may touch. Make it of parts that know their own state.",
			check: func(files []*source) []string { return oversized(files, largeTypes) },
			finds: 2,
			breaks: map[string]string{
				"pkg/protocol/http2/a.go": `package http2
					type wide struct { a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s int; t string; wider }
					type full struct { a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s int; wider }
					type wider interface{}`,
				"pkg/protocol/http2/b.go": "package http2; type busy[T any] int\n" + manyMethods("busy[T]", 18),
				"pkg/protocol/http2/c.go": "package http2; type calm int\n" + manyMethods("busy[T]", 18) + manyMethods("calm", 35),
				"pkg/stream/a.go":         "package stream; type busy int\n" + manyMethods("busy", 100),
			},
		},
	}
}

// manyMethods declares n methods of a type.
func manyMethods(receiver string, n int) (src string) {
	for i := range n {
		src += fmt.Sprintf("func (*%s) m%d() {}\n", receiver, i)
	}
	return src
}

// oversized finds the types that are larger than they may be, and the exceptions that are of no use.
func oversized(files []*source, exceptions map[string]typeSize) []string {
	sizes, folders := typeSizes(files)
	var found []string
	for _, name := range sortedKeys(sizes) {
		size, limit := sizes[name], most
		if e, ok := exceptions[name]; ok {
			limit = e
		}
		if size.fields > limit.fields || size.methods > limit.methods {
			found = append(found, fmt.Sprintf("%s has %d fields and %d methods, more than %d or %d", name, size.fields, size.methods, limit.fields, limit.methods))
		}
	}
	for _, name := range sortedKeys(exceptions) {
		size := sizes[name]
		if folders[name[:strings.LastIndex(name, ".")]] && size.fields <= most.fields && size.methods <= most.methods {
			found = append(found, name+" is not as large any more, or is gone: it needs no exception")
		}
	}
	return found
}

// typeSizes returns the sizes of all types by "folder.name", and the folders that were looked at.
func typeSizes(files []*source) (sizes map[string]typeSize, folders map[string]bool) {
	sizes, folders = map[string]typeSize{}, map[string]bool{}
	add := func(s *source, name string, size typeSize) {
		key := s.dir() + "." + name
		sum := sizes[key]
		sizes[key] = typeSize{sum.fields + size.fields, sum.methods + size.methods}
	}
	for _, s := range files {
		if s.isTest() || !within(s.dir(), sized...) {
			continue
		}
		folders[s.dir()] = true
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if name := receiverType(d); name != "" {
					add(s, name, typeSize{methods: 1})
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						add(s, t.Name.Name, typeSize{fields: fieldCount(t)})
					}
				}
			}
		}
	}
	return sizes, folders
}

// fieldCount is how many fields a type has, if it is a struct.
func fieldCount(t *ast.TypeSpec) (n int) {
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return 0
	}
	for _, f := range s.Fields.List {
		n += max(len(f.Names), 1)
	}
	return n
}

// receiverType is the name of the type that a function is a method of, or nothing.
func receiverType(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func TestLargeTypesOnlyShrink(t *testing.T) {
	large, err := parse("pkg/proxy/a.go", []byte("package proxy; type busy int\n"+manyMethods("busy", 40)))
	if err != nil {
		t.Fatal(err)
	}
	small, err := parse("pkg/server/a.go", []byte("package server; type calm int"))
	if err != nil {
		t.Fatal(err)
	}
	files := []*source{large, small}
	for _, c := range []struct {
		name       string
		exceptions map[string]typeSize
		finds      int
	}{
		{"none", nil, 1},
		{"large enough", map[string]typeSize{"pkg/proxy.busy": {0, 40}}, 0},
		{"too small", map[string]typeSize{"pkg/proxy.busy": {0, 39}}, 1},
		{"of a small type", map[string]typeSize{"pkg/proxy.busy": {0, 40}, "pkg/server.calm": {21, 36}}, 1},
		{"of a type that is gone", map[string]typeSize{"pkg/proxy.busy": {0, 40}, "pkg/proxy.gone": {21, 36}}, 1},
	} {
		if found := oversized(files, c.exceptions); len(found) != c.finds {
			t.Errorf("%s: %q", c.name, found)
		}
	}
}
