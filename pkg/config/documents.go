package config

import (
	"bytes"
	"path"
	"strings"
)

// Document is a part of the configuration that is not in a file, such as the value of a key in Consul. It is added to what the files
// say: a cluster or a router of a name that is there already is an error, as it is in files.
type Document struct {
	// Name is what problems call the document, in the place of a file. Its last part, without .json, .yaml or .yml, is the name of a
	// cluster or router that gives none itself.
	Name string
	Kind DocumentKind
	// Data is JSON or YAML: as the name ends, and otherwise JSON if it starts with a brace.
	Data []byte
}

// DocumentKind is what a document holds.
type DocumentKind uint8

// The kinds of documents.
const (
	ClusterDocument DocumentKind = iota // one cluster, as in cluster_manager.clusters
	RouterDocument                      // one router, as in servers[].routers
)

// loadDocuments adds documents to the configuration.
func loadDocuments(c *Config, docs []Document, r *Report) {
	clusters, routers := c.named()
	for i := range docs {
		d := &docs[i]
		switch d.Kind {
		case ClusterDocument:
			cluster, ok := loadDocument[Cluster](d, r)
			setName(&cluster.Name, d.Name)
			if ok && onlyOne(clusters, "cluster", cluster.Name, cluster.At("name"), r) {
				c.ClusterManager.Clusters = append(c.ClusterManager.Clusters, cluster)
			}
		case RouterDocument:
			router, ok := loadDocument[RouterConfig](d, r)
			setName(&router.Name, d.Name)
			if ok && onlyOne(routers, "router", router.Name, router.At("router_config_name"), r) {
				c.addRouter(router, r)
			}
		}
	}
}

// named returns where the clusters and the routers of the files are, by name.
func (c *Config) named() (clusters, routers map[string]*Node) {
	clusters, routers = make(map[string]*Node), make(map[string]*Node)
	for i := range c.ClusterManager.Clusters {
		clusters[c.ClusterManager.Clusters[i].Name] = c.ClusterManager.Clusters[i].Node()
	}
	for i := range c.Servers {
		for j := range c.Servers[i].Routers {
			routers[c.Servers[i].Routers[j].Name] = c.Servers[i].Routers[j].Node()
		}
	}
	return clusters, routers
}

// onlyOne reports whether nothing has this name yet, and notes it. In a file the last of two of one name is used, as by MOSN; what a
// document says does not take the place of anything silently.
func onlyOne(named map[string]*Node, what, name string, n *Node, r *Report) bool {
	if first, ok := named[name]; ok {
		r.Errorf(n, "the %s of %s is called %q already", what, placeOf(first, n), name)
		return false
	}
	named[name] = n
	return true
}

// addRouter adds a router of a document to the server. There is no server if the file has none, which is an error by itself.
func (c *Config) addRouter(router RouterConfig, r *Report) {
	if router.Dir != "" {
		r.Errorf(router.At("router_configs"), "a router that is not in a file cannot name a folder")
	}
	if len(c.Servers) > 0 {
		c.Servers[0].Routers = append(c.Servers[0].Routers, router)
	}
}

// loadDocument decodes a document.
func loadDocument[T any](d *Document, r *Report) (T, bool) {
	var v T
	yaml := isYAML(d.Name)
	if ext := strings.ToLower(path.Ext(d.Name)); !yaml && ext != ".json" {
		yaml = !bytes.HasPrefix(bytes.TrimLeft(d.Data, " \t\r\n"), []byte("{"))
	}
	n := parseAs(yaml, d.Name, d.Data, r)
	if n == nil || !n.Expect(Object, r) {
		return v, false
	}
	n.DecodeInto(&v, r)
	return v, true
}

// setName names what gives no name itself after its document.
func setName(name *string, document string) {
	if *name != "" {
		return
	}
	base := path.Base(document)
	switch ext := path.Ext(base); strings.ToLower(ext) {
	case ".json", ".yaml", ".yml":
		base = strings.TrimSuffix(base, ext)
	}
	*name = base
}
