package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say what the program that loads a configuration is made of. Names that MOSN knows and the program does not have are
// warned about (a few are refused, where doing without is unsafe); names that nobody knows are errors.
type Options struct {
	// Protocols are the protocols a proxy may speak, besides Auto.
	Protocols []Protocol
	// NetworkFilters are the network filters there are, besides those that are always there: proxy, tcp_proxy and
	// connection_manager.
	NetworkFilters []string
	// StreamFilters are the stream filters there are.
	StreamFilters []string
	// Extra are documents that are added to what the files say.
	Extra []Document
	// Checks run after weir's own, in order, and see the configuration even if there are errors in it: as much of it as could be
	// decoded. So the parts of a program that own a piece of the configuration (a filter its config, say) report their problems
	// together with all others. A check must not change the configuration.
	Checks []func(*Config, *Report)
}

// Load reads and checks a configuration file: YAML if its name ends in .yaml or .yml, otherwise JSON. The error is that of the
// report: not nil means that the file must not be used, and then the Config is nil. The report is never nil and may hold warnings
// in any case.
//
// Load reads the file and the folders it names; it changes nothing.
func Load(path string, o Options) (*Config, *Report, error) { return Read(path).Check(o) }

// Parse is Load for a text already read. The name tells the format, is named in problems, and its folder is where relative paths
// in the text start.
func Parse(name string, data []byte, o Options) (*Config, *Report, error) {
	return parseDraft(name, data).Check(o)
}

// readFile reads a file, unless it is bigger than any that is accepted.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("cannot be read: it is not a regular file")
	}
	if info.Size() > maxFileSize {
		return nil, fmt.Errorf("the file is too big: %d bytes, at most %d", info.Size(), maxFileSize)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// unreadable leaves out the path, which problems name already.
func unreadable(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// loadFolders reads the folders of files that the configuration names: one cluster, or one virtual host, in each.
func loadFolders(c *Config, base string, r *Report) {
	m := &c.ClusterManager
	if m.Dir != "" && folderAlone(m.Source, "clusters_configs", "clusters", len(m.Clusters), r) {
		m.Clusters = append(m.Clusters, loadFolder[Cluster](m.At("clusters_configs"), base, m.Dir, r)...)
	}
	for i := range c.Servers {
		for j := range c.Servers[i].Routers {
			rc := &c.Servers[i].Routers[j]
			if rc.Dir != "" && folderAlone(rc.Source, "router_configs", "virtual_hosts", len(rc.VirtualHosts), r) {
				rc.VirtualHosts = append(rc.VirtualHosts, loadFolder[VirtualHost](rc.At("router_configs"), base, rc.Dir, r)...)
			}
		}
	}
}

// locate returns the path of a file or folder that is to be read. A relative one starts at the folder of the configuration file; or, if
// there is only such a file, at the folder that the process was started in, as all do in MOSN.
func locate(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	here := filepath.Join(base, path)
	if _, err := os.Stat(here); errors.Is(err, fs.ErrNotExist) {
		if abs, err := filepath.Abs(path); err == nil {
			if _, err := os.Stat(abs); err == nil {
				return abs
			}
		}
	}
	return here
}

// resolvePaths makes the paths of files that are read later absolute.
func resolvePaths(c *Config, base string) {
	if abs, err := filepath.Abs(base); err == nil {
		base = abs
	}
	resolve := func(paths ...*string) {
		for _, p := range paths {
			if *p != "" {
				*p = locate(base, *p)
			}
		}
	}
	if c.PID != "" && !filepath.IsAbs(c.PID) {
		c.PID = filepath.Join(base, c.PID)
	}
	resolve(&c.Consul.TokenFile, &c.Consul.TLS.CAFile, &c.Consul.TLS.CertFile, &c.Consul.TLS.KeyFile)
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		resolve(&cluster.HostsFile.Path, &cluster.DNSResolverFile)
	}
}

// folderAlone reports whether a folder is given without a list beside it.
func folderAlone(s Source, folder, list string, items int, r *Report) bool {
	if items == 0 {
		return true
	}
	r.Errorf(s.At(folder), "%s and %s are both given: only one of them may be", folder, list)
	return false
}

// loadFolder decodes every .json, .yaml and .yml file of a folder, in the order of their names.
func loadFolder[T any](at *Node, base, dir string, r *Report) []T {
	dir = locate(base, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		r.ErrorHint(at, "a relative path starts at the folder of the configuration file, or where weir is started", "the folder cannot be read: %v", err)
		return nil
	}
	var all []T
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml"}, ext) {
			continue
		}
		if v, ok := loadPart[T](filepath.Join(dir, e.Name()), r); ok {
			all = append(all, v)
		}
	}
	return all
}

// loadPart decodes one file of a folder.
func loadPart[T any](path string, r *Report) (T, bool) {
	var v T
	data, err := readFile(path)
	if err != nil {
		r.Add(Problem{File: path, Severity: Error, Message: err.Error()})
		return v, false
	}
	n := parseTree(path, data, r)
	if n == nil || !n.Expect(Object, r) {
		return v, false
	}
	n.DecodeInto(&v, r)
	return v, true
}
