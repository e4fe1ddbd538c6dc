package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata and configs/README.md")

// testOptions are those of a program with HTTP/1 and one filter.
func testOptions() Options {
	return Options{Protocols: []string{"Http1"}, StreamFilters: []string{"fault"}}
}

// TestLoadScripts loads the first file of each script in testdata/load, and compares the problems with those in the script.
func TestLoadScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/load/*.script")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".script"), func(t *testing.T) {
			s := readScript(t, path)
			got := loadScript(t, s.files[:len(s.files)-1])
			if *update {
				s.rewrite(t, got)
				return
			}
			if diff := cmp.Diff(s.want(), got); diff != "" {
				t.Errorf("problems differ (-want +got; -update accepts):\n%s", diff)
			}
		})
	}
}

// loadScript writes the files to a folder of their own, loads the first, and renders what came of it. A file whose name starts with
// kv: is a document instead.
func loadScript(t *testing.T, files []scriptFile) string {
	t.Helper()
	dir := t.TempDir()
	options := testOptions()
	for _, f := range files {
		if strings.HasPrefix(f.name, "kv:") {
			kind := ClusterDocument
			if strings.Contains(f.name, "/routers/") {
				kind = RouterDocument
			}
			options.Extra = append(options.Extra, Document{Name: f.name, Kind: kind, Data: []byte(f.text)})
			continue
		}
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, report, err := Load(filepath.Join(dir, files[0].name), options)
	if (c == nil) != (err != nil) {
		t.Errorf("a configuration must be returned exactly if there is no error: %v", err)
	}
	outcome := "loaded\n"
	if err != nil {
		outcome = "refused\n"
	}
	var b strings.Builder
	for _, p := range report.Problems() {
		b.WriteString(strings.ReplaceAll(p.String(), dir+"/", "") + "\n")
	}
	return b.String() + outcome
}
