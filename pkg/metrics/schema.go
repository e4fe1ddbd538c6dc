package metrics

import "strings"

// schema says how one of the structs of statistics is published.
type schema struct {
	group  string   // what its sets are called by: downstream, upstream
	prefix string   // of its families in Prometheus
	labels []string // what its sets differ by
	zero   statistics
}

// family is the name that a field has in Prometheus.
func (s *schema) family(f *stat) string {
	switch f.label {
	case "class":
		return s.prefix + "response_total"
	case "code":
		return s.prefix + "response_code_total"
	case "status":
		return s.prefix + "response_status_total"
	}
	switch f.at.(type) {
	case *uint64:
		return s.prefix + strings.TrimSuffix(f.key, "_total") + "_total"
	case *Histogram:
		return s.prefix + f.key + "_seconds"
	}
	return s.prefix + f.key
}

// merge adds the statistics of src to those of dst, which is of the same type.
func merge(dst, src statistics) {
	to, from := dst.stats(), src.stats()
	for i := range to {
		switch p := to[i].at.(type) {
		case *uint64:
			*p += *from[i].at.(*uint64)
		case *int64:
			*p += *from[i].at.(*int64)
		case *Histogram:
			p.Merge(from[i].at.(*Histogram))
		}
	}
}

// set is the sum of the statistics of one listener, route, cluster or host.
type set struct {
	schema *schema
	values []string // of the labels
	statistics
}

// name is what the set is called where there are no labels:
// downstream.listener.X.
func (s *set) name() string {
	var b strings.Builder
	b.WriteString(s.schema.group)
	for i, label := range s.schema.labels {
		b.WriteString("." + label + "." + s.values[i])
	}
	return b.String()
}
