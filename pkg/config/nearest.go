package config

import (
	"fmt"
	"strings"
)

// DidYouMean returns a hint that names the candidate nearest to what was written, or "" if none is near.
func DidYouMean(written string, candidates []string) string {
	if s := nearest(written, candidates); s != "" {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return ""
}

// nearest returns the candidate at the least edit distance, if it is near enough to be what was meant. Of equals, the first wins.
func nearest(written string, candidates []string) string {
	// A name of an attacker's length must not cost its square.
	if len(written) > 64 {
		return ""
	}
	best, at := "", 1+max(1, len(written)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(written), strings.ToLower(c)); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours (in bytes) that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
