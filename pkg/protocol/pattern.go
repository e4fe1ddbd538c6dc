package protocol

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// byteSet is the values that one byte of a signature may have.
type byteSet [4]uint64

func (s *byteSet) add(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}

func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

// compile makes a pattern of [Signature] into what matches it. It panics if it
// does not understand the pattern, which is part of the program.
func compile(pattern string) Match {
	sets := parse(pattern)
	return func(b []byte) Verdict {
		for i, c := range b[:min(len(b), len(sets))] {
			if !sets[i].has(c) {
				return No
			}
		}
		if len(b) < len(sets) {
			return More
		}
		return Yes
	}
}

func parse(pattern string) (sets []byteSet) {
	for rest := pattern; rest != ""; rest = strings.TrimPrefix(rest, " ") {
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			rest = rest[len(quoted):]
			text, _ := strconv.Unquote(quoted)
			for _, c := range []byte(text) {
				var s byteSet
				s.add(c, c)
				sets = append(sets, s)
			}
			continue
		}
		item, _, _ := strings.Cut(rest, " ")
		rest = rest[len(item):]
		sets = append(sets, parseItem(item))
	}
	if len(sets) == 0 || len(sets) > MaxSignature {
		panic("protocol: a signature of no use: " + pattern)
	}
	return sets
}

// parseItem reads an item that stands for one byte: 0d, 00-04, 01,04 or ??.
func parseItem(item string) (s byteSet) {
	if item == "??" {
		item = "00-ff"
	}
	for part := range strings.SplitSeq(item, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		lo, err1 := hex.DecodeString(first)
		hi, err2 := hex.DecodeString(last)
		if err1 != nil || err2 != nil || len(lo) != 1 || len(hi) != 1 || lo[0] > hi[0] {
			panic("protocol: not a byte of a signature: " + item)
		}
		s.add(lo[0], hi[0])
	}
	return s
}
