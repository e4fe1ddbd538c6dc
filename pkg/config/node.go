package config

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a Node.
type Kind uint8

// The kinds of a Node.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// String names the kind as problems do.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// Node is one value of a configuration file, with its position. JSON and YAML become the same Nodes, which are read-only once
// made and may be shared between goroutines. All methods of a nil *Node work, as on a null without a position: so a struct that
// was not made from a file can be checked as well.
type Node struct {
	file    *string
	parent  *Node
	key     string // in an Object: the file's own spelling
	index   int32  // in a List
	line    int32
	column  int32
	kind    Kind
	text    string // of a String its value; of a Number or Bool its literal
	members []Member
	items   []*Node
}

// Fingerprint returns a number that two nodes of one process share if they say the same, wherever they stand: it tells a new
// configuration which parts of it are as they were. Order counts, spelling and white space do not beyond what the parser keeps.
func (n *Node) Fingerprint() uint64 {
	var h maphash.Hash
	h.SetSeed(fingerprintSeed)
	n.hash(&h)
	return h.Sum64()
}

var fingerprintSeed = maphash.MakeSeed()

func (n *Node) hash(h *maphash.Hash) {
	if n == nil {
		h.WriteByte(byte(Null))
		return
	}
	h.WriteByte(byte(n.kind))
	hashText(h, n.text)
	for i := range n.members {
		h.WriteByte(1) // so that no list looks like the end of an object
		hashText(h, n.members[i].Key)
		n.members[i].Value.hash(h)
	}
	for _, item := range n.items {
		h.WriteByte(2)
		item.hash(h)
	}
	h.WriteByte(0)
}

// hashText adds a text with its length, so that no two texts look like one.
func hashText(h *maphash.Hash, text string) {
	n := len(text)
	for ; n >= 0x80; n >>= 7 {
		h.WriteByte(byte(n) | 0x80)
	}
	h.WriteByte(byte(n))
	h.WriteString(text)
}

// Member is one key of an Object and its value.
type Member struct {
	Key    string
	Line   int
	Column int
	Value  *Node
}

// Kind returns the node's kind.
func (n *Node) Kind() Kind {
	if n == nil {
		return Null
	}
	return n.kind
}

// Text returns the value of a String, or the literal of a Number or Bool.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Members returns the members of an Object in the order of the file. The slice belongs to the node.
func (n *Node) Members() []Member {
	if n == nil {
		return nil
	}
	return n.members
}

// Items returns the items of a List. The slice belongs to the node.
func (n *Node) Items() []*Node {
	if n == nil {
		return nil
	}
	return n.items
}

// Get returns the value of an Object's key, matched without regard to case, or nil. Of several, the last counts.
func (n *Node) Get(key string) *Node {
	for _, m := range slices.Backward(n.Members()) {
		if strings.EqualFold(m.Key, key) {
			return m.Value
		}
	}
	return nil
}

// without returns the object without one of its keys.
func (n *Node) without(key string) *Node {
	c := *n
	c.members = slices.DeleteFunc(slices.Clone(n.members), func(m Member) bool { return strings.EqualFold(m.Key, key) })
	return &c
}

// Position returns the file, line and column (both from 1, the column in characters) where the value starts.
func (n *Node) Position() (file string, line, column int) {
	if n == nil {
		return "", 0, 0
	}
	if n.file != nil {
		file = *n.file
	}
	return file, int(n.line), int(n.column)
}

// Path returns where the value is in its file, in the file's own spelling: servers[0].listeners[1].address.
func (n *Node) Path() string {
	if n == nil || n.parent == nil {
		return ""
	}
	if n.parent.kind == List {
		return n.parent.Path() + "[" + strconv.Itoa(int(n.index)) + "]"
	}
	return joinPath(n.parent.Path(), n.key)
}

// joinPath appends a key to a path. A key that could be mistaken for more than one is quoted.
func joinPath(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\" \t\r\n") {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// isEmpty reports whether the value asks for nothing: null, false, 0, "", a list or an object of nothing else. MOSN writes many such
// values when it stores its configuration, a duration as "0s" and a size as "0B".
func (n *Node) isEmpty() bool {
	switch n.Kind() {
	case Bool:
		return n.text == "false"
	case Number:
		f, err := strconv.ParseFloat(n.text, 64)
		return err == nil && f == 0
	case String:
		return n.text == "" || n.text == "0s" || n.text == "0B"
	case List:
		return !slices.ContainsFunc(n.items, func(item *Node) bool { return !item.isEmpty() })
	case Object:
		return !slices.ContainsFunc(n.members, func(m Member) bool { return !m.Value.isEmpty() })
	default:
		return true
	}
}

// Equal reports whether two values are the same, wherever they are written. The order of an object's members does not count.
func (n *Node) Equal(other *Node) bool {
	if n.Kind() != other.Kind() || n.Text() != other.Text() {
		return false
	}
	if len(n.Members()) != len(other.Members()) {
		return false
	}
	for _, m := range n.Members() {
		if v, ok := other.exact(m.Key); !ok || !m.Value.Equal(v) {
			return false
		}
	}
	return slices.EqualFunc(n.Items(), other.Items(), (*Node).Equal)
}

// exact returns the value of an object's key, matched letter for letter.
func (n *Node) exact(key string) (*Node, bool) {
	for _, m := range n.Members() {
		if m.Key == key {
			return m.Value, true
		}
	}
	return nil, false
}

// Source is embedded in every struct of the configuration, and leads back to where in the file the struct comes from.
type Source struct{ node *Node }

// Node returns the object that the struct was decoded from; nil if it was not decoded from a file.
func (s Source) Node() *Node { return s.node }

// At returns the value of one of the struct's keys; if the file does not give that key, the struct's own object. It is what to
// name in a problem about that key.
func (s Source) At(key string) *Node {
	if v := s.node.Get(key); v != nil {
		return v
	}
	return s.node
}
