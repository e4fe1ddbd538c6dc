package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/weirproxy/weir/pkg/config"
)

// parts are the parameters of a configuration dump: the whole, all parts of a kind by their names, and one of them by its name.
var parts = [...]struct {
	all, one string
	of       func(*dumped) (map[string]json.RawMessage, error)
}{
	{"allrouters", "router", func(d *dumped) (map[string]json.RawMessage, error) {
		return byName(d.servers(func(s *dumpedServer) []json.RawMessage { return s.Routers }))
	}},
	{"allclusters", "cluster", func(d *dumped) (map[string]json.RawMessage, error) { return byName(d.ClusterManager.Clusters) }},
	{"alllisteners", "listener", func(d *dumped) (map[string]json.RawMessage, error) {
		return byName(d.servers(func(s *dumpedServer) []json.RawMessage { return s.Listeners }))
	}},
}

// dumped are the parts of a dump that can be asked for alone. They are cut out of the dump itself, so that nothing reaches an answer
// that config.Dump would have hidden.
type dumped struct {
	Servers        []dumpedServer `json:"servers"`
	ClusterManager struct {
		Clusters []json.RawMessage `json:"clusters"`
	} `json:"cluster_manager"`
}

type dumpedServer struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routers   []json.RawMessage `json:"routers"`
}

func (d *dumped) servers(of func(*dumpedServer) []json.RawMessage) []json.RawMessage {
	var all []json.RawMessage
	for i := range d.Servers {
		all = append(all, of(&d.Servers[i])...)
	}
	return all
}

func byName(list []json.RawMessage) (map[string]json.RawMessage, error) {
	named := make(map[string]json.RawMessage, len(list))
	for _, part := range list {
		var names struct {
			Name   string `json:"name"`
			Router string `json:"router_config_name"`
		}
		if err := json.Unmarshal(part, &names); err != nil {
			return nil, err
		}
		named[names.Name+names.Router] = part // a part has one of them
	}
	return named, nil
}

// configDump shows the configuration in effect, or the part of it that the one parameter names.
func (s *Server) configDump(w http.ResponseWriter, r *http.Request) {
	known := []string{"mosnconfig"}
	for _, p := range parts {
		known = append(known, p.all, p.one)
	}
	q, ok := s.query(w, r, known...)
	if !ok {
		return
	}
	if len(q) > 1 {
		s.fail(w, http.StatusBadRequest, "one parameter at a time", "")
		return
	}
	c := s.options.Process.Config()
	if c == nil {
		s.fail(w, http.StatusServiceUnavailable, "there is no configuration yet", "")
		return
	}
	dump, err := config.Dump(c)
	if err != nil {
		s.broken(w, err)
		return
	}
	for _, p := range parts {
		if q.Has(p.all) || q.Has(p.one) {
			s.dumpPart(w, dump, p.of, p.one, q.Get(p.one), q.Has(p.all))
			return
		}
	}
	send(w, http.StatusOK, typeJSON, dump)
}

func (s *Server) dumpPart(w http.ResponseWriter, dump []byte, of func(*dumped) (map[string]json.RawMessage, error), kind, name string, all bool) {
	var d dumped
	if err := json.Unmarshal(dump, &d); err != nil {
		s.broken(w, err)
		return
	}
	named, err := of(&d)
	if err != nil {
		s.broken(w, err)
		return
	}
	if all {
		s.json(w, http.StatusOK, named)
		return
	}
	part, ok := named[name]
	if !ok {
		s.fail(w, http.StatusNotFound, "there is no "+kind+" "+brief(name), config.DidYouMean(name, slices.Sorted(maps.Keys(named))))
		return
	}
	s.json(w, http.StatusOK, part)
}
