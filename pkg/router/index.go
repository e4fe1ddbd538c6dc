package router

import "math"

// routeIndex finds the first route of a virtual host that takes a request.
//
// A route is in one place only: under its whole path, or in the tree under its
// prefix, under the text its regular expression starts with, or at the root if it
// does not ask for a path. All the routes at one place form a group.
type routeIndex struct {
	paths   map[string]*group // by path in lower case
	longest int               // length of the longest of them
	tree    tree[slot]
}

// slot is what is at a node of the tree.
type slot struct {
	group *group // nil: nothing
	min   int    // the lowest ID from here on down
	// building collects the entries while the index is built.
	building []entry
}

// none is an ID above all others.
const none = math.MaxInt

// entry is a route with those of its conditions that its place in the index does
// not imply.
type entry struct {
	route   *Route
	path    *pattern // nil: no condition
	headers []headerCondition
}

func (e *entry) holds(r *Request) bool {
	if e.path != nil {
		if path, _ := r.target(); !e.path.holds(path) {
			return false
		}
	}
	for i := range e.headers {
		if !e.headers[i].holds(r) {
			return false
		}
	}
	return e.route.matches(r)
}

// find returns the first route that takes a request, nil if none does.
func (x *routeIndex) find(r *Request) *Route {
	if x.paths == nil && len(x.tree.children) == 0 { // none asks for more than headers
		if x.tree.value.group == nil {
			return nil
		}
		return x.tree.value.group.find(r, nil)
	}
	var best *Route
	path, _ := r.target()
	if x.paths != nil && len(path) <= x.longest {
		r.lower = appendLower(r.lower[:0], path)
		if g := x.paths[string(r.lower)]; g != nil {
			best = g.find(r, nil)
		}
	}
	for n, key := &x.tree, path; n != nil && n.value.min < rank(best); n, key = n.step(key) {
		if n.value.group != nil {
			best = n.value.group.find(r, best)
		}
	}
	return best
}

// rank is the ID below which a route must be to be preferred to this one.
func rank(best *Route) int {
	if best == nil {
		return none
	}
	return best.ID
}

// indexBuilder builds the index of one virtual host.
type indexBuilder struct {
	paths   map[string][]entry
	longest int
	tree    tree[slot]
}

// add adds a route, which must have a higher ID than those before.
func (b *indexBuilder) add(rt *Route, m match) {
	if m.never {
		return
	}
	e := entry{route: rt, path: m.pattern, headers: m.headers}
	if m.path != "" {
		if b.paths == nil {
			b.paths = make(map[string][]entry)
		}
		b.paths[m.path] = append(b.paths[m.path], e)
		b.longest = max(b.longest, len(m.path))
		return
	}
	at := b.tree.at(m.prefix + m.start)
	at.value.building = append(at.value.building, e)
}

func (b *indexBuilder) build() routeIndex {
	x := routeIndex{longest: b.longest, tree: b.tree}
	if b.paths != nil {
		x.paths = make(map[string]*group, len(b.paths))
	}
	for path, entries := range b.paths {
		x.paths[path] = newGroup(entries)
	}
	seal(&x.tree)
	return x
}

// seal makes the groups of a node and all below it.
func seal(n *tree[slot]) {
	n.value.min = none
	if len(n.value.building) > 0 {
		n.value.group = newGroup(n.value.building)
		n.value.min = n.value.group.min
		n.value.building = nil
	}
	for _, child := range n.children {
		seal(child)
		n.value.min = min(n.value.min, child.value.min)
	}
}
