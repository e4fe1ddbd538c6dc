package config

import (
	"reflect"
	"slices"
	"strings"
)

// Protocol is what the loader knows of a protocol that the program has: what it is called, and who reads what is said about it.
type Protocol struct {
	Name    string
	Aliases []string
	// RPC is true of framed RPC protocols.
	RPC bool
	// Listener decodes what a listener says about the protocol, over its defaults: nil is nothing. It returns a pointer to a struct.
	Listener func(n *Node, r *Report) any
	// Cluster decodes what a cluster says. It also gets what the listeners say, as Listener returned it.
	Cluster func(n *Node, listeners []any, r *Report) any
}

func (p *Protocol) names() []string { return append([]string{p.Name}, p.Aliases...) }

// protocolNames are the names of all protocols of the program.
func (v *validator) protocolNames() (names []string) {
	for i := range v.options.Protocols {
		names = append(names, v.options.Protocols[i].names()...)
	}
	return names
}

// protocol returns the program's protocol of a name in its usual spelling, nil if it has none.
func (v *validator) protocol(name string) *Protocol {
	for i := range v.options.Protocols {
		if p := &v.options.Protocols[i]; slices.Contains(p.names(), name) {
			return p
		}
	}
	return nil
}

func (v *validator) isRPC(name string) bool {
	p := v.protocol(name)
	return p != nil && p.RPC
}

// checkExtendConfig decodes the settings of a proxy's protocols: of one protocol, or of several by name.
func (v *validator) checkExtendConfig(p *ProxyConfig) {
	given := make(map[string]any) // by the name under which they stand
	switch n := p.ExtendConfig; {
	case n == nil || !n.Expect(Object, v.report):
	case v.namesProtocols(n):
		v.eachProtocol(n.without("sub_protocol"), func(proto *Protocol, name string, m Member) {
			given[name] = proto.Listener(v.withoutForeign(proto, m.Value, nil), v.report)
		})
	default:
		v.decodeUnnamed(p, given)
	}
	p.Settings = v.complete(given, func(proto *Protocol) any { return proto.Listener(nil, v.report) })
}

// namesProtocols reports whether an extend_config has settings under the names of protocols.
func (v *validator) namesProtocols(n *Node) bool {
	names := slices.Concat(v.protocolNames(), knownProtocols())
	return slices.ContainsFunc(n.Members(), func(m Member) bool { _, ok := canonical(m.Key, names); return ok })
}

// eachProtocol calls decode for what is said under the name of each protocol of the program.
func (v *validator) eachProtocol(n *Node, decode func(p *Protocol, name string, m Member)) {
	names := slices.Concat(v.protocolNames(), knownProtocols())
	for _, m := range n.Members() {
		name, known := canonical(m.Key, names)
		switch p := v.protocol(name); {
		case p != nil:
			decode(p, name, m)
		case !known:
			v.report.ErrorKey(n, m.Key, DidYouMean(m.Key, names), "there is no protocol %q", m.Key)
		case !m.Value.isEmpty():
			v.report.WarnKey(n, m.Key, "not there yet: settings of the protocol %s", name)
		}
	}
}

// complete returns settings by the protocols' own names: what was given under one of its names, or the defaults.
func (v *validator) complete(given map[string]any, defaults func(*Protocol) any) map[string]any {
	all := make(map[string]any, len(v.options.Protocols))
	for i := range v.options.Protocols {
		p := &v.options.Protocols[i]
		for _, name := range p.names() {
			if s := given[name]; s != nil && all[p.Name] == nil {
				all[p.Name] = s
			}
		}
		if all[p.Name] == nil {
			all[p.Name] = defaults(p)
		}
	}
	return all
}

// decodeUnnamed decodes settings that stand under no protocol's name. They are those of the program's first protocol that the proxy
// speaks; RPC protocols, if there is no other, share them.
func (v *validator) decodeUnnamed(p *ProxyConfig, given map[string]any) {
	spoken := v.spoken(p)
	if i := slices.IndexFunc(spoken, func(p *Protocol) bool { return !p.RPC }); i >= 0 {
		spoken = spoken[i : i+1]
	}
	if n := p.ExtendConfig; len(spoken) == 0 && (len(n.Members()) > 1 || n.Get("sub_protocol") == nil) {
		v.report.Warnf(n, "not there yet: settings of the protocol %s", strings.Join(p.Protocols, ","))
	}
	for _, proto := range spoken {
		own := v.withoutForeign(proto, p.ExtendConfig.without("sub_protocol"), spoken)
		given[proto.Name] = proto.Listener(own, v.report)
	}
}

