package consultest

import (
	"testing"

	"github.com/hashicorp/consul/api"
)

// bootstrap is the token of agents of [StartACL] that may do anything.
const bootstrap = "6d0c7f9e-93a1-4d2b-8f3e-2f1c5a7b9d01"

// StartACL runs an agent that allows nothing without a token.
func StartACL(t testing.TB) *Agent {
	t.Helper()
	ports := freePorts(t, 3)
	settings := base("dev", ports[0], ports[1], ports[2])
	settings["acl"] = map[string]any{
		"enabled": true, "default_policy": "deny",
		"tokens": map[string]string{"initial_management": bootstrap, "agent": bootstrap},
	}
	a := newAgent(t, settings, ports[0], "-dev")
	a.connect(bootstrap)
	a.start()
	a.await("accepts its bootstrap token", func() bool {
		_, _, err := a.Client.ACL().TokenReadSelf(nil)
		return err == nil
	})
	return a
}

// NewToken makes a token with a policy of these rules, in Consul's language, and
// returns its secret and how to delete it.
func (a *Agent) NewToken(name, rules string) (secret string, remove func()) {
	a.t.Helper()
	policy, _, err := a.Client.ACL().PolicyCreate(&api.ACLPolicy{Name: name, Rules: rules}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	token, _, err := a.Client.ACL().TokenCreate(&api.ACLToken{
		Description: name, Policies: []*api.ACLTokenPolicyLink{{ID: policy.ID}},
	}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return token.SecretID, func() {
		a.t.Helper()
		if _, err := a.Client.ACL().TokenDelete(token.AccessorID, nil); err != nil {
			a.t.Fatal(err)
		}
	}
}
