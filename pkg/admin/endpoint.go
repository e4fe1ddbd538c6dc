package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

// endpoint is one path of the interface, or all paths below one that ends in a slash.
type endpoint struct {
	path    string
	methods []string
	query   string // the parameters, for the help
	summary string
	serve   http.HandlerFunc
}

// offered lists the endpoints that the options have something for. Of several with one path, the first is taken.
func (s *Server) offered() []endpoint {
	o := &s.options
	var all []endpoint
	if o.Metrics != nil {
		all = append(all, show(s.metricsPath(), "", "statistics in Prometheus's text format", s.metricsPage()))
	}
	all = append(all, show("/", "", "this help", s.help))
	if o.Version != "" {
		all = append(all, show("/api/v1/version", "format=json|text", "version of the program and of Go", s.version))
	}
	if o.Process != nil {
		all = append(all,
			show("/api/v1/config_dump", "mosnconfig | allrouters | allclusters | alllisteners | router= | cluster= | listener=",
				"configuration in effect, or a part of it, without secrets", s.configDump),
			show("/api/v1/states", "format=json|text", "stage of the process, and its last reload; as text in MOSN's numbers", s.states),
			show("/api/v1/features", "key=", "feature gates of MOSN, all of which are off", s.features),
			show("/server_info", "", "stage of the process, as Envoy says it", s.info),
			show("/ready", "", "200 if the process takes requests, otherwise 503", s.ready))
	}
	if o.Clusters != nil {
		all = append(all,
			show("/api/v1/clusters", "name=, format=json|text", "clusters and their hosts: states and why, weights, load, where they come from", s.clusters),
			show("/api/v1/events", "cluster=, n=, format=json|text", "newest changes of hosts, oldest first", s.events))
	}
	if o.Registrations != nil {
		all = append(all, endpoint{"/api/v1/registrations", []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}, "id=",
			"services that are announced; POST announces one: " + registrationHint + "; DELETE withdraws the one of an id", s.registrations})
	}
	if o.Statistics != nil {
		all = append(all,
			show("/api/v1/stats", "key=, format=json|text|mosn", "statistics: all, or a set, or one of them", s.stats),
			show("/api/v1/stats_glob", "key=, format=json|text",
				"statistics whose names match a pattern of * and ?; without one, the totals of all listeners", s.statsGlob))
	}
	if o.Logs != nil {
		all = append(all, show("/api/v1/get_loglevel", "", "levels of the logs", s.logLevels),
			endpoint{"/api/v1/update_loglevel", []string{http.MethodPost}, "", `sets a log's level: {"log_path": "stderr", "log_level": "DEBUG"}`, s.setLogLevel},
			endpoint{"/api/v1/disable_log", []string{http.MethodPost}, "", "stops a log, whose path is the body", s.disableLog},
			endpoint{"/api/v1/enable_log", []string{http.MethodPost}, "", "lets a log that was stopped be written again", s.enableLog})
	}
	if o.Profiles {
		all = append(all, s.profiles()...)
	}
	return all
}

// show is an endpoint that changes nothing.
func show(path, query, summary string, serve http.HandlerFunc) endpoint {
	return endpoint{path, []string{http.MethodGet, http.MethodHead}, query, summary, serve}
}

// ServeHTTP implements http.Handler: it guards, then routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	if status, err := s.guard.check(r); err != nil {
		s.log.Warn("admin: request refused", "method", brief(r.Method), "path", brief(r.URL.Path), "host", brief(r.Host),
			"origin", brief(r.Header.Get("Origin")), "remote", r.RemoteAddr, "reason", err)
		s.fail(w, status, err.Error(), "")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
	e := s.find(r.URL.Path)
	switch {
	case e == nil && slices.Contains(s.paths(), r.URL.Path+"/"):
		http.Redirect(w, r, r.URL.Path+"/", http.StatusPermanentRedirect) // links of such a page are relative
	case e == nil:
		s.fail(w, http.StatusNotFound, "there is no endpoint "+brief(r.URL.Path), config.DidYouMean(r.URL.Path, s.paths()))
	case !slices.Contains(e.methods, r.Method):
		w.Header().Set("Allow", strings.Join(e.methods, ", "))
		s.fail(w, http.StatusMethodNotAllowed, brief(r.Method)+" is not a method of "+e.path, "")
	default:
		e.serve(w, r)
	}
}

// find returns the endpoint of a path: of its own, or else the one it is below of.
func (s *Server) find(path string) *endpoint {
	var below *endpoint
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.path == path {
			return e
		}
		if below == nil && e.path != "/" && strings.HasSuffix(e.path, "/") && strings.HasPrefix(path, e.path) {
			below = e
		}
	}
	return below
}

func (s *Server) paths() []string {
	var all []string
	for i := range s.endpoints {
		all = append(all, s.endpoints[i].path)
	}
	return all
}
