package router

import (
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// edits are the changes that one level of a configuration makes to headers:
// first the additions, then the removals, each in their order.
type edits struct{ request, response []edit }

type edit struct {
	kind     editKind
	name     string
	value    []byte
	variable Variable // in place of value, if not nil
}

type editKind uint8

const (
	removeField  editKind = iota
	setField              // in place of what is there
	joinField             // to what is there, as one value
	joinCookie            // the same of Cookie, which has a separator of its own
	addSetCookie          // beside what is there: the only field whose values cannot be joined
	setHost               // the request's authority
)

// apply makes the changes in h, the head of the request r or of the response to it.
func apply(list []edit, h *stream.Head, r *Request) {
	for i := range list {
		e := &list[i]
		value := e.value
		if e.variable != nil {
			var ok bool
			if value, ok = r.variable(e.variable); !ok || !isFieldText(value) {
				continue
			}
		}
		switch e.kind {
		case removeField:
			h.Del(e.name)
		case setField:
			h.SetBytes(e.name, value)
		case joinField:
			h.Join(e.name, ",", value)
		case joinCookie:
			h.Join(e.name, "; ", value)
		case addSetCookie:
			h.AddBytes([]byte("Set-Cookie"), value)
		case setHost:
			h.SetAuthority(value)
		}
	}
}

// EditsResponse reports whether RewriteResponse does anything.
func (rt *Route) EditsResponse() bool {
	for i := range rt.edits {
		if len(rt.edits[i].response) > 0 {
			return true
		}
	}
	return false
}

// RewriteResponse changes the header of a response to r as the route, its virtual
// host and the table ask, in this order. It serves responses of weir's own as well.
func (rt *Route) RewriteResponse(h *stream.Head, r *Request) {
	for i := range rt.edits {
		apply(rt.edits[i].response, h, r)
	}
}

func (c *compiler) edits(s config.Source, conf config.HeaderEdits) edits {
	var e edits
	for i := range conf.RequestHeadersToAdd {
		e.request = c.addition(e.request, &conf.RequestHeadersToAdd[i], true)
	}
	for i, name := range conf.RequestHeadersToRemove {
		if n := item(s.At("request_headers_to_remove"), i); strings.EqualFold(name, "Host") {
			c.errorf(n, "Host cannot be removed: every request has one")
		} else {
			e.request = c.removal(e.request, n, name)
		}
	}
	for i := range conf.ResponseHeadersToAdd {
		e.response = c.addition(e.response, &conf.ResponseHeadersToAdd[i], false)
	}
	for i, name := range conf.ResponseHeadersToRemove {
		e.response = c.removal(e.response, item(s.At("response_headers_to_remove"), i), name)
	}
	return e
}

func (c *compiler) removal(list []edit, n *config.Node, name string) []edit {
	switch stream.IDOf(name) {
	case stream.ContentLength, stream.TransferEncoding:
		c.errorf(n, "%s cannot be removed: it says where the message ends", name)
		return list
	}
	return append(list, edit{kind: removeField, name: name})
}

func (c *compiler) addition(list []edit, conf *config.HeaderOption, request bool) []edit {
	name, value := conf.Header.Key, conf.Header.Value
	n := conf.Header.At("key")
	if !isFieldText(value) {
		c.errorf(conf.Header.At("value"), "%q has a control character in it", value)
		return list
	}
	variable := c.valueOf(conf)
	kind := setField
	switch {
	case conf.Append && strings.EqualFold(name, "Set-Cookie"):
		kind = addSetCookie
	case conf.Append && strings.EqualFold(name, "Cookie"):
		kind = joinCookie
	case conf.Append:
		kind = joinField
	}
	switch stream.IDOf(name) {
	case stream.ContentLength, stream.TransferEncoding, stream.Connection, stream.KeepAlive,
		stream.ProxyConnection, stream.TE, stream.Trailer, stream.Upgrade:
		c.errorf(n, "%s cannot be added: it concerns one connection only, and weir writes it itself", name)
		return list
	case stream.Host:
		if request {
			if kind, variable = setHost, nil; !isAuthority(value) {
				c.errorf(conf.Header.At("value"), "%q is not a host", value)
			}
		}
	}
	return append(list, edit{kind, name, []byte(value), variable})
}

// valueOf returns the variable that a value of a header to add stands for: one that
// is all %name%. It says so if there is no such variable, and returns nil: then the
// value is added as it is.
func (c *compiler) valueOf(conf *config.HeaderOption) Variable {
	name := conf.Header.Value
	if len(name) < 3 || name[0] != '%' || name[len(name)-1] != '%' {
		return nil
	}
	if c.Variable != nil {
		if v, err := c.Variable(name[1 : len(name)-1]); err == nil {
			return v
		}
	}
	c.report.Warnf(conf.Header.At("value"), "%q is added as it is: there is no such variable", name)
	return nil
}

// isFieldText tells whether a text can be the value of a header.
func isFieldText[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
