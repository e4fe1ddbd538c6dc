package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Dump renders the configuration as it is in effect, defaults included, in JSON and without secrets. A configuration without
// secrets loads again from its dump as the same configuration, in one file: files that it was read from are folded in.
func Dump(c *Config) ([]byte, error) {
	n := encode(reflect.ValueOf(c).Elem())
	foldServers(n, c)
	if m := n.Get("cluster_manager"); m != nil {
		m.drop("clusters_configs")
	}
	redact(n)
	var b bytes.Buffer
	if err := writeJSON(&b, n); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("dump the configuration: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// foldServers puts the effective proxies in the place of what the file said of them, and leaves out what says the same twice.
func foldServers(n *Node, c *Config) {
	for i, server := range n.Get("servers").Items() {
		for _, rc := range server.Get("routers").Items() {
			rc.drop("router_configs")
		}
		for j, l := range server.Get("listeners").Items() {
			for _, chain := range l.Get("filter_chains").Items() {
				foldFilters(chain.Get("filters"), &c.Servers[i].Listeners[j])
			}
		}
	}
}

// foldFilters puts the effective proxies into a list of network filters, and drops connection managers, whose routers are among the
// routers of the server.
func foldFilters(filters *Node, l *Listener) {
	if filters == nil {
		return
	}
	kept := filters.items[:0]
	for _, f := range filters.items {
		switch t := f.Get("type").Text(); {
		case t == "connection_manager":
			continue
		case t == "proxy" && l.Proxy != nil:
			f.drop("config")
			f.put("config", encodeProxy(l.Proxy))
		case t == "tcp_proxy" && l.TCP != nil:
			f.drop("config")
			f.put("config", encode(reflect.ValueOf(l.TCP).Elem()))
		}
		kept = append(kept, f)
	}
	filters.items = kept
}

// encodeProxy encodes a proxy with the settings of its protocols in effect.
func encodeProxy(p *ProxyConfig) *Node {
	n := encode(reflect.ValueOf(p).Elem())
	extend := &Node{kind: Object}
	for _, m := range n.Get("extend_config").Members() {
		_, known := canonical(m.Key, knownProtocols())
		_, own := canonical(m.Key, sortedKeys(p.Settings))
		if known && !own || strings.EqualFold(m.Key, "sub_protocol") {
			extend.put(m.Key, m.Value)
		}
	}
	for _, name := range sortedKeys(p.Settings) {
		extend.put(name, encode(reflect.ValueOf(p.Settings[name])))
	}
	n.drop("extend_config")
	n.put("extend_config", extend)
	return n
}

// put appends a member to an object.
func (n *Node) put(key string, value *Node) {
	n.members = append(n.members, Member{Key: key, Value: value})
}

// drop removes a member from an object.
func (n *Node) drop(key string) { n.members = n.without(key).members }

// encode turns a value of the configuration back into a tree of its own. It returns nil for what is absent: nil pointers, empty
// lists and empty texts.
func encode(v reflect.Value) *Node {
	switch x := v.Interface().(type) {
	case *Node:
		return x.clone()
	case time.Duration:
		return &Node{kind: String, text: x.String()}
	case LogRoller:
		return encodeText(x.String())
	case Processor:
		if x == 0 {
			return encodeText("auto")
		}
	case FormatFields:
		return encodeFormats(x)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return encode(v.Elem())
	case reflect.Struct:
		n := &Node{kind: Object}
		encodeFields(n, v)
		return n
	case reflect.Slice:
		return encodeList(v)
	case reflect.Map:
		return encodeMap(v)
	case reflect.String:
		return encodeText(v.String())
	case reflect.Bool:
		return &Node{kind: Bool, text: strconv.FormatBool(v.Bool())}
	default:
		return &Node{kind: Number, text: fmt.Sprint(v.Interface())}
	}
}

func encodeText(s string) *Node {
	if s == "" {
		return nil
	}
	return &Node{kind: String, text: s}
}

func encodeFormats(fields FormatFields) *Node {
	if len(fields) == 0 {
		return nil
	}
	n := &Node{kind: Object}
	for _, f := range fields {
		n.put(f.Name, &Node{kind: String, text: f.Format})
	}
	return n
}

// encodeFields appends the fields of a struct to an object.
func encodeFields(n *Node, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[Source]() || !f.IsExported() || name == "-":
		case f.Anonymous:
			encodeFields(n, v.Field(i))
		case name != "":
			if value := encode(v.Field(i)); value != nil {
				n.put(name, value)
			}
		}
	}
}

func encodeList(v reflect.Value) *Node {
	if v.Len() == 0 {
		return nil
	}
	n := &Node{kind: List}
	for i := range v.Len() {
		value := encode(v.Index(i))
		if value == nil {
			value = emptyOf(v.Index(i))
		}
		n.items = append(n.items, value)
	}
	return n
}

// emptyOf is what stands in a list for a value that is absent.
func emptyOf(v reflect.Value) *Node {
	switch v.Kind() {
	case reflect.Slice:
		return &Node{kind: List}
	case reflect.Map:
		return &Node{kind: Object}
	case reflect.String:
		return &Node{kind: String}
	default:
		return &Node{}
	}
}

func encodeMap(v reflect.Value) *Node {
	if v.Len() == 0 {
		return nil
	}
	values := make(map[string]reflect.Value, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		values[iter.Key().String()] = iter.Value()
	}
	n := &Node{kind: Object}
	for _, key := range sortedKeys(values) {
		value := encode(values[key])
		if value == nil {
			value = emptyOf(values[key])
		}
		n.put(key, value)
	}
	return n
}

// clone copies a tree, without positions.
func (n *Node) clone() *Node {
	if n == nil {
		return nil
	}
	c := &Node{kind: n.kind, text: n.text}
	for _, m := range n.members {
		c.put(m.Key, m.Value.clone())
	}
	for _, item := range n.items {
		c.items = append(c.items, item.clone())
	}
	return c
}

// writeJSON writes a tree as compact JSON.
func writeJSON(b *bytes.Buffer, n *Node) error {
	switch n.Kind() {
	case Object:
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeString(b, m.Key); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := writeJSON(b, m.Value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case List:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case String:
		return writeString(b, n.text)
	case Null:
		b.WriteString("null")
	default:
		b.WriteString(n.text)
	}
	return nil
}

func writeString(b *bytes.Buffer, s string) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("dump the configuration: %w", err)
	}
	b.Truncate(b.Len() - 1) // the encoder's line feed
	return nil
}
