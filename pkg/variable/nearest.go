package variable

import "strings"

// nearest returns the known name at the least edit distance from what was
// written, if it is near enough to be what was meant.
func nearest(written string) string {
	if len(written) > 64 { // The distance costs the product of the lengths.
		return ""
	}
	best, at := "", 1+max(1, len(written)/3)
	for i := range table {
		e := &table[i]
		name, w := e.name, strings.ToLower(written)
		if e.keyed && len(w) > len(name) {
			// Only the beginning is fixed; the rest is suggested as it was written.
			if d := distance(w[:len(name)], name); d < at {
				best, at = name+written[len(name):], d
			}
			continue
		}
		if d := distance(w, name); d < at {
			best, at = name, d
			if e.keyed {
				best += "X"
			}
		}
	}
	return best
}

// distance is the number of insertions, deletions and substitutions of bytes
// that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := diagonal
			if a[i-1] != b[j-1] {
				d++
			}
			diagonal = row[j]
			row[j] = min(row[j]+1, row[j-1]+1, d)
		}
	}
	return row[len(b)]
}
