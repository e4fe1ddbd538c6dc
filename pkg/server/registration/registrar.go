package registration

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
)

// registrar is one with what it was made of.
type registrar struct {
	*consul.Registrar
	settings   string
	agent      string                // which one it is
	configured []config.Registration // that it was told of
}

func newRegistrar(c *config.Consul, log *slog.Logger) (*registrar, error) {
	made, err := consul.NewRegistrar(c, log)
	if err != nil {
		return nil, err
	}
	return &registrar{Registrar: made, settings: c.AgentSettings(), agent: config.Settings(c.Scheme, c.Address, c.Namespace, c.Partition)}, nil
}

// reaches reports whether it reaches the agent as a configuration says.
func (r *registrar) reaches(c *config.Consul) bool {
	return r != nil && r.settings == c.AgentSettings()
}

// withdrawal is for how long an agent is waited for that is to withdraw something.
const withdrawal = 2 * time.Second

// retire withdraws what is announced, but for what another registrar goes on with, and
// closes the registrar.
func (r *registrar) retire(ctx context.Context, keep map[string]bool) {
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, withdrawal)
	defer cancel()
	if len(keep) == 0 {
		_ = r.Deregister(ctx) // the failure is in the log
		return
	}
	r.Set(slices.DeleteFunc(slices.Clone(r.configured), func(c config.Registration) bool { return !keep[c.InstanceID()] }))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	others := func(s consul.RegistrationState) bool { return !keep[s.ID] }
	for slices.ContainsFunc(r.State(), others) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
