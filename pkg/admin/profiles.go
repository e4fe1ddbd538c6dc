package admin

import (
	"net/http"
	"net/http/pprof"
	profile "runtime/pprof"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

const pprofPath = "/debug/pprof/"

// profiles are the endpoints of net/http/pprof. It offers them on http.DefaultServeMux as well, which nobody serves.
func (s *Server) profiles() []endpoint {
	symbol := show(pprofPath+"symbol", "", "names of the program counters in the query or the body", pprof.Symbol)
	symbol.methods = append(symbol.methods, http.MethodPost) // it changes nothing: `go tool pprof` sends long lists in bodies
	return []endpoint{
		show(pprofPath, "", "profiles: a list of them, and each by its name", s.namedProfile),
		show(pprofPath+"cmdline", "", "command line of the process", pprof.Cmdline),
		show(pprofPath+"profile", "seconds=", "profile of the processor time", pprof.Profile),
		symbol,
		show(pprofPath+"trace", "seconds=", "execution trace", pprof.Trace),
	}
}

// namedProfile shows the list, or a profile of package runtime/pprof.
func (s *Server) namedProfile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, pprofPath)
	if name != "" && profile.Lookup(name) == nil {
		names := []string{"cmdline", "profile", "symbol", "trace"}
		for _, p := range profile.Profiles() {
			names = append(names, p.Name())
		}
		s.fail(w, http.StatusNotFound, "there is no profile "+brief(name), config.DidYouMean(name, names))
		return
	}
	pprof.Index(w, r)
}
