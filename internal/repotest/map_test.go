package repotest

import (
	"os"
	"path"
	"strings"
	"testing"
)

// TestMap checks that every folder with Go code is on the map in ARCHITECTURE.md: those right below pkg, internal, test and cmd, and
// the others at the top.
func TestMap(t *testing.T) {
	data, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n## The map\n")
	text, _, found := strings.Cut(text, "\n## ")
	if !found {
		t.Fatal("ARCHITECTURE.md has no map")
	}
	for folder := range folders(sources(t)) {
		if !strings.Contains(text, "`"+folder+"`") {
			t.Errorf("%s is not on the map", folder)
		}
	}
	for folder := range folders([]*source{{name: "pkg/nowhere/deep/a.go"}}) {
		if folder != "pkg/nowhere" || strings.Contains(text, folder) {
			t.Errorf("pkg/nowhere is taken for %s", folder)
		}
	}
}

// folders are those that the map must have.
func folders(files []*source) map[string]bool {
	all := make(map[string]bool)
	for _, s := range files {
		parts := strings.Split(path.Dir(s.name), "/")
		switch parts[0] {
		case "pkg", "internal", "test", "cmd":
			parts = parts[:min(len(parts), 2)]
		default:
			parts = parts[:1]
		}
		all[path.Join(parts...)] = true
	}
	return all
}
