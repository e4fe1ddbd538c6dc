package moving_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/standard"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// script is a configuration, and what weir says of it. Its first line is that of
// the table.
type script struct {
	path, what, file, text, want string
}

var parts = regexp.MustCompile(`(?s)^([^\n]+)\n-- (\S+) --\n(.*)-- problems --\n(.*)$`)

func scripts(t *testing.T) (all []script) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.script")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p := parts.FindStringSubmatch(string(data))
		if p == nil {
			t.Fatalf("%s: a script is a line, a file and the problems", path)
		}
		all = append(all, script{path: path, what: p[1], file: p[2], text: p[3], want: p[4]})
	}
	return all
}

// check returns what weir says of the script's file, a problem in a line, and at the
// end whether it is loaded.
func (s *script) check(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), s.file)
	if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := standard.Registry().Check(path)
	var b strings.Builder
	for _, p := range report.Problems() {
		b.WriteString(strings.TrimPrefix(p.String(), filepath.Dir(path)+"/") + "\n")
	}
	if err != nil {
		return b.String() + "refused\n"
	}
	return b.String() + "loaded\n"
}

func TestScripts(t *testing.T) {
	for _, s := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(s.path), ".script"), func(t *testing.T) {
			got := s.check(t)
			if *update {
				data := s.what + "\n-- " + s.file + " --\n" + s.text + "-- problems --\n" + got
				if err := os.WriteFile(s.path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("(-want +got; -update accepts)\n%s", diff)
			}
		})
	}
}

// TestTable: each line of the table's section has a script, each script has a line,
// and the last column says what is told.
func TestTable(t *testing.T) {
	told := rows(t)
	for _, s := range scripts(t) {
		got, ok := told[s.what]
		delete(told, s.what)
		want := "no"
		switch {
		case !ok:
			t.Errorf("%s: there is no line %q", s.path, s.what)
			continue
		case strings.HasSuffix(s.want, "refused\n"):
			want = "error"
		case s.want != "loaded\n":
			want = "warning"
		}
		if got != want {
			t.Errorf("%q: the table says %q, want %q", s.what, got, want)
		}
	}
	for what := range told {
		t.Errorf("%q: there is no script", what)
	}
}

// rows returns the first and the last column of the section's table.
func rows(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../../docs/moving-from-mosn.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(data), "\n## What loads\n")
	if !ok {
		t.Fatal("there is no section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	told := make(map[string]string)
	for line := range strings.Lines(section) {
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(columns) != 4 || strings.HasPrefix(line, "| what |") {
			continue
		}
		what := strings.TrimSpace(columns[0])
		if _, twice := told[what]; twice {
			t.Errorf("%q is there twice", what)
		}
		told[what] = strings.TrimSpace(columns[3])
	}
	return told
}
