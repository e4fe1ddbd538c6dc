package clusters

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// newHeld returns a subscription that is held, with a log.
func newHeld(before ...string) (*subscription, *strings.Builder) {
	var log strings.Builder
	d := newDiscoveryManager(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Ending: context.Background()})
	m := members.New("c", 1)
	m.SetHosts(hostsAt(before...))
	s := d.newSubscription(&config.Cluster{Name: "c"}, m, nil)
	s.held = true
	return s, &log
}

func hostsAt(addresses ...string) (hosts []discovery.Host) {
	for _, a := range addresses {
		hosts = append(hosts, discovery.Host{Address: a, Weight: 1})
	}
	return hosts
}

// has returns the addresses of a subscription's members.
func (s *subscription) has() string {
	var all []string
	for _, h := range s.members.Current().Hosts {
		if h != nil {
			all = append(all, h.Address)
		}
	}
	return strings.Join(all, " ")
}

// TestHeld: of what is delivered before the release, the members get the last, and
// nothing sooner; from then on they get all.
func TestHeld(t *testing.T) {
	s, _ := newHeld("127.0.0.1:1")
	if s.delivered() {
		t.Error("something is delivered already")
	}
	s.Hosts(hostsAt("127.0.0.1:2"))
	s.Hosts(hostsAt("127.0.0.1:3"))
	if !s.delivered() || s.has() != "127.0.0.1:1" {
		t.Errorf("before the release the hosts are %s", s.has())
	}
	s.release()
	if s.has() != "127.0.0.1:3" || s.kept != nil {
		t.Errorf("after the release they are %s", s.has())
	}
	s.Hosts(hostsAt("127.0.0.1:4"))
	if state := s.current(); s.has() != "127.0.0.1:4" || state.Deliveries != 3 || !state.Ready {
		t.Errorf("after a delivery they are %s: %+v", s.has(), state)
	}
}

// TestHeldInVain: a release without a delivery leaves the hosts as they are, and a
// delivery without hosts is judged when it is taken.
func TestHeldInVain(t *testing.T) {
	s, _ := newHeld("127.0.0.1:1")
	s.release()
	if s.has() != "127.0.0.1:1" {
		t.Errorf("the hosts are %s", s.has())
	}
	s, log := newHeld("127.0.0.1:1")
	s.Hosts(nil)
	if s.current().Refused || log.Len() > 0 {
		t.Errorf("a delivery that is held is refused: %s", log)
	}
	s.release()
	if !s.current().Refused || s.has() != "127.0.0.1:1" || !strings.Contains(log.String(), "allow_empty") {
		t.Errorf("the hosts are %s: %s", s.has(), log)
	}
}

// TestHeldFailure: a failure after a delivery is still one after the release.
func TestHeldFailure(t *testing.T) {
	s, _ := newHeld()
	away := errors.New("away")
	s.Hosts(hostsAt("127.0.0.1:1"))
	s.Failed(away)
	s.release()
	if state := s.current(); !errors.Is(state.Failing, away) || state.Since.IsZero() || s.has() != "127.0.0.1:1" {
		t.Errorf("the hosts are %s: %+v", s.has(), state)
	}
}
