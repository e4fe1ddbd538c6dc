package admin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirproxy/weir/pkg/config"
)

// stats shows statistics: all of them, or what stands below a name, at a dot.
func (s *Server) stats(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "key", "format")
	if !ok {
		return
	}
	key := q.Get("key")
	if q.Get("format") == "mosn" {
		s.statsOfMOSN(w, key)
		return
	}
	text, ok := s.format(w, q)
	if !ok {
		return
	}
	s.filtered(w, text, key, func(name string) bool { return key == "" || strings.HasPrefix(name+".", key+".") })
}

// statsGlob shows the statistics whose names match a pattern, in which * stands for any text and ? for any one byte. Without a
// pattern it shows what MOSN does: the totals of the whole proxy.
func (s *Server) statsGlob(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "key", "format")
	if !ok {
		return
	}
	text, ok := s.format(w, q)
	if !ok {
		return
	}
	pattern := q.Get("key")
	switch {
	case pattern == "":
		s.totals(w, q.Get("format") == "json")
	case len(pattern) > maxPattern:
		s.fail(w, http.StatusBadRequest, fmt.Sprintf("the pattern is longer than %d bytes", maxPattern), "")
	default:
		s.filtered(w, text, pattern, func(name string) bool { return match(pattern, name) })
	}
}

// maxPattern bounds what matching costs: the product of a pattern's length and a name's.
const maxPattern = 256

// match reports whether a name matches a pattern. What did not match is tried again with the last * one byte longer; a * before that
// need never change, so the time is at most the product of the lengths.
func match(pattern, name string) bool {
	p, n, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// filtered shows the statistics whose names are wanted. If there are none although some were asked for, it is not found.
func (s *Server) filtered(w http.ResponseWriter, text bool, asked string, wanted func(name string) bool) {
	contentType, write := typeJSON, s.options.Statistics.WriteJSON
	if text {
		contentType, write = typeText, s.options.Statistics.WriteText
	}
	page := s.buffers.Get()
	defer s.buffers.Put(page)
	found, sets := asked == "", make(map[string]bool)
	err := write(page, func(set, key string) bool {
		sets[set] = true
		keep := wanted(set + "." + key)
		found = found || keep
		return keep
	})
	switch {
	case err != nil:
		s.broken(w, err)
	case !found:
		s.fail(w, http.StatusNotFound, "no statistic has the name "+brief(asked), config.DidYouMean(asked, slices.Sorted(maps.Keys(sets))))
	default:
		send(w, http.StatusOK, contentType, page.B)
	}
}

// totals shows the sums over all listeners: in MOSN's form, a line each, unless JSON is asked for.
func (s *Server) totals(w http.ResponseWriter, asJSON bool) {
	sums, err := s.sumListeners()
	if err != nil {
		s.broken(w, err)
		return
	}
	if asJSON {
		s.json(w, http.StatusOK, sums)
		return
	}
	b := s.buffers.Get()
	defer s.buffers.Put(b)
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		b.B = fmt.Appendf(b.B, "%s:%d\n", key, sums[key])
	}
	send(w, http.StatusOK, typeText, b.B)
}

func (s *Server) sumListeners() (map[string]int64, error) {
	page := s.buffers.Get()
	defer s.buffers.Put(page)
	err := s.options.Statistics.WriteJSON(page, func(set, _ string) bool { return strings.HasPrefix(set, "downstream.listener.") })
	if err != nil {
		return nil, err
	}
	var sets map[string]map[string]int64
	if err := json.Unmarshal(page.B, &sets); err != nil {
		return nil, err
	}
	sums := make(map[string]int64)
	for _, set := range sets {
		for key, v := range set {
			addTotal(sums, key, v)
		}
	}
	return sums, nil
}

// addTotal adds a listener's value. Of times only the sum and the extremes can be joined, not the percentiles.
func addTotal(sums map[string]int64, key string, v int64) {
	name, suffix, _ := strings.Cut(key, ".")
	switch suffix {
	case "":
		sums[key] += v
	case "max":
		sums[name+"_max"] = max(sums[name+"_max"], v)
	case "min":
		// A listener without requests has no least time.
		if least := sums[name+"_min"]; least == 0 || v > 0 && v < least {
			sums[name+"_min"] = v
		}
	}
}

func (s *Server) metricsPath() string {
	if s.options.MetricsPath == "" {
		return "/metrics"
	}
	return s.options.MetricsPath
}

// metricsPage is what Prometheus scrapes. If one collector fails, the others are shown, and the log says what failed.
func (s *Server) metricsPage() http.HandlerFunc {
	return promhttp.HandlerFor(s.options.Metrics, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(s.log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError,
	}).ServeHTTP
}
