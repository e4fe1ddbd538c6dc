package metrics

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// percents are those that pages give of times, as MOSN does.
var percents = []struct {
	name string
	q    float64
}{{"50.00%", 0.5}, {"75.00%", 0.75}, {"95.00%", 0.95}, {"99.00%", 0.99}, {"99.90%", 0.999}}

// WriteJSON writes statistics as one object of objects of numbers:
//
//	{"downstream.listener.X": {"request_total": 1, ...}, ...}
//
// Times are in nanoseconds: the sum as request_time_total, and request_time.min,
// .max and percentiles. keep tells which statistics are wanted; nil is all.
func (r *Registry) WriteJSON(w io.Writer, keep func(set, key string) bool) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false)
	return e.Encode(r.page(keep))
}

// WriteText writes what WriteJSON does as lines of text, in order:
//
//	downstream.listener.X.request_total: 1
func (r *Registry) WriteText(w io.Writer, keep func(set, key string) bool) error {
	var lines []string
	for set, stats := range r.page(keep) {
		for key, v := range stats {
			// Quoted, a name with a line end in it stays one line.
			name := strings.Trim(strconv.Quote(set+"."+key), `"`)
			lines = append(lines, fmt.Sprintf("%s: %v\n", name, v))
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) page(keep func(set, key string) bool) map[string]map[string]any {
	page := make(map[string]map[string]any)
	r.each(func(set, key string, v any) {
		if keep != nil && !keep(set, key) {
			return
		}
		stats := page[set]
		if stats == nil {
			stats = make(map[string]any)
			page[set] = stats
		}
		h, ok := v.(*Histogram)
		if !ok {
			stats[key] = v
			return
		}
		stats[key+"_total"] = h.Sum()
		stats[key+".min"] = h.Min().Nanoseconds()
		stats[key+".max"] = h.Max().Nanoseconds()
		for _, p := range percents {
			stats[key+"."+p.name] = h.Quantile(p.q).Nanoseconds()
		}
	})
	return page
}
