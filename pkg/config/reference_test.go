package config_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/config/configtest"
)

// TestReference checks that the reference in configs/README.md is what the comments and the defaults say. Protocols document their
// settings behind it.
func TestReference(t *testing.T) {
	const (
		start = "<!-- The rest is made from the comments in pkg/config/types*.go: go test ./pkg/config -run TestReference -update -->\n"
		end   = "\n## Settings of protocols\n"
	)
	all := config.Default[config.Config]()
	r := configtest.NewReference(t, 2)
	r.Section("the whole file", "", &all)
	r.Check("configs/README.md", start, end, config.Update())
}
