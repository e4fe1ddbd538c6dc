package config

import (
	"path/filepath"
	"strings"
	"time"
)

// Draft is what the files of a configuration say, not checked yet: the part of the configuration that is kept elsewhere is to be
// added, and where that is stands in the files.
type Draft struct {
	config *Config // nil: nothing could be decoded
	report *Report
	base   string // the folder where relative paths start
}

// Read reads a configuration file and the folders that it names.
func Read(path string) *Draft {
	data, err := readFile(path)
	if err != nil {
		r := new(Report)
		r.Add(Problem{File: path, Severity: Error, Message: err.Error()})
		return &Draft{report: r}
	}
	return parseDraft(path, data)
}

func parseDraft(name string, data []byte) *Draft {
	r := new(Report)
	d := &Draft{report: r, base: filepath.Dir(name)}
	root := parseTree(name, data, r)
	if root == nil {
		return d
	}
	if !root.Expect(Object, r) {
		return d
	}
	d.config = new(Config)
	r.unknown = unknownAreError
	if mode := root.Get("unknown_keys"); mode.Kind() == String && strings.EqualFold(mode.Text(), string(UnknownKeysWarn)) {
		r.unknown = unknownAreWarning
	}
	root.DecodeInto(d.config, r)
	loadFolders(d.config, d.base, r)
	resolvePaths(d.config, d.base)
	v := validator{config: d.config, report: r}
	v.checkConsul(&d.config.Consul)
	return d
}

// Remote returns how Consul is reached and under which prefix it has a part of the configuration, and how long that may be waited
// for; nil if there is none. It is there even if the files are wrong: as much of it as could be decoded.
func (d *Draft) Remote() (*Consul, time.Duration) {
	if d.config == nil || d.config.Consul.ConfigPrefix == "" {
		return nil, 0
	}
	return &d.config.Consul, d.config.ClusterManager.WarmUp
}

// Check adds the documents of the options, and checks all of it, once. Of what it returns see Load.
func (d *Draft) Check(o Options) (*Config, *Report, error) {
	if c := d.config; c != nil {
		loadDocuments(c, o.Extra, d.report)
		resolvePaths(c, d.base) // those of the documents
		v := validator{config: c, report: d.report, options: o}
		v.run()
		for _, check := range o.Checks {
			check(c, d.report)
		}
	}
	if err := d.report.Err(); err != nil {
		return nil, d.report, err
	}
	return d.config, d.report, nil
}
