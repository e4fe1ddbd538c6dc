package router

import (
	"cmp"
	"slices"
)

// group holds the routes of one place in the index, ordered by ID. Where there
// are many, they are divided by the values of headers that they ask for.
type group struct {
	min     int       // the lowest ID
	list    []entry   // tried one after the other
	headers []divided // the others, by header; the lowest min first
}

// divided holds those routes of a group that are divided by one header.
type divided struct {
	headerName
	min     int
	values  map[string]*group // by the value asked for
	present *group            // those that ask only that there is a value; nil if none
}

// plain is the number of entries up to which trying them one after the other is
// no slower than looking up a header's value.
const plain = 4

// find returns the first route that takes a request, if it comes before best;
// otherwise best.
func (g *group) find(r *Request, best *Route) *Route {
	limit := rank(best)
	for i := range g.list {
		e := &g.list[i]
		if e.route.ID >= limit {
			break
		}
		if e.holds(r) {
			best = e.route
			break
		}
	}
	for i := range g.headers {
		h := &g.headers[i]
		if h.min >= rank(best) {
			break
		}
		best = h.find(r, best)
	}
	return best
}

func (h *divided) find(r *Request, best *Route) *Route {
	value, ok := h.get(r)
	if !ok {
		return best
	}
	if g := h.values[string(value)]; g != nil && g.min < rank(best) {
		best = g.find(r, best)
	}
	if h.present != nil && h.present.min < rank(best) {
		best = h.present.find(r, best)
	}
	return best
}

// newGroup makes a group of entries, which are in the order of their IDs. There
// must be at least one.
func newGroup(entries []entry) *group {
	g := &group{min: entries[0].route.ID}
	if len(entries) <= plain {
		g.list = entries
		return g
	}
	d := divider{count: countLiterals(entries), at: make(map[string]int)}
	for _, e := range entries {
		if !d.take(e) {
			g.list = append(g.list, e)
		}
	}
	for _, p := range d.parts {
		g.headers = append(g.headers, p.seal())
	}
	slices.SortFunc(g.headers, func(a, b divided) int { return cmp.Compare(a.min, b.min) })
	return g
}

// literal is a header and a value it must have.
type literal struct{ name, value string }

// countLiterals counts how many entries ask for each value of a header.
func countLiterals(entries []entry) map[literal]int {
	count := make(map[literal]int)
	for _, e := range entries {
		for _, h := range e.headers {
			if h.kind == isLiteral {
				count[literal{h.name, h.literal}]++
			}
		}
	}
	return count
}

// divider divides entries by header.
type divider struct {
	count map[literal]int
	at    map[string]int // place in parts, by name of header
	parts []part
}

// part is a divided while it is built.
type part struct {
	headerName
	values  map[string][]entry
	present []entry
}

// take puts an entry where a condition of its own leads to, which is removed from
// it. It reports whether there is such a condition.
func (d *divider) take(e entry) bool {
	i := d.choose(e.headers)
	if i < 0 {
		return false
	}
	h := e.headers[i]
	e.headers = slices.Delete(slices.Clone(e.headers), i, i+1)
	at, ok := d.at[h.name]
	if !ok {
		at = len(d.parts)
		d.at[h.name] = at
		d.parts = append(d.parts, part{headerName: h.headerName, values: make(map[string][]entry)})
	}
	p := &d.parts[at]
	if h.kind == isLiteral {
		p.values[h.literal] = append(p.values[h.literal], e)
	} else {
		p.present = append(p.present, e)
	}
	return true
}

// choose returns the condition that leads to the fewest routes, -1 if there is
// none to divide by.
func (d *divider) choose(headers []headerCondition) int {
	best, fewest := -1, none
	for i, h := range headers {
		var n int
		switch h.kind {
		case isLiteral:
			n = d.count[literal{h.name, h.literal}]
		case isAny:
			n = none - 1 // leads further than none at all
		default:
			continue
		}
		if n < fewest {
			best, fewest = i, n
		}
	}
	return best
}

func (p *part) seal() divided {
	h := divided{headerName: p.headerName, min: none, values: make(map[string]*group, len(p.values))}
	for value, entries := range p.values {
		g := newGroup(entries)
		h.values[value] = g
		h.min = min(h.min, g.min)
	}
	if p.present != nil {
		h.present = newGroup(p.present)
		h.min = min(h.min, h.present.min)
	}
	return h
}