// spoken returns the protocols of the program that a proxy speaks, in the program's order.
func (v *validator) spoken(p *ProxyConfig) (all []*Protocol) {
	for i := range v.options.Protocols {
		proto := &v.options.Protocols[i]
		if slices.Contains(p.Protocols, Auto) || slices.ContainsFunc(p.Protocols, func(name string) bool { return slices.Contains(proto.names(), name) }) {
			all = append(all, proto)
		}
	}
	return all
}

// withoutForeign returns the settings of an RPC protocol without keys that only another RPC protocol has: files give one's under the
// name of another, where they have no effect. Nothing is said about those that one of the protocols takes that share the object.
func (v *validator) withoutForeign(p *Protocol, n *Node, sharing []*Protocol) *Node {
	if !p.RPC {
		return n
	}
	for _, m := range n.Members() {
		owner := v.foreign(p, m.Key)
		if owner == nil {
			continue
		}
		if !slices.Contains(sharing, owner) && !m.Value.isEmpty() {
			v.report.WarnKey(n, m.Key, "ignored: it is a setting of the protocol %s", owner.Name)
		}
		n = n.without(m.Key)
	}
	return n
}

// foreign returns the RPC protocol that has a key which p has not, nil if there is none.
func (v *validator) foreign(p *Protocol, key string) *Protocol {
	if v.hasKey(p, key) {
		return nil
	}
	for i := range v.options.Protocols {
		if other := &v.options.Protocols[i]; other.RPC && v.hasKey(other, key) {
			return other
		}
	}
	return nil
}

// hasKey reports whether a protocol's settings have a key.
func (v *validator) hasKey(p *Protocol, key string) bool {
	info := v.protocolKeys[p.Name]
	if info == nil {
		info = &structInfo{fields: make(map[string]fieldInfo), other: make(map[string]string), unused: make(map[string]string)}
		if t := reflect.TypeOf(p.Listener(nil, new(Report))); t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
			info.collect(t.Elem(), nil)
		}
		if v.protocolKeys == nil {
			v.protocolKeys = make(map[string]*structInfo)
		}
		v.protocolKeys[p.Name] = info
	}
	key = info.usual(key)
	_, used := info.fields[key]
	_, unused := info.unused[key]
	return used || unused
}

// checkClusterSettings decodes what clusters say about the protocols of their hosts. It comes after the listeners, whose limits are
// those of clusters that give none.
func (v *validator) checkClusterSettings() {
	listeners := make(map[string][]any)
	for i := range v.config.Servers {
		for j := range v.config.Servers[i].Listeners {
			if p := v.config.Servers[i].Listeners[j].Proxy; p != nil {
				for name, s := range p.Settings {
					listeners[name] = append(listeners[name], s)
				}
			}
		}
	}
	decode := func(p *Protocol, n *Node) any { return p.Cluster(n, listeners[p.Name], v.report) }
	usual := v.complete(nil, func(p *Protocol) any { return decode(p, nil) })
	v.config.ClusterManager.Settings = usual
	for c := range v.everyCluster() {
		c.Settings = usual
		n := c.ExtendConfig
		if n == nil || !n.Expect(Object, v.report) {
			continue
		}
		given := make(map[string]any)
		v.eachProtocol(n, func(p *Protocol, name string, m Member) { given[name] = decode(p, m.Value) })
		c.Settings = v.complete(given, func(p *Protocol) any { return usual[p.Name] })
	}
}

// SettingsFingerprint returns a number that settings of protocols share in one process if they say the same.
func SettingsFingerprint(settings map[string]any) uint64 {
	n := &Node{kind: Object}
	for _, name := range sortedKeys(settings) {
		n.put(name, encode(reflect.ValueOf(settings[name])))
	}
	return n.Fingerprint()
}

// everyCluster yields the clusters of the file, and the model of those on demand.
func (v *validator) everyCluster() func(yield func(*Cluster) bool) {
	return func(yield func(*Cluster) bool) {
		m := &v.config.ClusterManager
		for i := range m.Clusters {
			if !yield(&m.Clusters[i]) {
				return
			}
		}
		if m.OnDemand != nil {
			yield(&m.OnDemand.Cluster)
		}
	}
}
