package repotest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// modulePath is the module that the repository is.
const modulePath = "github.com/weirproxy/weir"

// source is one Go file of the repository.
type source struct {
	name string // relative to the root, with slashes
	text []byte
	fset *token.FileSet
	ast  *ast.File
}

func parse(name string, text []byte) (*source, error) {
	s := &source{name: name, text: text, fset: token.NewFileSet()}
	var err error
	s.ast, err = parser.ParseFile(s.fset, name, text, parser.ParseComments)
	return s, err
}

// dir is the folder of the file, which is its package's path below the module's.
func (s *source) dir() string { return path.Dir(s.name) }

// isTest says whether the file is compiled for tests only.
func (s *source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// isKit says whether the file is in a package that helps to test what others build on weir: its name ends in test.
func (s *source) isKit() bool { return strings.HasSuffix(s.dir(), "test") }

// finding is a complaint about a node, in the form that editors jump to.
func (s *source) finding(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.name, s.fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
}

// imports yields the import paths of the file with their nodes.
func (s *source) imports(yield func(string, *ast.ImportSpec) bool) {
	for _, spec := range s.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has accepted it
		}
		if !yield(p, spec) {
			return
		}
	}
}

// uses finds where the file names a member of a standard package, such as Sleep of time, whatever it calls the package.
func (s *source) uses(importPath, member string) []ast.Node {
	local := ""
	for p, spec := range s.imports {
		if p != importPath {
			continue
		}
		local = path.Base(p)
		if spec.Name != nil {
			local = spec.Name.Name
		}
	}
	if local == "" {
		return nil
	}
	var found []ast.Node
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == member {
			// An identifier with an object is a variable of the file, not the package.
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && x.Obj == nil {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

// within says whether a folder is one of the areas, or inside one.
func within(dir string, areas ...string) bool {
	for _, a := range areas {
		if dir == a || strings.HasPrefix(dir, a+"/") {
			return true
		}
	}
	return false
}

// repository is every file that people write, by its name relative to the root: no build results, no test data.
var repository = sync.OnceValues(func() (map[string][]byte, error) {
	const base = "../.."
	files := map[string][]byte{}
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case d.IsDir() && unwritten(name):
			return fs.SkipDir
		case d.Type().IsRegular():
			files[name], err = os.ReadFile(p)
		}
		return err
	})
	if err == nil && files["go.mod"] == nil {
		err = fmt.Errorf("%s is not the repository", base)
	}
	return files, err
})

// unwritten says whether a folder holds what no one wrote by hand, or what breaks rules on purpose.
func unwritten(dir string) bool {
	switch path.Base(dir) {
	case "bin", "testdata", "node_modules", "target":
		return true
	case ".", ".ci", ".github":
		return false
	}
	return strings.HasPrefix(path.Base(dir), ".")
}

// sources are the Go files of the repository's module, sorted by name. A folder with a go.mod of its own is another module, which
// may be made of other things.
func sources(t *testing.T) []*source {
	t.Helper()
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	others := nestedModules(files)
	var all []*source
	for _, name := range sortedKeys(files) {
		if path.Ext(name) != ".go" || within(name, others...) {
			continue
		}
		s, err := parse(name, files[name])
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		all = append(all, s)
	}
	return all
}

// nestedModules are the folders below the root that are modules of their own.
func nestedModules(files map[string][]byte) []string {
	var dirs []string
	for _, name := range sortedKeys(files) {
		if dir, file := path.Split(name); dir != "" && file == "go.mod" {
			dirs = append(dirs, path.Clean(dir))
		}
	}
	return dirs
}

func TestNestedModules(t *testing.T) {
	files := map[string][]byte{"go.mod": nil, "a/go.mod": nil, "b/c/go.mod": nil, "b/go.module": nil, "go.mod/x": nil}
	if got := nestedModules(files); !slices.Equal(got, []string{"a", "b/c"}) {
		t.Errorf("%q", got)
	}
}
