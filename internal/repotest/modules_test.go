package repotest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dependencies is the list of modules that weir's own code imports. It is written by hand: a line there is the decision to depend
// on something, and the place for its reason.
const dependencies = "testdata/dependencies.txt"

var replaceDirective = regexp.MustCompile(`(?m)^\s*replace\b`)

func TestNoReplaceDirectives(t *testing.T) {
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sortedKeys(files) {
		if path.Base(name) == "go.mod" && replaceDirective.Match(files[name]) {
			t.Errorf("%s replaces a module: whoever imports weir would build something else than its tests did", name)
		}
	}
}

func TestReplaceDirectivesAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"module a\nreplace b => ../b\n":     true,
		"module a\n\nreplace (\nb => c\n)":  true,
		"module a // nothing to replace\n":  false,
		"module a\nrequire replace.io v1\n": false,
	} {
		if got := replaceDirective.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestDependencies(t *testing.T) {
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	listed, err := readDependencies()
	if err != nil {
		t.Fatal(err)
	}
	used := usedModules(sources(t), requiredModules(files["go.mod"]))
	for _, m := range sortedKeys(used) {
		switch d, ok := listed[m]; {
		case !ok:
			t.Errorf("%s: imports %s, a dependency that is not in %s: add it with its reason, or do without", used[m].from, m, dependencies)
		case d < used[m].as:
			t.Errorf("%s: imports %s, which %s has for %s only", used[m].from, m, dependencies, d)
		case d > used[m].as:
			t.Errorf("%s is used for %s only: %s says %s", m, used[m].as, dependencies, d)
		}
	}
	for _, m := range sortedKeys(listed) {
		if _, ok := used[m]; !ok {
			t.Errorf("%s lists %s, which nothing imports", dependencies, m)
		}
	}
}

func TestUsedModules(t *testing.T) {
	var files []*source
	for name, text := range map[string]string{
		"pkg/a/a.go":      `package a; import ("fmt"; "example.org/one/deep"; "github.com/weirproxy/weir/pkg/b")`,
		"pkg/a/a_test.go": `package a; import ("example.org/one"; "example.org/one/two"; "example.org/three")`,
		"bench/b/b.go":    `package b; import ("example.org/one"; "example.org/one/two")`,
	} {
		s, err := parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, s)
	}
	required := requiredModules([]byte("module m\nrequire example.org/one v1\nrequire (\n\texample.org/one/two v2 // indirect\n)\n"))
	used := usedModules(files, required)
	got := ""
	for _, m := range sortedKeys(used) {
		got += fmt.Sprintf("%s %s\n", m, used[m].as)
	}
	// A path that no required module has is its own name: it is reported as not listed.
	if want := "example.org/one program\nexample.org/one/two bench\nexample.org/three tests\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// purpose is what a module is there for; a greater one includes those before it.
type purpose int

const (
	forTests purpose = iota
	forBench
	forProgram
)

var purposes = []string{"tests", "bench", "program"}

func (p purpose) String() string { return purposes[p] }

// purposeOf is what a file is compiled for.
func purposeOf(s *source) purpose {
	switch {
	case s.isTest() || s.isKit():
		return forTests
	case within(s.dir(), "bench"):
		return forBench
	}
	return forProgram
}

// use is how a module is used.
type use struct {
	as   purpose // the greatest of all
	from string  // one place that imports it for that
}

func usedModules(files []*source, required []string) map[string]use {
	used := map[string]use{}
	for _, s := range files {
		for p, spec := range s.imports {
			first, _, _ := strings.Cut(p, "/")
			if !strings.Contains(first, ".") || within(p, modulePath) {
				continue // the standard library, or weir
			}
			m := moduleOf(p, required)
			if u, seen := used[m]; !seen || u.as < purposeOf(s) {
				used[m] = use{purposeOf(s), position(s.name, s.fset.Position(spec.Pos()).Line)}
			}
		}
	}
	return used
}

// moduleOf is the required module with the longest path that a package is in.
func moduleOf(pkg string, required []string) string {
	best := ""
	for _, m := range required {
		if within(pkg, m) && len(m) > len(best) {
			best = m
		}
	}
	if best == "" {
		return pkg
	}
	return best
}

var requirement = regexp.MustCompile(`(?m)^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/?\S*)\s+v\S+`)

func requiredModules(gomod []byte) []string {
	var modules []string
	for _, m := range requirement.FindAllSubmatch(gomod, -1) {
		modules = append(modules, string(m[1]))
	}
	return modules
}

// readDependencies reads the lines "module purpose reason", and yields what each module is for.
func readDependencies() (map[string]purpose, error) {
	text, err := os.ReadFile(dependencies)
	if err != nil {
		return nil, err
	}
	listed := map[string]purpose{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 || !slices.Contains(purposes, fields[1]) {
			return nil, fmt.Errorf("%s: want MODULE %s REASON", position(dependencies, number), strings.Join(purposes, "|"))
		}
		listed[fields[0]] = purpose(slices.Index(purposes, fields[1]))
	}
	return listed, lines.Err()
}
