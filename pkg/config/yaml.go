package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML parses a YAML text of one document. Aliases and merge keys become what they stand for, within maxAliased. What else JSON
// cannot say is refused: tags, keys that are not scalars, and numbers that are not finite. Keys given twice in one object are warned
// about: the last one counts.
func parseYAML(name string, data []byte, r *Report) (root *Node, serr *syntaxError) {
	if !utf8.Valid(data) {
		return nil, &syntaxError{line: 1, column: 1, message: "the text is not UTF-8"}
	}
	// The parser is somebody else's and its input anybody's: a fault in it is a text that cannot be read, not the end of a process
	// that serves requests while it reloads.
	defer func() {
		if v := recover(); v != nil {
			root, serr = nil, &syntaxError{line: 1, column: 1, message: fmt.Sprintf("the YAML parser cannot read this text: %v", v)}
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if err := checkNesting(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlError(err)
	}
	body, serr := onlyDocument(file)
	if serr != nil {
		return nil, serr
	}
	c := yamlConverter{file: &name}
	n := c.node(body, 0)
	if c.err != nil {
		return nil, c.err
	}
	c.twice.report(r)
	return n, nil
}

// onlyDocument returns the body of the text's document. An empty text has the body nil, which is null.
func onlyDocument(file *ast.File) (ast.Node, *syntaxError) {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, errorAtToken(doc.Body.GetToken(), "the text has a second document")
		}
		body = doc.Body
	}
	return body, nil
}

// checkNesting refuses a text that nests deeper than maxDepth before it reaches the parser, which is recursive. A level of block
// style costs at least one column, so their number is bounded by bounding the column.
func checkNesting(tokens token.Tokens) *syntaxError {
	const maxBlockColumn = 1024
	flow := 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			if t.Position.Column > maxBlockColumn {
				return errorAtToken(t, "lists and objects are nested too deep")
			}
		default:
		}
		if flow > maxDepth {
			return errorAtToken(t, fmt.Sprintf("lists and objects are nested deeper than %d", maxDepth))
		}
	}
	return nil
}

// yamlError takes the place and the message from an error of the parser.
func yamlError(err error) *syntaxError {
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &placed) {
		return errorAtToken(placed.GetToken(), placed.GetMessage())
	}
	return &syntaxError{line: 1, column: 1, message: err.Error()}
}

func errorAtToken(t *token.Token, message string) *syntaxError {
	e := &syntaxError{line: 1, column: 1, message: message}
	if t != nil && t.Position != nil {
		e.line, e.column = max(1, t.Position.Line), max(1, t.Position.Column)
	}
	return e
}

// yamlConverter turns the parser's tree into Nodes. After the first error every method returns at once.
type yamlConverter struct {
	file    *string
	err     *syntaxError
	twice   repeatedKeys
	anchors map[string]*Node
	aliased int // values that aliases stood for, so far
}

func (c *yamlConverter) fail(t *token.Token, format string, args ...any) {
	if c.err == nil {
		c.err = errorAtToken(t, fmt.Sprintf(format, args...))
	}
}

// node converts one value. It returns nil on error.
func (c *yamlConverter) node(from ast.Node, depth int) *Node {
	n := &Node{file: c.file, line: 1, column: 1}
	if from == nil {
		return n
	}
	if depth > maxDepth {
		c.fail(from.GetToken(), "lists and objects are nested deeper than %d", maxDepth)
	}
	if c.err != nil {
		return nil
	}
	n.place(startToken(from))
	switch v := from.(type) {
	case *ast.AnchorNode:
		n = c.anchor(v, depth)
	case *ast.AliasNode:
		n = c.alias(v, depth)
	case *ast.MappingNode:
		c.object(n, v.Values, depth)
	case *ast.MappingValueNode:
		c.object(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		c.list(n, v.Values, depth)
	default:
		c.scalar(n, from)
	}
	if c.err != nil {
		return nil
	}
	return n
}

// startToken returns the token at which a value starts: of an object in block style, its first key.
func startToken(from ast.Node) *token.Token {
	switch v := from.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	}
	return from.GetToken()
}

// place sets the node's position to that of a token.
func (n *Node) place(t *token.Token) {
	if t != nil && t.Position != nil {
		n.line, n.column = int32(max(1, t.Position.Line)), int32(max(1, t.Position.Column))
	}
}

func (c *yamlConverter) scalar(n *Node, from ast.Node) {
	switch v := from.(type) {
	case *ast.NullNode:
		n.kind = Null
	case *ast.BoolNode:
		n.kind, n.text = Bool, strconv.FormatBool(v.Value)
	case *ast.IntegerNode:
		n.kind, n.text = Number, fmt.Sprint(v.Value)
	case *ast.FloatNode:
		n.kind, n.text = Number, strconv.FormatFloat(v.Value, 'g', -1, 64)
		if strings.ContainsAny(n.text, "IN") {
			c.fail(v.Token, "a number must be finite")
		}
	case *ast.StringNode:
		n.kind, n.text = String, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = String, v.Value.Value
	case *ast.InfinityNode, *ast.NanNode:
		c.fail(from.GetToken(), "a number must be finite")
	case *ast.TagNode:
		c.fail(from.GetToken(), "tags are not accepted")
	default:
		c.fail(from.GetToken(), "%s is not accepted", from.Type().YAMLName())
	}
}

func (c *yamlConverter) object(n *Node, values []*ast.MappingValueNode, depth int) {
	n.kind = Object
	var keys memberSet
	var merged []*Node
	for _, mv := range values {
		at := mv.Key.GetToken()
		_, merges := mv.Key.(*ast.MergeKeyNode)
		key := ""
		if !merges {
			key = c.key(mv.Key)
		}
		value := c.node(mv.Value, depth+1)
		if c.err != nil {
			return
		}
		if merges {
			merged = append(merged, c.sources(at, value)...)
			continue
		}
		if mv.Value == nil {
			value.place(at)
		}
		m := Member{Key: key, Line: 1, Column: 1, Value: value}
		if at != nil && at.Position != nil {
			m.Line, m.Column = at.Position.Line, at.Position.Column
		}
		n.setMember(&keys, m, &c.twice)
	}
	n.merge(&keys, merged)
}

// key returns the text of a key.
func (c *yamlConverter) key(k ast.MapKeyNode) string {
	switch v := k.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value
	default:
		c.fail(k.GetToken(), "a key must be a plain text")
	}
	return ""
}

func (c *yamlConverter) list(n *Node, values []ast.Node, depth int) {
	n.kind = List
	for _, from := range values {
		item := c.node(from, depth+1)
		if item == nil {
			return
		}
		item.parent, item.index = n, int32(len(n.items))
		n.items = append(n.items, item)
	}
}
