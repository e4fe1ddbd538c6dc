package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const configsDir = "../../configs"

// seedFuzz seeds a fuzz target with the configurations of the repository.
func seedFuzz(f *testing.F, ext string) {
	f.Helper()
	paths, err := filepath.Glob(configsDir + "/*" + ext)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	scripts, err := filepath.Glob("testdata/load/*.script")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range scripts {
		for _, file := range readScript(f, path).files {
			if filepath.Ext(file.name) == ext {
				f.Add([]byte(file.text))
			}
		}
	}
}

func loadConfigs(t *testing.T, name string) *Config {
	t.Helper()
	c, report, err := Load(filepath.Join(configsDir, name), testOptions())
	if err != nil || len(report.Problems()) > 0 {
		t.Fatalf("%s must load without a word: %v", name, report.Problems())
	}
	return c
}

// TestQuickstart: the configuration to start from loads without a warning, and says the same in JSON and in YAML.
func TestQuickstart(t *testing.T) {
	fromJSON, fromYAML := loadConfigs(t, "quickstart.json"), loadConfigs(t, "quickstart.yaml")
	if diff := cmp.Diff(fromJSON, fromYAML, ignoreSources()); diff != "" {
		t.Errorf("quickstart.json and quickstart.yaml differ:\n%s", diff)
	}
	if got := len(fromJSON.Servers[0].Routers[0].VirtualHosts[0].Routes); got != 7 {
		t.Errorf("%d routes, want 7", got)
	}
}

// TestNothingChanges: a text that is refused yields no configuration, and a text is never written to.
func TestNothingChanges(t *testing.T) {
	for _, text := range []string{minimal, strings.Replace(minimal, `"servers"`, `"serves"`, 1), minimal[:100]} {
		data := []byte(text)
		c, _, err := Parse("weir.json", data, testOptions())
		if (c == nil) != (err != nil) {
			t.Errorf("a configuration must be returned exactly if there is no error: %v", err)
		}
		if !bytes.Equal(data, []byte(text)) {
			t.Error("the text was written to")
		}
	}
}

func TestLoadMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	_, report, err := Load(path, Options{})
	if want := path + ": cannot be read: no such file or directory"; err == nil || err.Error() != want || len(report.Problems()) != 1 {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, _, err := Load(t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// TestChecks: checks of the caller see a configuration with errors, and their problems are reported with all others, in order.
func TestChecks(t *testing.T) {
	o := testOptions()
	o.Checks = []func(*Config, *Report){func(c *Config, r *Report) {
		r.Errorf(c.Servers[0].Listeners[0].At("address"), "refused by the caller")
	}}
	text := strings.Replace(minimal, `"cluster_manager"`, `"cluster_manger"`, 1)
	c, report, err := Parse("weir.json", []byte(text), o)
	if c != nil || err == nil {
		t.Fatal("accepted")
	}
	var lines []int
	for _, p := range report.Problems() {
		if p.Severity == Error {
			lines = append(lines, p.Line)
		}
	}
	if diff := cmp.Diff([]int{5, 9, 11}, lines); diff != "" {
		t.Errorf("%v\nlines (-want +got):\n%s", report.Problems(), diff)
	}
}
