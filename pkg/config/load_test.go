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
	return Options{Protocols: []Protocol{toy("Http1")}, StreamFilters: []string{"fault"}}
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

// TestRelativePaths: they start at the file's folder, or, if there is nothing, at that which the process was started in.
func TestRelativePaths(t *testing.T) {
	file, started := t.TempDir(), t.TempDir()
	t.Chdir(started)
	put := func(path string) {
		t.Helper()
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "c.json"), []byte(`{"name": "`+filepath.Base(filepath.Dir(path))+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (*Config, error) {
		c, _, err := Parse(filepath.Join(file, "weir.json"), []byte(`{"pid": "x.pid", "servers": [{}], "consul": {"token_file": "clusters/c.json"},
			"cluster_manager": {"clusters_configs": "clusters"}}`), testOptions())
		return c, err
	}
	if _, err := load(); err == nil {
		t.Error("a folder that is nowhere is read")
	}
	for _, folder := range []string{started, file} { // the file's folder comes first
		put(filepath.Join(folder, "clusters"))
		c, err := load()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.ClusterManager.Clusters[0].Name, filepath.Base(folder); got != want {
			t.Errorf("the cluster of %s is read, want that of %s", got, want)
		}
		if got, want := c.Consul.TokenFile, filepath.Join(folder, "clusters/c.json"); got != want {
			t.Errorf("token_file %s, want %s", got, want)
		}
		if got, want := c.PID, filepath.Join(file, "x.pid"); got != want {
			t.Errorf("pid %s, want %s", got, want)
		}
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
