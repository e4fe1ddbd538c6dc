package repotest

import (
	"bytes"
	"go/format"
	"path"
	"regexp"
	"strings"
	"testing"
)

// leftover are the marks of unfinished work. What is left to do is said in an issue or in the documentation, in a sentence.
var leftover = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

func textRules() []rule {
	return []rule{
		{
			name:  "package docs",
			why:   `Every package says in one file what it is for and where to start reading: "Package x ...", or "Command x ..." for a program.`,
			check: missingDocs,
			finds: 2,
			breaks: map[string]string{
				"pkg/server/a.go":      "package server",
				"pkg/server/a_test.go": "// Package server is told of in a test only.\npackage server",
				"pkg/admin/a.go":       "// Serves things.\npackage admin",
				"pkg/proxy/a.go":       "// Package proxy joins.\npackage proxy",
				"pkg/proxy/b.go":       "package proxy",
				"cmd/weir/a.go":        "// Command weir is the proxy.\npackage main",
			},
		},
		{
			name:  "gofmt",
			why:   "Run gofmt -w on it.",
			check: unformatted,
			finds: 1,
			breaks: map[string]string{
				"pkg/server/a.go": "package server\nvar a  = 1\n",
				"pkg/server/b.go": "package server\n\nvar a = 1\n",
			},
		},
	}
}

func missingDocs(files []*source) []string {
	documented := map[string]bool{}
	for _, s := range files {
		documented[s.dir()] = documented[s.dir()] || !s.isTest() && hasDoc(s)
	}
	var found []string
	for _, dir := range sortedKeys(documented) {
		if !documented[dir] {
			found = append(found, dir+": no package doc")
		}
	}
	return found
}

func hasDoc(s *source) bool {
	start := "Package " + s.ast.Name.Name + " "
	if s.ast.Name.Name == "main" {
		start = "Command " + path.Base(s.dir()) + " "
	}
	return s.ast.Doc != nil && strings.HasPrefix(s.ast.Doc.Text(), start)
}

func unformatted(files []*source) []string {
	var found []string
	for _, s := range files {
		if want, err := format.Source(s.text); err != nil || !bytes.Equal(want, s.text) {
			found = append(found, s.name+": not as gofmt writes it")
		}
	}
	return found
}

func TestNoLeftovers(t *testing.T) {
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sortedKeys(files) {
		for _, found := range leftovers(name, files[name]) {
			t.Error(found)
		}
	}
}

func TestLeftoversAreFound(t *testing.T) {
	mark := "TO" + "DO"
	for text, want := range map[string]int{
		"x := 1 // " + mark + ": later":        1,
		"a\n# " + mark + "\nb // XX" + "X\n":   2,
		"a mastodon, XX" + "XX, " + mark + "S": 0,
	} {
		if found := leftovers("a.go", []byte(text)); len(found) != want {
			t.Errorf("%q: found %q, want %d", text, found, want)
		}
	}
}

// leftovers looks into text of any kind; go.sum and the like are nobody's words.
func leftovers(name string, text []byte) []string {
	switch path.Ext(name) {
	case ".sum", ".bin", ".png":
		return nil
	}
	var found []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if mark := leftover.FindString(line); mark != "" {
			found = append(found, position(name, number)+": "+mark)
		}
	}
	return found
}
