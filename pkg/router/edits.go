package router

import (
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// edits are the changes that one level of a configuration makes to headers:
// first the removals, then the additions, each in their order.
type edits struct{ request, response []edit }

type edit struct {
	kind        editKind
	name, value string
}

type editKind uint8

const (
	removeField editKind = iota
	setField             // in place of what is there
	addField             // to what is there
	setHost              // the request's authority
)

// apply makes the changes, in a request or a response.
func apply(list []edit, h *stream.Head, r *Request) {
	for i := range list {
		switch e := &list[i]; e.kind {
		case removeField:
			h.Del(e.name)
		case setField:
			h.Set(e.name, e.value)
		case addField:
			h.Add(e.name, e.value)
		case setHost:
			r.rewrite = append(r.rewrite[:0], e.value...)
			h.SetAuthority(r.rewrite)
		}
	}
}

// RewriteResponse changes the header of a response as the route, its virtual host
// and the table ask, in this order. It serves responses of weir's own as well.
func (rt *Route) RewriteResponse(h *stream.Head) {
	for i := range rt.edits {
		apply(rt.edits[i].response, h, nil)
	}
}

func (c *compiler) edits(s config.Source, conf config.HeaderEdits) edits {
	var e edits
	for i, name := range conf.RequestHeadersToRemove {
		if n := item(s.At("request_headers_to_remove"), i); strings.EqualFold(name, "Host") {
			c.errorf(n, "Host cannot be removed: every request has one")
		} else {
			e.request = c.removal(e.request, n, name)
		}
	}
	for i := range conf.RequestHeadersToAdd {
		e.request = c.addition(e.request, &conf.RequestHeadersToAdd[i], true)
	}
	for i, name := range conf.ResponseHeadersToRemove {
		e.response = c.removal(e.response, item(s.At("response_headers_to_remove"), i), name)
	}
	for i := range conf.ResponseHeadersToAdd {
		e.response = c.addition(e.response, &conf.ResponseHeadersToAdd[i], false)
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
	if len(value) > 2 && value[0] == '%' && value[len(value)-1] == '%' {
		c.report.Warnf(conf.Header.At("value"), "%q is added as it is: variables are not replaced in headers", value)
	}
	kind := setField
	if conf.Append {
		kind = addField
	}
	switch stream.IDOf(name) {
	case stream.ContentLength, stream.TransferEncoding, stream.Connection, stream.KeepAlive,
		stream.ProxyConnection, stream.TE, stream.Trailer, stream.Upgrade:
		c.errorf(n, "%s cannot be added: it concerns one connection only, and weir writes it itself", name)
		return list
	case stream.Host:
		if request {
			if kind = setHost; !isAuthority(value) {
				c.errorf(conf.Header.At("value"), "%q is not a host", value)
			}
		}
	}
	return append(list, edit{kind, name, value})
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
