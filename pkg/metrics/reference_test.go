package metrics

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

const (
	referenceFile  = "../../docs/metrics.md"
	referenceStart = "<!-- The rest is made from pkg/metrics: go test ./pkg/metrics -run TestReference -update -->\n"
)

// TestReference checks that the tables in docs/metrics.md are what is published.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	head, old, found := strings.Cut(string(data), referenceStart)
	if !found {
		t.Fatalf("%s has no line %q", referenceFile, referenceStart)
	}
	made := reference()
	for _, name := range regexp.MustCompile("weir_(up|down)stream_[a-z_]*[a-z]").FindAllString(head, -1) {
		if !strings.Contains(made, "`"+name+"`") && !strings.Contains(made, "`"+name+"{") && name != "weir_upstream_host" {
			t.Errorf("%s is to be watched, and not published", name)
		}
	}
	if *update {
		if err := os.WriteFile(referenceFile, []byte(head+referenceStart+made), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != made {
		t.Errorf("%s is not current: run the test with -update", referenceFile)
	}
}

// reference is a table for each of the schemas.
func reference() string {
	var b strings.Builder
	r := NewRegistry(Options{})
	for _, s := range []struct {
		title string
		*schema
	}{
		{"Listeners", r.listeners}, {"Routes", r.routes}, {"Clusters", r.clusters}, {"Hosts", r.hosts}, {"gRPC calls", r.calls},
	} {
		fmt.Fprintf(&b, "\n## %s\n\nLabels: `%s`. In `/api/v1/stats`: `%s.…`.\n\n", s.title, strings.Join(s.labels, "`, `"), pattern(s.schema))
		b.WriteString("| Prometheus | in `/api/v1/stats` | type | |\n|---|---|---|---|\n")
		last := ""
		for _, f := range s.zero.stats() {
			family := s.family(&f)
			if f.label == "" || family != last {
				fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", shown(family, &f), f.key, kindOf(&f), f.help)
			}
			last = family
		}
	}
	return b.String()
}

func pattern(s *schema) string {
	zero := set{schema: s}
	for _, label := range s.labels {
		zero.values = append(zero.values, strings.ToUpper(label))
	}
	return zero.name()
}

// shown is a family with the label that tells its counters apart.
func shown(family string, f *stat) string {
	if f.label == "" {
		return family
	}
	return family + "{" + f.label + "}"
}

func kindOf(f *stat) string {
	switch f.at.(type) {
	case *uint64:
		return "counter"
	case *int64:
		return "gauge"
	}
	return "histogram"
}
