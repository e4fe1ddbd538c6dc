package variable

import (
	"fmt"
	"strings"
)

// Piece is a part of a format: a text, or a variable.
type Piece struct {
	Text     string // if it is not a variable
	Variable Variable
	IsVar    bool
}

// ParseFormat takes a format apart: text with %names% in it. A percent sign is
// written %%, or \% as in MOSN. No two texts follow each other, and none is
// empty. A name that nobody knows is a variable that no request has, and unknown
// says so.
func ParseFormat(format string) (pieces []Piece, unknown []error, err error) {
	var text strings.Builder
	for rest := format; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			text.WriteString(rest)
			break
		}
		before, after := rest[:i], rest[i+1:]
		if strings.HasSuffix(before, `\`) {
			text.WriteString(before[:i-1] + "%")
			rest = after
			continue
		}
		text.WriteString(before)
		name, behind, closed := strings.Cut(after, "%")
		if !closed {
			return nil, nil, fmt.Errorf("the %% before %q is not closed by another: a percent sign itself is written %%%%", clip(after))
		}
		rest = behind
		if name == "" {
			text.WriteByte('%')
			continue
		}
		v, err := Parse(name)
		if err != nil {
			v, unknown = Variable{&parsed{name: name, entry: &entry{kind: Token, append: absent}}}, append(unknown, err)
		}
		if text.Len() > 0 {
			pieces = append(pieces, Piece{Text: text.String()})
			text.Reset()
		}
		pieces = append(pieces, Piece{Variable: v, IsVar: true})
	}
	if text.Len() > 0 {
		pieces = append(pieces, Piece{Text: text.String()})
	}
	return pieces, unknown, nil
}

// clip shortens what is quoted in an error.
func clip(s string) string {
	const most = 32
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
