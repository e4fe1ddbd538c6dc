package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// maxAliased is how many values the aliases of one text may stand for, all together: aliases of aliases grow without limit.
const maxAliased = 100_000

// anchor converts a value with an anchor, and notes it for aliases. Inside the value itself the anchor is not known yet, so that no
// value can contain itself.
func (c *yamlConverter) anchor(v *ast.AnchorNode, depth int) *Node {
	n := c.node(v.Value, depth)
	if c.err != nil {
		return nil
	}
	if v.Value == nil {
		n.place(v.Start)
	}
	if c.anchors == nil {
		c.anchors = make(map[string]*Node)
	}
	c.anchors[v.Name.GetToken().Value] = n
	return n
}

// alias returns a copy of the value that an alias stands for. The copy has a path of its own, and the position of the value.
func (c *yamlConverter) alias(v *ast.AliasNode, depth int) *Node {
	name := v.Value.GetToken().Value
	n, ok := c.anchors[name]
	if !ok {
		c.fail(v.Start, "there is no anchor %q before this alias", name)
		return nil
	}
	return c.copyOf(n, v.Start, depth)
}

func (c *yamlConverter) copyOf(n *Node, at *token.Token, depth int) *Node {
	if depth > maxDepth {
		c.fail(at, "lists and objects are nested deeper than %d", maxDepth)
	}
	if c.aliased++; c.aliased > maxAliased {
		c.fail(at, "the aliases stand for more than %d values", maxAliased)
	}
	if c.err != nil {
		return nil
	}
	is := *n
	is.parent, is.members, is.items = nil, nil, nil
	for _, m := range n.members {
		m.Value = c.copyOf(m.Value, at, depth+1)
		if c.err != nil {
			return nil
		}
		m.Value.parent = &is
		is.members = append(is.members, m)
	}
	for _, item := range n.items {
		item = c.copyOf(item, at, depth+1)
		if c.err != nil {
			return nil
		}
		item.parent = &is
		is.items = append(is.items, item)
	}
	return &is
}

// sources returns the objects that a merge key names: one, or a list of them.
func (c *yamlConverter) sources(at *token.Token, value *Node) []*Node {
	all := []*Node{value}
	if value.kind == List {
		all = value.items
	}
	for _, n := range all {
		if n.kind != Object {
			c.fail(at, "a merge key takes an object, or a list of objects")
			return nil
		}
	}
	return all
}

// merge adds the members that an object does not have itself. Of several sources, the first that has a key counts.
func (n *Node) merge(keys *memberSet, sources []*Node) {
	for _, source := range sources {
		for _, m := range source.members {
			if _, isNew := keys.add(m.Key); isNew {
				m.Value.parent = n
				n.members = append(n.members, m)
			}
		}
	}
}
