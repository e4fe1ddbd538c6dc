package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// script is a test as a text: what it shows, then files, each after a line "-- name --". The last file is the expectation.
type script struct {
	path    string
	comment string
	files   []scriptFile
}

type scriptFile struct{ name, text string }

func readScript(t testing.TB, path string) *script {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	marks := regexp.MustCompile(`(?m)^-- (\S+) --\n`).FindAllStringSubmatchIndex(text, -1)
	if len(marks) < 2 {
		t.Fatalf("%s: a script needs a file and an expectation", path)
	}
	s := &script{path: path, comment: text[:marks[0][0]]}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		s.files = append(s.files, scriptFile{name: text[m[2]:m[3]], text: text[m[1]:end]})
	}
	return s
}

func (s *script) want() string { return s.files[len(s.files)-1].text }

// rewrite stores another expectation.
func (s *script) rewrite(t *testing.T, want string) {
	t.Helper()
	s.files[len(s.files)-1].text = want
	var b strings.Builder
	b.WriteString(s.comment)
	for _, f := range s.files {
		b.WriteString("-- " + f.name + " --\n" + f.text)
	}
	if err := os.WriteFile(s.path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
