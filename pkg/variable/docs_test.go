package variable

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumented holds the table of docs/variables.md against the names that there are.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/variables.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		first, _, _ := strings.Cut(line[2:], "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			documented = append(documented, strings.TrimSuffix(m[1], "X"))
		}
	}
	var known []string
	for _, e := range table {
		known = append(known, e.name)
		if !slices.Contains(documented, e.name) {
			t.Errorf("docs/variables.md does not have %s", e.name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(known, name) {
			t.Errorf("docs/variables.md has %s, which there is not", name)
		}
	}
}
