package admin

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"
)

type numbers = map[string]map[string]int64

func TestStatsFilter(t *testing.T) {
	w := newWorld(t)
	for target, want := range map[string][]string{
		"stats":                                    {"downstream.listener.egress/a", "downstream.listener.idle", "downstream.listener.ingress", "upstream.cluster.backend"},
		"stats?key=":                               {"downstream.listener.egress/a", "downstream.listener.idle", "downstream.listener.ingress", "upstream.cluster.backend"},
		"stats?key=downstream":                     {"downstream.listener.egress/a", "downstream.listener.idle", "downstream.listener.ingress"},
		"stats?key=downstream.listener.ingress":    {"downstream.listener.ingress"},
		"stats_glob?key=*.eg*":                     {"downstream.listener.egress/a"},
		"stats_glob?key=*listener.i*":              {"downstream.listener.idle", "downstream.listener.ingress"},
		"stats_glob?key=upstream.cluster.?ackend*": {"upstream.cluster.backend"},
	} {
		got := decode[numbers](t, get(w, "/api/v1/"+target))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
	for _, target := range []string{"stats?key=downstream.listener.ingress.request_total", "stats_glob?key=*in*.request_t?tal"} {
		got := decode[numbers](t, get(w, "/api/v1/"+target))
		if diff := cmp.Diff(numbers{"downstream.listener.ingress": {"request_total": 3}}, got); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
}

func TestStatsText(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{"stats?key=upstream.cluster.backend.request_retry", "stats_glob?key=*request_retry"} {
		answer := get(w, "/api/v1/"+target+"&format=text")
		if got := answer.Body.String(); got != "upstream.cluster.backend.request_retry: 5\n" || answer.Header().Get("Content-Type") != typeText {
			t.Errorf("%s: %v %q", target, answer.Header(), got)
		}
	}
}

func TestStatsTotals(t *testing.T) {
	w := newWorld(t)
	sums := decode[map[string]int64](t, get(w, "/api/v1/stats_glob?format=json"))
	for key, want := range map[string]int64{
		"request_total": 7, "request_active": 1, "connection_total": 0,
		"request_time_total": 7e6, "request_time_min": 1e6, "request_time_max": 4e6, "process_time_min": 0,
	} {
		if got, ok := sums[key]; !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", key, got, ok, want)
		}
	}
	if _, ok := sums["request_retry"]; ok {
		t.Error("a cluster's retries are among the totals of listeners")
	}
	text := get(w, "/api/v1/stats_glob").Body.String()
	if !strings.Contains(text, "\nrequest_total:7\n") || strings.Count(text, "\n") != len(sums) {
		t.Errorf("totals as text: %s", text)
	}
}

func TestStatsRefusals(t *testing.T) {
	w := newWorld(t)
	for target, want := range map[string]struct {
		status int
		part   string
	}{
		"stats?key=downstream.listener.ingres":        {http.StatusNotFound, `did you mean \"downstream.listener.ingress\"?`},
		"stats?key=downstream.listener.ingr*":         {http.StatusNotFound, "no statistic has the name"},
		"stats?key=down":                              {http.StatusNotFound, "no statistic has the name down\"\n"},
		"stats?kye=x":                                 {http.StatusBadRequest, `did you mean \"key\"?`},
		"stats?format=xml":                            {http.StatusBadRequest, "json or text"},
		"stats?key=a&key=b":                           {http.StatusBadRequest, "more than once"},
		"stats_glob?key=nothing*":                     {http.StatusNotFound, "no statistic has the name nothing*"},
		"stats_glob?format=xml":                       {http.StatusBadRequest, "json or text"},
		"stats_glob?glob=x":                           {http.StatusBadRequest, "no parameter glob"},
		"stats_glob?key=" + strings.Repeat("*a", 129): {http.StatusBadRequest, "longer than 256 bytes"},
	} {
		t.Run(target, func(t *testing.T) { mustStatus(t, get(w, "/api/v1/"+target), want.status, want.part) })
	}
}

// brokenStats fail after they have written something.
type brokenStats struct{}

func (brokenStats) WriteJSON(w io.Writer, _ func(set, key string) bool) error {
	_, _ = io.WriteString(w, "{")
	return errDisk
}

func (b brokenStats) WriteText(w io.Writer, keep func(set, key string) bool) error {
	return b.WriteJSON(w, keep)
}

func TestStatsFail(t *testing.T) {
	w := newWorld(t)
	w.options.Statistics = brokenStats{}
	for _, target := range []string{"stats", "stats?format=text", "stats_glob", "stats_glob?key=*"} {
		answer := get(w, "/api/v1/"+target)
		mustStatus(t, answer, http.StatusInternalServerError, "internal error; the log has the reason")
		if !bytes.HasPrefix(answer.Body.Bytes(), []byte("{\n\t\"error\"")) || strings.Contains(answer.Body.String(), "disk") {
			t.Errorf("%s: %s", target, answer.Body)
		}
	}
	if got := strings.Count(w.log.String(), errDisk.Error()); got != 4 {
		t.Errorf("the log names the reason %d times: %s", got, w.log)
	}
}

// TestMatch compares match with regular expressions.
func TestMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*?]{0,10}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab./]{0,12}`).Draw(t, "name")
		e := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		if want := regexp.MustCompile(`\A(?s:` + e + `)\z`).MatchString(name); match(pattern, name) != want {
			t.Fatalf("%q on %q: want %v", pattern, name, want)
		}
	})
}

// TestMatchCost matches the worst of patterns against the worst of names; with backtracking it would not end.
func TestMatchCost(t *testing.T) {
	if match(strings.Repeat("a*", maxPattern/2-1)+"b", strings.Repeat("a", 10_000)) {
		t.Error("matched")
	}
}

// halfGatherer yields a family and an error, as a registry does of which one collector fails.
type halfGatherer struct{ prometheus.Gatherer }

func (g halfGatherer) Gather() ([]*dto.MetricFamily, error) {
	families, err := g.Gatherer.Gather()
	return families, errors.Join(err, errDisk)
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	answer := get(w, "/metrics")
	mustStatus(t, answer, http.StatusOK, "\ngo_goroutines ")
	mustStatus(t, answer, http.StatusOK, "\nprocess_start_time_seconds ")

	options := w.options
	options.Metrics = halfGatherer{options.Metrics}
	mustStatus(t, get(New(options), "/metrics"), http.StatusOK, `weir_downstream_request_total{listener="ingress"} 3`)
	if !strings.Contains(w.log.String(), errDisk.Error()) {
		t.Errorf("the log does not say what failed: %s", w.log)
	}
}
