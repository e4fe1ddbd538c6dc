package grpc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestSubtype(t *testing.T) {
	const none = "none"
	for contentType, want := range map[string]string{
		"application/grpc":                        "",
		"application/grpc+proto":                  "proto",
		"application/grpc+json":                   "json",
		"Application/GRPC+Proto":                  "Proto",
		"application/grpc; charset=utf-8":         "",
		"application/grpc+json;charset=utf-8":     "json",
		"application/grpc+json ; charset=utf-8":   "json",
		"application/grpc+vnd.a+b":                "vnd.a+b",
		"":                                        none,
		"application/grpc+":                       none,
		"application/grpc+;x":                     none,
		"application/grpcx":                       none,
		"application/grp":                         none,
		"application/grpc-web":                    none,
		"application/grpc-web+proto":              none,
		"application/grpc-web-text":               none,
		"application/json":                        none,
		"text/html, application/grpc":             none,
		"application/grpc application/grpc+proto": none,
	} {
		subtype, ok := Subtype([]byte(contentType))
		if ok != (want != none) || ok && string(subtype) != want {
			t.Errorf("%q: %q, %v; want %q", contentType, subtype, ok, want)
		}
	}
}

func head(status int, fields ...string) *stream.Head {
	h := &stream.Head{}
	h.Clear()
	h.Status = status
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

func TestIsRequest(t *testing.T) {
	rpc := head(0, "content-type", "application/grpc")
	rpc.RPC.Kind = stream.KindRequest
	tests := []struct {
		name              string
		head              *stream.Head
		request, response bool
	}{
		{"a request", head(0, "content-type", "application/grpc+proto"), true, false},
		{"a response", head(200, "Content-Type", "application/grpc"), false, true},
		{"an error of HTTP", head(503, "content-type", "application/grpc"), false, false},
		{"gRPC-Web", head(0, "content-type", "application/grpc-web+proto"), false, false},
		{"a request of HTTP", head(0), false, false},
		{"a response of HTTP", head(200, "content-type", "text/html"), false, false},
		{"a field of another protocol", rpc, false, false},
	}
	for _, tt := range tests {
		if q, p := IsRequest(tt.head), IsResponse(tt.head); q != tt.request || p != tt.response {
			t.Errorf("%s: request %v, response %v", tt.name, q, p)
		}
	}
}

func TestSplitPath(t *testing.T) {
	type parts struct {
		Service, Method string
		OK              bool
	}
	for path, want := range map[string]parts{
		"/google.pubsub.v2.PublisherService/CreateTopic": {"google.pubsub.v2.PublisherService", "CreateTopic", true},
		"/Service/Method":                {"Service", "Method", true},
		"/context/pkg.Service/Method":    {"pkg.Service", "Method", true},
		"/a/b/c/pkg.Service/Method":      {"pkg.Service", "Method", true},
		"/pkg.Service/Method?a=/b/c":     {"pkg.Service", "Method", true},
		"/pkg.Service/Method/":           {},
		"/pkg.Service/":                  {},
		"/pkg.Service":                   {},
		"//Method":                       {},
		"/context//Method":               {},
		"/":                              {},
		"":                               {},
		"?":                              {},
		"*":                              {},
		"pkg.Service/Method":             {},
		"context/pkg.Service/Method":     {},
		"/?/pkg.Service/Method":          {},
		"http://host/pkg.Service/Method": {},
	} {
		service, method, ok := SplitPath([]byte(path))
		if diff := cmp.Diff(want, parts{string(service), string(method), ok}); diff != "" {
			t.Errorf("%q (-want +got)\n%s", path, diff)
		}
	}
}

func TestAttribute(t *testing.T) {
	h := head(0, "tri-service-group", "blue", "Tri-Service-Version", "1.0.0")
	h.SetPath([]byte("/org.apache.dubbo.Greeter/greet"))
	bare := head(0, "tri-service-group", "")
	bare.SetPath([]byte("/"))
	for a, want := range map[stream.Attribute]string{
		stream.Service: "org.apache.dubbo.Greeter", stream.Method: "greet", stream.Version: "1.0.0", stream.Group: "blue",
		stream.NoAttribute: "",
	} {
		got, ok := Attribute(h, a)
		if string(got) != want || ok != (want != "") {
			t.Errorf("attribute %d: %q, %v; want %q", a, got, ok, want)
		}
		if got, ok := Attribute(bare, a); ok {
			t.Errorf("attribute %d of a request without any: %q", a, got)
		}
	}
}
