package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity says whether a configuration with a problem may be used.
type Severity uint8

// The severities.
const (
	Warning Severity = iota // it may: the problem changes what the file seems to ask for
	Error                   // it must not
)

// String names the severity.
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Problem is one thing that is wrong or remarkable in a configuration.
type Problem struct {
	File     string
	Line     int // from 1; 0 if there is no place to point at
	Column   int // from 1, in characters
	Path     string
	Severity Severity
	Message  string
	Hint     string // what to do about it; may be empty
}

// String renders the problem on one line, without its line feed: file:line:column: path: message (hint).
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
	}
	if p.Line > 0 {
		b.WriteString(strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + ":")
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are problems in the order of their places. As an error they name every problem, one per line.
//
//nolint:errname // it is a list first, and an error when somebody asks for one
type Problems []Problem

// Error renders one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Report collects the problems of one configuration. It is used by one goroutine at a time. The zero Report is ready for use.
type Report struct {
	problems []Problem
	files    map[string]int // order in which files were read, which is the order they are reported in
	unused   map[string]*unusedKey
	errors   int
	unknown  unknownKeys
}

// unknownKeys says what becomes of keys that nobody defines.
type unknownKeys uint8

const (
	unknownRefused  unknownKeys = iota // and nothing can be said against it
	unknownAreError                    // as long as the configuration says nothing else
	unknownAreWarning
)

// unusedKey counts the places of one key that weir does not use, so that a big file gets one warning and not thousands.
type unusedKey struct {
	problem int // index in problems
	more    int
}

// Errorf adds an error about a value. The node may be nil.
func (r *Report) Errorf(n *Node, format string, args ...any) {
	r.Add(problemAt(n, Error, fmt.Sprintf(format, args...), ""))
}

// ErrorHint adds an error about a value, with a hint at what to do about it. An empty hint is none.
func (r *Report) ErrorHint(n *Node, hint, format string, args ...any) {
	r.Add(problemAt(n, Error, fmt.Sprintf(format, args...), hint))
}

// Warnf adds a warning about a value. The node may be nil.
func (r *Report) Warnf(n *Node, format string, args ...any) {
	r.Add(problemAt(n, Warning, fmt.Sprintf(format, args...), ""))
}

// WarnHint adds a warning about a value, with a hint at what to do about it. An empty hint is none.
func (r *Report) WarnHint(n *Node, hint, format string, args ...any) {
	r.Add(problemAt(n, Warning, fmt.Sprintf(format, args...), hint))
}

// ErrorKey adds an error about a key of an object rather than about its value. The hint may be empty.
func (r *Report) ErrorKey(object *Node, key, hint, format string, args ...any) {
	r.Add(problemAtKey(object, key, Error, fmt.Sprintf(format, args...), hint))
}

// WarnKey adds a warning about a key of an object rather than about its value.
func (r *Report) WarnKey(object *Node, key, format string, args ...any) {
	r.Add(problemAtKey(object, key, Warning, fmt.Sprintf(format, args...), ""))
}

// Add adds a problem.
func (r *Report) Add(p Problem) {
	r.addFile(p.File)
	if p.Severity == Error {
		r.errors++
	}
	r.problems = append(r.problems, p)
}

// Problems returns all problems, sorted by place: the main file first, then the files it names in the order they were read.
func (r *Report) Problems() Problems {
	ps := slices.Clone(r.problems)
	for _, u := range r.unused {
		if u.more > 0 {
			ps[u.problem].Message += fmt.Sprintf("; %d more places", u.more)
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(r.files[a.File]-r.files[b.File], a.Line-b.Line, a.Column-b.Column)
	})
	return ps
}

// Err returns nil if there is no error among the problems; otherwise all problems, warnings included, as a Problems.
func (r *Report) Err() error {
	if r.errors == 0 {
		return nil
	}
	return r.Problems()
}

// addFile notes a file's place in the order of reading.
func (r *Report) addFile(name string) {
	if _, ok := r.files[name]; ok {
		return
	}
	if r.files == nil {
		r.files = make(map[string]int)
	}
	r.files[name] = len(r.files)
}

// unknownKey reports a key that nobody defines.
func (r *Report) unknownKey(id string, object *Node, m Member, hint string) {
	switch {
	case r.unknown == unknownAreWarning:
		message := "unknown key: ignored"
		if hint != "" {
			message += " (" + hint + ")"
		}
		r.warnUnused(id+" "+m.Key, object, m, message)
		return
	case r.unknown == unknownAreError && hint == "":
		hint = `"unknown_keys": "warn" at the top of the file ignores such keys`
	}
	r.ErrorKey(object, m.Key, hint, "unknown key")
}

// warnUnused warns about a key that weir does not use, once per kind of key.
func (r *Report) warnUnused(id string, object *Node, m Member, message string) {
	if u := r.unused[id]; u != nil {
		u.more++
		return
	}
	if r.unused == nil {
		r.unused = make(map[string]*unusedKey)
	}
	r.WarnKey(object, m.Key, "%s", message)
	r.unused[id] = &unusedKey{problem: len(r.problems) - 1}
}

func problemAt(n *Node, s Severity, message, hint string) Problem {
	file, line, column := n.Position()
	return Problem{File: file, Line: line, Column: column, Path: n.Path(), Severity: s, Message: message, Hint: hint}
}

func problemAtKey(object *Node, key string, s Severity, message, hint string) Problem {
	p := problemAt(object, s, message, hint)
	for _, m := range object.Members() {
		if m.Key == key {
			p.Line, p.Column, p.Path = m.Line, m.Column, joinPath(p.Path, key)
		}
	}
	return p
}
