package standard

import (
	"flag"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/config/configtest"
)

var update = flag.Bool("update", false, "rewrite what protocols add to configs/README.md")

// TestReference checks that the settings of all protocols are documented in configs/README.md as their comments and defaults say.
func TestReference(t *testing.T) {
	const start = "<!-- The rest is made from the comments of the protocols' settings: go test ./pkg/standard -run TestReference -update -->\n"
	r := configtest.NewReference(t, 2)
	all := Registry().Protocols
	for _, p := range all {
		section(r, p.Name, "servers[].listeners[].filter_chains[].filters[].config.extend_config", p.Listener(nil, new(config.Report)))
	}
	for _, p := range all {
		section(r, p.Name, "cluster_manager.clusters[].extend_config", p.Cluster(nil, nil, new(config.Report)))
	}
	r.Check("configs/README.md", start, "", *update)
}

func section(r *configtest.Reference, name, path string, settings any) {
	r.Section("`"+path+"` for "+name, path, settings)
}
