package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// round is one look-up of all names of a cluster.
type round struct {
	watch    *watch
	number   uint64
	start    time.Time
	jitter   float64 // of the times until names are asked for again; one for all, so that they stay together
	settings *settings
	table    hostTable

	mu       sync.Mutex
	next     time.Time // when the first answer is to be asked for again; zero: no name was asked for
	failures []error
}

// found is what a name has.
type found struct {
	addresses []netip.Addr
	services  []service
	err       error
}

// run looks up all names, and makes hosts of them. It reports whether there is
// anything to go by: not if all names have failed, and always did.
func (r *round) run(ctx context.Context) (hosts []discovery.Host, answered bool) {
	names := make(map[string]*found)
	services := make(map[string]*found)
	for i := range r.watch.entries {
		switch e := &r.watch.entries[i]; {
		case e.wrong != nil:
			r.fail(e.wrong)
		case e.service:
			services[e.name] = new(found)
		case e.name != "":
			names[e.name] = new(found)
		}
	}
	each(services, func(name string, f *found) { f.services, f.err = r.services(ctx, name) })
	keep(services, r.watch.services)
	for _, f := range services {
		for _, s := range f.services {
			if names[s.target] == nil {
				names[s.target] = new(found)
			}
		}
	}
	each(names, func(name string, f *found) { f.addresses, f.err = r.addresses(ctx, name) })
	keep(names, r.watch.names)
	if ctx.Err() == nil {
		r.watch.names, r.watch.services = names, services
	}

	set := hostSet{names: names, services: services, sorted: r.watch.cluster.Type != config.ClusterLogicalDNS}
	for i := range r.watch.entries {
		set.add(&r.watch.entries[i])
	}
	return set.hosts, set.answered || len(r.watch.entries) == 0
}

// keep puts what names had in a round before in the place of failures.
func keep(now, before map[string]*found) {
	for name, f := range now {
		if old := before[name]; f.err != nil && old != nil {
			*f = *old
		}
	}
}

// each calls do for each name, on at most mostQuestions goroutines.
func each(names map[string]*found, do func(string, *found)) {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(len(list), mostQuestions) {
		all.Go(func() {
			for i := next.Add(1); i <= int64(len(list)); i = next.Add(1) {
				do(list[i-1], names[list[i-1]])
			}
		})
	}
	all.Wait()
}

// services looks up the records of a service.
func (r *round) services(ctx context.Context, name string) ([]service, error) {
	for _, full := range r.settings.names(name) {
		a, err := r.ask(ctx, question{full, dnsmessage.TypeSRV})
		if err != nil {
			return nil, err
		}
		if !a.empty() {
			return a.services, nil
		}
	}
	return nil, nil
}

// addresses looks up the addresses of a name. A search ends at a failure, lest hosts
// of another name appear while the right one cannot be asked for.
func (r *round) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	known := ofFamily(r.table[strings.ToLower(strings.TrimSuffix(name, "."))], r.watch.cluster.DNSLookupFamily)
	if len(known) > 0 {
		r.again(r.in(r.watch.refresh))
		return known, nil
	}
	for _, full := range r.settings.names(name) {
		a, err := r.family(ctx, full)
		if err != nil || len(a) > 0 {
			return a, err
		}
	}
	return nil, nil
}

// family looks up the addresses of a full name that the cluster uses. If one of two
// questions fails, what the other one brings is good enough.
func (r *round) family(ctx context.Context, full string) ([]netip.Addr, error) {
	family := r.watch.cluster.DNSLookupFamily
	var all []netip.Addr
	var failure error
	for _, kind := range questionsOf(family) {
		if len(all) > 0 && family != config.DNSAll {
			break
		}
		a, err := r.ask(ctx, question{full, kind})
		if err == nil {
			all = append(all, a.addresses...)
		}
		failure = errors.Join(failure, err)
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, failure
}

// questionsOf returns what is asked of a name, in order.
func questionsOf(family config.DNSLookupFamily) []dnsmessage.Type {
	switch family {
	case config.DNSv4Only:
		return []dnsmessage.Type{dnsmessage.TypeA}
	case config.DNSv6Only:
		return []dnsmessage.Type{dnsmessage.TypeAAAA}
	case config.DNSv4Preferred:
		return []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA}
	default:
		return []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA}
	}
}

// ofFamily returns those of a name's addresses that a cluster uses.
func ofFamily(list []netip.Addr, family config.DNSLookupFamily) []netip.Addr {
	var v4, v6 []netip.Addr
	for _, a := range list {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	switch {
	case family == config.DNSAll:
		return list
	case family == config.DNSv4Only, family == config.DNSv4Preferred && len(v4) > 0:
		return v4
	case family == config.DNSv6Only, len(v6) > 0:
		return v6
	default:
		return v4
	}
}

// ask answers a question from memory if it is not time to ask again, else by asking;
// and from memory again if that fails, which is noted. It is an error only if the
// memory has nothing.
func (r *round) ask(ctx context.Context, q question) (*answer, error) {
	known, ok := r.watch.memory.recall(q, r.number)
	if ok && known.until.After(r.start) {
		r.again(known.until)
		return known.answer, nil
	}
	a, err := r.watch.asker.ask(ctx, r.settings, q)
	if err == nil {
		until := r.in(r.life(a))
		r.again(until)
		r.watch.memory.learn(q, fact{a, until, r.number})
		return a, nil
	}
	r.fail(err)
	r.again(r.in(r.watch.refresh))
	if ok {
		return known.answer, nil
	}
	return nil, err
}

// life returns how long an answer is good for.
func (r *round) life(a *answer) time.Duration {
	if !r.watch.cluster.RespectDNSTTL || a.empty() {
		return r.watch.refresh
	}
	return max(time.Second, min(time.Duration(a.ttl)*time.Second, longestLife))
}

// in returns the time at which something is due, a little more or less.
func (r *round) in(d time.Duration) time.Time {
	return r.start.Add(time.Duration(float64(d) * r.jitter))
}

// again notes when something is to be asked again.
func (r *round) again(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next.IsZero() || at.Before(r.next) {
		r.next = at
	}
}

// fail notes a failure.
func (r *round) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
}

// failure returns what has failed: one failure, always the same one of several.
func (r *round) failure() error {
	if len(r.failures) == 0 {
		return nil
	}
	first := slices.MinFunc(r.failures, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if more := len(r.failures) - 1; more > 0 {
		return fmt.Errorf("%w; %d more questions have failed", first, more)
	}
	return first
}

// end returns when the next round is due: not at once, however long this one took.
// So answers that are due one soon after the other are asked for together.
func (r *round) end() time.Time {
	if r.next.IsZero() {
		return r.in(r.watch.refresh)
	}
	soonest := time.Now().Add(min(time.Second, r.watch.refresh) * 9 / 10)
	if r.next.Before(soonest) {
		return soonest
	}
	return r.next
}
