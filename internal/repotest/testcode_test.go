package repotest

import (
	"go/ast"
	"strconv"
	"strings"
)

// decoders are the areas whose packages parse what others wrote; each needs a fuzz target. The packages inside pkg/protocol and
// pkg/xprotocol are codecs, and decoders without being named here.
var decoders = []string{
	"pkg/config",
}

func testRules() []rule {
	return []rule{
		{
			name:  "no sleeping in tests",
			why:   "A sleep is too short on a busy machine and too long on every other. Wait for the condition, or fake the time with testing/synctest.",
			check: sleeps,
			finds: 2,
			breaks: map[string]string{
				"pkg/server/a_test.go": `package server; import "time"; func f() { time.Sleep(1); time.Now() }`,
				"pkg/server/b_test.go": `package server; import clock "time"; var nap = clock.Sleep`,
				"pkg/server/c_test.go": `package server; import "time"; type c struct{}; func (c) Sleep(time.Duration) {}; func f(time c) { time.Sleep(1) }`,
			},
		},
		{
			name:  "no skipped tests",
			why:   "A test that is skipped passes without having looked. What cannot run everywhere gets a build tag and a target of its own; a fuzz body that has nothing to check returns.",
			check: skips,
			finds: 2,
			breaks: map[string]string{
				"pkg/server/a_test.go": `package server; import "testing"; func TestA(t *testing.T) { t.Skip("no"); t.Fatal() }; func BenchmarkA(b *testing.B) { b.SkipNow() }`,
				"pkg/server/b_test.go": `package server; type reader struct{}; func (reader) Skip(n int) {}; func f(in reader) { in.Skip(2) }`,
			},
		},
		{
			name:  "decoders are fuzzed",
			why:   "Whatever reads bytes that others wrote has a fuzz target beside it.",
			check: unfuzzed,
			finds: 2,
			breaks: map[string]string{
				"pkg/protocol/a.go":             `package protocol`,
				"pkg/protocol/http8/a.go":       `package http8`,
				"pkg/protocol/http9/a.go":       `package http9`,
				"pkg/protocol/http9/a_test.go":  `package http9; import "testing"; func FuzzA(f *testing.F) {}`,
				"pkg/config/a.go":               `package config`,
				"pkg/config/a_test.go":          `package config; import "testing"; func TestFuzz(t *testing.T) {}`,
				"pkg/xprotocol/bolt/a.go":       `package bolt`,
				"pkg/xprotocol/bolt/fz_test.go": `package bolt_test; import "testing"; func FuzzB(f *testing.F) {}`,
			},
		},
	}
}

func sleeps(files []*source) []string {
	var found []string
	for _, s := range files {
		if s.isTest() {
			for _, n := range s.uses("time", "Sleep") {
				found = append(found, s.finding(n, "sleeps"))
			}
		}
	}
	return found
}

// skips finds calls of Skip, Skipf and SkipNow of what is named as tests name theirs.
func skips(files []*source) []string {
	var found []string
	for _, s := range files {
		if !s.isTest() || within(s.dir(), "test/interop") { // its peers need what a machine may lack; with CI=true it may not
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Skip" && sel.Sel.Name != "Skipf" && sel.Sel.Name != "SkipNow" {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "t" || x.Name == "b" || x.Name == "f" || x.Name == "tb") {
				found = append(found, s.finding(sel, "skips"))
			}
			return true
		})
	}
	return found
}

func unfuzzed(files []*source) []string {
	fuzzed := map[string]bool{}
	for _, s := range files {
		dir := s.dir()
		if isCodec(dir) || within(dir, decoders...) && !s.isKit() {
			fuzzed[dir] = fuzzed[dir] || s.isTest() && hasFuzzTarget(s.ast)
		}
	}
	var found []string
	for _, dir := range sortedKeys(fuzzed) {
		if !fuzzed[dir] {
			found = append(found, dir+": no fuzz target")
		}
	}
	return found
}

func hasFuzzTarget(f *ast.File) bool {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
			return true
		}
	}
	return false
}

func position(name string, line int) string { return name + ":" + strconv.Itoa(line) }
