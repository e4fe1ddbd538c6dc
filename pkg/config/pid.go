package config

import (
	"os"
	"path/filepath"
	"strings"
)

// PIDFile returns the path of the file that the process with a configuration file writes its number to, "" if it writes none. Only that is
// read of the file: the rest of it may be wrong by now.
func PIDFile(name string) (string, error) {
	data, err := readFile(name)
	if err != nil {
		return "", Problems{{File: name, Severity: Error, Message: err.Error()}}
	}
	r := new(Report)
	root := parseTree(name, data, r)
	if root == nil {
		return "", r.Err()
	}
	for _, m := range root.Members() {
		if strings.EqualFold(m.Key, "pid") && m.Value.Kind() == String && m.Value.text != "" {
			return pidFile(name, m.Value.text), nil
		}
	}
	return pidFile(name, ""), nil
}

// PIDFile returns the path of the file that a process writes its number to, given the path of its configuration; "" if it writes none.
func (c *Config) PIDFile(name string) string { return pidFile(name, c.PID) }

func pidFile(name, given string) string {
	folder := filepath.Dir(name)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	switch {
	case filepath.IsAbs(given):
		return given
	case given != "":
		return filepath.Join(folder, given)
	}
	logs := filepath.Join(filepath.Dir(folder), "logs")
	if info, err := os.Stat(logs); err != nil || !info.IsDir() {
		return ""
	}
	return filepath.Join(logs, "mosn.pid")
}
