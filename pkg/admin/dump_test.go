package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

func TestConfigDump(t *testing.T) {
	w := newWorld(t)
	want, err := config.Dump(w.process.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/api/v1/config_dump", "/api/v1/config_dump?mosnconfig", "/api/v1/config_dump?mosnconfig="} {
		answer := get(w, target)
		mustStatus(t, answer, http.StatusOK, "")
		if diff := cmp.Diff(string(want), answer.Body.String()); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
}

func TestConfigDumpAll(t *testing.T) {
	w := newWorld(t)
	for kind, want := range map[string][]string{
		"allrouters":   {"inward", "outward"},
		"allclusters":  {"<other>", "backend"},
		"alllisteners": {"egress", "ingress"},
	} {
		got := decode[map[string]map[string]any](t, get(w, "/api/v1/config_dump?"+kind))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		// One alone is what it is among all.
		for _, name := range want {
			one := decode[map[string]any](t, get(w, "/api/v1/config_dump?"+strings.TrimSuffix(kind[len("all"):], "s")+"="+name))
			if diff := cmp.Diff(got[name], one); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	cluster := decode[map[string]any](t, get(w, "/api/v1/config_dump?cluster=backend"))
	if cluster["name"] != "backend" || len(cluster["hosts"].([]any)) != 1 {
		t.Errorf("cluster %v", cluster)
	}
}

func TestConfigDumpRefusals(t *testing.T) {
	w := newWorld(t)
	for query, want := range map[string]struct {
		status int
		part   string
	}{
		"cluster=bakend":              {http.StatusNotFound, `did you mean \"backend\"?`},
		"router=inwards":              {http.StatusNotFound, `did you mean \"inward\"?`},
		"listener=":                   {http.StatusNotFound, "there is no listener"},
		"listener=quite+another":      {http.StatusNotFound, "there is no listener quite another\"\n"},
		"allcluster":                  {http.StatusBadRequest, `did you mean \"allclusters\"?`},
		"allclusters&allrouters":      {http.StatusBadRequest, "one parameter at a time"},
		"cluster=backend&cluster=two": {http.StatusBadRequest, "more than once"},
		"cluster=a;b":                 {http.StatusBadRequest, "query cannot be read"},
	} {
		t.Run(query, func(t *testing.T) {
			mustStatus(t, get(w, "/api/v1/config_dump?"+query), want.status, want.part)
		})
	}
	w.process.config = nil
	mustStatus(t, get(w, "/api/v1/config_dump"), http.StatusServiceUnavailable, "no configuration yet")
}

// TestNoSecrets looks for the secrets of the configuration in everything there is.
func TestNoSecrets(t *testing.T) {
	w := newWorld(t)
	targets := []string{"/api/v1/config_dump?allrouters", "/api/v1/config_dump?allclusters", "/api/v1/config_dump?alllisteners",
		"/api/v1/config_dump?router=outward", "/api/v1/config_dump?cluster=backend"}
	for _, e := range w.endpoints {
		if !strings.HasPrefix(e.path, pprofPath) {
			targets = append(targets, e.path)
		}
	}
	redacted := 0
	for _, target := range targets {
		body := get(w, target).Body.String()
		if strings.Contains(body, "hush") {
			t.Errorf("%s has a secret: %s", target, body)
		}
		redacted += strings.Count(body, "<redacted>")
	}
	// Three in the whole; one in all routers, in the router, in all clusters and in the cluster.
	if redacted != 7 {
		t.Errorf("%d secrets were taken out, want 7", redacted)
	}
	if strings.Contains(w.log.String(), "hush") {
		t.Errorf("the log has a secret: %s", w.log)
	}
}

func TestByNameOfNoObject(t *testing.T) {
	if _, err := byName([]json.RawMessage{[]byte(`1`)}); err == nil {
		t.Error("a number has a name")
	}
}
