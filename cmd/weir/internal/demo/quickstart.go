package demo

import (
	"bytes"
	"encoding/json"
	"net"
)

// object is an object of a configuration. What is done to it here does not need
// its meaning, and keeps what it does not touch.
type object = map[string]any

// adapt fits a configuration to where it runs: addresses to what is free there,
// and the access logs to a file. Routes get names, which statistics tell them
// apart by.
func adapt(text []byte, p *places, accessLog string) ([]byte, error) {
	var root object
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	for _, route := range each(root, "servers", "routers", "virtual_hosts", "routers") {
		nameRoute(route)
	}
	for _, host := range each(root, "cluster_manager", "clusters", "hosts") {
		if err := move(host, p.upstream); err != nil {
			return nil, err
		}
	}
	for _, listener := range each(root, "servers", "listeners") {
		if err := move(listener, p.own); err != nil {
			return nil, err
		}
		listener["access_logs"] = []any{object{"log_path": accessLog}}
	}
	for _, socket := range each(root, "admin", "address", "socket_address") {
		if err := moveSocket(socket, p.own); err != nil {
			return nil, err
		}
	}
	return json.MarshalIndent(root, "", "  ")
}

// each returns the objects that a path of keys leads to, through lists of objects
// too.
func each(from object, path ...string) []object {
	if len(path) == 0 {
		return []object{from}
	}
	var all []object
	switch v := from[path[0]].(type) {
	case object:
		all = each(v, path[1:]...)
	case []any:
		for _, e := range v {
			if o, ok := e.(object); ok {
				all = append(all, each(o, path[1:]...)...)
			}
		}
	}
	return all
}

// nameRoute names a route that has no name after the path that it matches.
func nameRoute(route object) {
	if route["name"] != nil {
		return
	}
	for _, match := range each(route, "match") {
		for _, key := range []string{"path", "prefix"} {
			if path, ok := match[key].(string); ok {
				route["name"] = path
			}
		}
	}
}

// move changes an address to the one that to returns for it.
func move(o object, to func(string) (string, error)) error {
	from, _ := o["address"].(string)
	address, err := to(from)
	if err != nil {
		return err
	}
	o["address"] = address
	return nil
}

// moveSocket does so with an address and a port that stand apart.
func moveSocket(o object, to func(string) (string, error)) error {
	host, _ := o["address"].(string)
	port, _ := o["port_value"].(json.Number)
	address, err := to(net.JoinHostPort(host, port.String()))
	if err != nil {
		return err
	}
	_, free, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	o["port_value"] = json.Number(free)
	return nil
}
