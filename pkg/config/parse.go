package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// What one file may be. A file beyond a limit is refused before anything in proportion to it is allocated.
const (
	maxFileSize = 64 << 20
	// The YAML parser holds about a hundred times the text.
	maxYAMLSize = 8 << 20
	// Lists and objects inside each other. The schema needs 16.
	maxDepth = 64
)

// parseTree parses one file into a tree: YAML if its name ends in .yaml or .yml, else JSON. It returns nil, and adds an error, if
// the text is not well-formed.
func parseTree(name string, data []byte, r *Report) *Node {
	return parseAs(isYAML(name), name, data, r)
}

// parseAs is parseTree for a text whose format does not show in its name.
func parseAs(yaml bool, name string, data []byte, r *Report) *Node {
	r.addFile(name)
	parse, limit := parseJSON, maxFileSize
	if yaml {
		parse, limit = parseYAML, maxYAMLSize
	}
	if len(data) > limit {
		r.Add(Problem{File: name, Severity: Error, Message: fmt.Sprintf("the file is too big: %d bytes, at most %d", len(data), limit)})
		return nil
	}
	n, err := parse(name, data, r)
	if err != nil {
		r.Add(Problem{File: name, Line: err.line, Column: err.column, Severity: Error, Message: err.message})
		return nil
	}
	return n
}

func isYAML(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// syntaxError is the first place where a text is not what its format asks for.
type syntaxError struct {
	line, column int
	message      string
}

// memberSet finds keys that an object gives twice, letter for letter. Whether keys that differ in case are the same is not for the
// syntax to say: they are in a struct, and are not in a set of labels.
type memberSet struct {
	few  [16]string
	n    int
	many map[string]int
}

// add adds a key. It returns the key's place among the keys, and whether it is new.
func (s *memberSet) add(key string) (place int, isNew bool) {
	for i, k := range s.few[:min(s.n, len(s.few))] {
		if k == key {
			return i, false
		}
	}
	if place, twice := s.many[key]; twice {
		return place, false
	}
	if s.n < len(s.few) {
		s.few[s.n] = key
	} else {
		if s.many == nil {
			s.many = make(map[string]int)
		}
		s.many[key] = s.n
	}
	s.n++
	return s.n - 1, true
}

// setMember adds a member to an object, or puts it in the place of one with the same key: the last one counts, as it does for MOSN,
// which is warned about.
func (n *Node) setMember(keys *memberSet, m Member, twice *repeatedKeys) {
	m.Value.parent, m.Value.key = n, m.Key
	place, isNew := keys.add(m.Key)
	if isNew {
		n.members = append(n.members, m)
		return
	}
	twice.add(*n.file, m, n.members[place].Line)
	n.members[place] = m
}

// repeatedKeys collects the keys that are given twice in one file, so that a file full of them gets one warning.
type repeatedKeys struct {
	first Problem
	count int
}

func (k *repeatedKeys) add(file string, m Member, before int) {
	if k.count++; k.count > 1 {
		return
	}
	k.first = Problem{
		File: file, Line: m.Line, Column: m.Column, Severity: Warning,
		Message: fmt.Sprintf("the key %q is given twice: this counts, and not that in line %d", m.Key, before),
	}
}

// report adds the warning, if there is one.
func (k *repeatedKeys) report(r *Report) {
	if k.count == 0 {
		return
	}
	if k.count > 1 {
		k.first.Message += fmt.Sprintf("; %d more places", k.count-1)
	}
	r.Add(k.first)
}
