package transcoder

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
)

// Config is the filter's configuration.
type Config struct {
	config.Source
	// Which conversion: httpTohttp2 (hosts are spoken to in HTTP/2) or http2Tohttp (in HTTP/1).
	Type Conversion `json:"type"`

	_ struct{} `later:"rules: conversions for some requests only"`
	_ struct{} `ignored:"trans: requests are converted when they are forwarded"`
	_ struct{} `later:"go_plugin_config: conversions from shared objects"`
}

// Conversion names a conversion, by where it begins and where it leads.
type Conversion string

// The conversions.
const (
	HTTP1ToHTTP2 Conversion = "httpTohttp2"
	HTTP2ToHTTP1 Conversion = "http2Tohttp"
)

// Values lists the conversions.
func (Conversion) Values() []string { return []string{"httpTohttp2", "http2Tohttp"} }

// transcoder is what hosts are spoken to. Requests pass it untouched: what they
// come in and what they go out in are the codecs' business.
type transcoder string

var _ filter.Converter = transcoder("")

// Make makes the filter.
func Make(c *config.Node, r *config.Report) filter.Filter {
	var conf Config
	c.DecodeInto(&conf, r)
	switch conf.Type {
	case HTTP1ToHTTP2:
		return transcoder("Http2")
	case HTTP2ToHTTP1:
		return transcoder("Http1")
	}
	if c.Get("type") == nil {
		r.Errorf(c, "type is missing: it says which conversion")
	}
	return transcoder("")
}

// Attach lets everything pass.
func (transcoder) Attach(*filter.Stream) (filter.Request, filter.Response) { return nil, nil }

// Converts returns the protocol of the hosts.
func (t transcoder) Converts() string { return string(t) }
