package repotest

import (
	"go/ast"
	"go/token"
	"strings"
)

// mutable are the package-level variables that change, or might, and are right all the same: by "folder.name", with the reason.
var mutable = map[string]string{
	"cmd/weir.version": "the linker writes it (see the Makefile), and nobody else",
}

func stateRules() []rule {
	return []rule{
		{
			name:  "no init functions",
			why:   "Wiring is visible: cmd/weir lists every part, one line each. What runs before main runs in every program and test that imports the package.",
			check: initFunctions,
			finds: 1,
			breaks: map[string]string{
				"pkg/filter/a.go": `package filter; func init() {}; type t struct{}; func (t) init() {}`,
			},
		},
		{
			name:  "no mutable package variables",
			why:   "State that belongs to nobody cannot be replaced by a reload, is shared by all workers, and leaks from test to test. Allowed are sentinel errors, interface guards, and tables that have an initial value and never change; anything else needs its reason in state_test.go.",
			check: mutableVariables,
			finds: 9,
			breaks: map[string]string{
				"pkg/filter/a.go": `package filter
					import ("errors"; "sync"; "sync/atomic")
					var _ error = (*own)(nil)
					var ErrOwn, errOther = errors.New("a"), errors.New("b")
					var ErrMade = &own{}
					var table = [...]string{"a"}
					var shadowed = [...]string{"a"}
					var made = makeTable()
					var count int                      // no initial value
					var mu = sync.Mutex{}              // made to change
					var cell = atomic.Pointer[own]{}   // made to change
					var shared = &own{}                // a pointer
					var Exported = [...]int{1}         // anyone may assign
					var assigned, kept = 1, 2
					var stepped = 1
					var filled = map[string]int{}
					func f() { shadowed := shadowed; shadowed[0] = ""; assigned = 2; stepped++; _ = kept; _ = &table[0] }
				`,
				"pkg/filter/b.go": `package filter
					var lent = [4]byte{1}
					func g() { filled["a"] = 1; h(&lent) }
				`,
			},
		},
	}
}

func initFunctions(files []*source) []string {
	var found []string
	for _, s := range files {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				found = append(found, s.finding(f, "func init"))
			}
		}
	}
	return found
}

// mutableVariables is a heuristic: it reads syntax, not types. A variable may stay if it has an initial value that does not look made
// to be changed, and if nothing in its package assigns to it, to a part of it, or takes its address. Errors are sentinels by their name.
func mutableVariables(files []*source) []string {
	changed := map[string]bool{} // by "folder.name"
	for _, s := range files {
		if !s.isTest() {
			changedVariables(s, changed)
		}
	}
	var found []string
	for _, s := range files {
		if s.isTest() {
			continue // a flag, a table: a test binary is one program
		}
		for spec, i := range variables(s.ast) {
			name := spec.Names[i]
			key := s.dir() + "." + name.Name
			if mutable[key] != "" {
				continue
			}
			if fault := looksMutable(s, spec, i); fault != "" {
				found = append(found, s.finding(name, "%s %s", name.Name, fault))
			} else if changed[key] {
				found = append(found, s.finding(name, "%s is changed, or its address taken", name.Name))
			}
		}
	}
	return found
}

// variables yields the package-level variables of a file but the blank ones: each as a specification and an index into its names.
func variables(f *ast.File) func(func(*ast.ValueSpec, int) bool) {
	return func(yield func(*ast.ValueSpec, int) bool) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, sp := range g.Specs {
				spec := sp.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if name.Name != "_" && !yield(spec, i) {
						return
					}
				}
			}
		}
	}
}

// looksMutable says what is wrong with a variable by its declaration alone, or nothing.
func looksMutable(s *source, spec *ast.ValueSpec, i int) string {
	if embedded(s, spec) {
		return ""
	}
	if len(spec.Values) != len(spec.Names) {
		return "has no initial value of its own"
	}
	name, value := spec.Names[i], spec.Values[i]
	if isError(name.Name) {
		return "" // a sentinel, whatever it is made by
	}
	if name.IsExported() {
		return "is exported, so that any package may change it"
	}
	if u, ok := value.(*ast.UnaryExpr); ok && u.Op == token.AND {
		return "points to something that may change"
	}
	for _, e := range []ast.Expr{spec.Type, value} {
		if pkg := madeToChange(e); pkg != "" {
			return "is of package " + pkg + ", which is about change"
		}
	}
	return ""
}

func isError(name string) bool {
	return strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
}

func isCall(e ast.Expr, names ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return false
	}
	for _, n := range names {
		if x.Name+"."+sel.Sel.Name == n {
			return true
		}
	}
	return false
}

// madeToChange names the package, sync or atomic, that an expression's type is made of.
func madeToChange(e ast.Expr) string {
	if e == nil {
		return ""
	}
	found := ""
	ast.Inspect(e, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && (x.Name == "sync" || x.Name == "atomic") {
				found = x.Name
			}
		}
		return true
	})
	// A value computed once, on demand, is a table that is made late.
	if isCall(e, "sync.OnceValue", "sync.OnceValues") {
		return ""
	}
	return found
}

func embedded(s *source, spec *ast.ValueSpec) bool {
	line := s.fset.Position(spec.Pos()).Line
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:embed ") && s.fset.Position(c.Pos()).Line == line-1 {
				return true
			}
		}
	}
	return false
}

// changedVariables notes the package-level variables that a file assigns to, in whole or in part, or whose address it takes.
func changedVariables(s *source, changed map[string]bool) {
	note := func(e ast.Expr) {
		if name := packageVariable(s, e); name != "" {
			changed[s.dir()+"."+name] = true
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if n.Tok != token.DEFINE {
					note(e)
				}
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			// The address of an element is how a loop over a table avoids copies.
			if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
				note(n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear" || f.Name == "copy") && len(n.Args) > 0 {
				note(n.Args[0])
			}
		}
		return true
	})
}

// packageVariable is the name of the package-level variable that an expression such as v, v.field or v[i] is part of, or nothing if
// it is part of something else.
func packageVariable(s *source, e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.Ident:
			// Without an object it is declared in another file of the package, with the file's own it is declared here.
			if x.Obj == nil || s.ast.Scope.Lookup(x.Name) == x.Obj {
				return x.Name
			}
			return ""
		default:
			return ""
		}
	}
}

func goStatements(f *ast.File) []ast.Node {
	var found []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, g)
		}
		return true
	})
	return found
}
