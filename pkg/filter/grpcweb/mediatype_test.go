package grpcweb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestParseType(t *testing.T) {
	type result struct {
		Form    form
		Subtype string
	}
	for value, want := range map[string]result{
		"application/grpc-web":                             {binary, ""},
		"application/grpc-web+proto":                       {binary, "proto"},
		"application/grpc-web+json; charset=utf-8":         {binary, "json"},
		"application/grpc-web ; charset=utf-8":             {binary, ""},
		"APPLICATION/gRPC-Web+Thrift":                      {binary, "Thrift"},
		"application/grpc-web-text":                        {text, ""},
		"application/grpc-web-text+proto":                  {text, "proto"},
		"application/grpc-web-text-base64":                 {text, ""},
		"application/grpc-web-text-base64+proto; format=x": {text, "proto"},
		"":                                 {},
		"application/grpc":                 {},
		"application/grpc+proto":           {},
		"application/grpc-web+":            {},
		"application/grpc-webs":            {},
		"application/grpc-web-base64":      {},
		"application/grpc-web-text-base32": {},
		"application/grpc-web-text+":       {},
		"text/html":                        {},
	} {
		f, subtype := parseType([]byte(value))
		if diff := cmp.Diff(want, result{f, string(subtype)}); diff != "" {
			t.Errorf("%q (-want +got)\n%s", value, diff)
		}
	}
}

func TestFormAccepted(t *testing.T) {
	for accept, want := range map[string][2]form{ // of a binary request, and of a text one
		"none":                           {binary, text},
		"":                               {binary, text},
		"*/*":                            {binary, text},
		"application/grpc-web-text":      {text, text},
		"application/grpc-web":           {binary, binary},
		"application/grpc-web+proto":     {binary, binary},
		"*/*, application/grpc-web-text": {text, text},
		"text/html;q=0.5 , application/grpc-web-text+proto;q=1, application/grpc-web": {text, text},
	} {
		var h stream.Head
		if accept != "none" {
			h.Add("Accept", accept)
		}
		if got := [2]form{formAccepted(&h, binary), formAccepted(&h, text)}; got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}
