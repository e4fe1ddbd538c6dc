package repotest

import (
	"path"
	"slices"
	"strings"
)

// layers is the architecture, top to bottom: a package imports only packages of areas that stand below its own area. A package that
// is inside an area belongs to it; of areas inside each other, to the innermost. Each area says why it stands where it stands.
//
// The order may be bettered; what may not come is a cycle.
var layers = []struct{ area, why string }{
	{"cmd/weir", "wires everything, so it sees everything"},
	{"pkg/standard", "lists the parts of weir's own program, for programs that add some"},
	{"pkg/server", "builds snapshots out of all parts and runs them"},
	{"pkg/server/registration", "announces services, for a configuration and for who publishes them; it knows no server"},
	{"pkg/server/remoteconfig", "follows what Consul has of the configuration; what is done about it is the server's business"},
	{"pkg/server/clusters", "finds and watches the hosts of a configuration's clusters; it knows no server"},
	{"pkg/server/transaction", "what takes part in a change of the configuration knows the change, and not who makes it"},
	{"pkg/admin", "shows the state of the parts; the server lends it what to show"},
	{"pkg/proxy", "one request's life: it joins streams, filters, routes and upstream"},
	{"pkg/filter", "filters see streams, and may ask for routes and clusters"},
	{"pkg/router", "a route names clusters, so policies may know what a cluster is"},
	{"pkg/health", "asks hosts by the protocols' codecs, and knows nothing of who balances over them"},
	{"pkg/events", "the log of what happens to hosts, for those who find it out"},
	{"pkg/upstream", "clusters and pools: they use hosts from discovery and codecs from protocol"},
	{"pkg/upstream/members", "which hosts a cluster has and how they are; it knows no worker"},
	{"pkg/upstream/outlier", "counts and judges; what is done with a host that fails is not its business"},
	{"pkg/upstream/balance", "chooses numbers; what they stand for is not its business"},
	{"pkg/discovery", "yields hosts, and knows nothing of who balances over them"},
	{"pkg/xprotocol", "framed RPC protocols are a kind of protocol"},
	{"pkg/protocol/h2c", "leads from one version of HTTP to the other, over the codecs of both"},
	{"pkg/protocol", "codecs turn bytes into the stream model"},
	{"pkg/protocol/grpc", "what gRPC adds to HTTP, over the stream model alone: codecs know a call by it, and the proxy"},
	{"pkg/protocol/internal/httprule", "rules of HTTP that both versions' codecs keep"},
	{"pkg/protocol/http2/hpack", "header compression by itself, which knows neither frames nor streams"},
	{"pkg/accesslog", "writes a line about a stream, in terms of variables"},
	{"pkg/variable", "names what is known of a stream"},
	{"pkg/metrics", "counts; what it is that is counted stays with those who count"},
	{"pkg/logging", "the process's log, which knows nothing of what is logged"},
	{"pkg/stream", "the model that codecs, filters and the proxy share: heads, data, trailers, resets"},
	{"pkg/config", "what a file says; everybody above reads its part, and it knows nobody"},
	{"pkg/eventloop", "loops, connections and timers move bytes without knowing what they mean"},
	{"pkg/buffer", "bytes in slabs, under everything"},
	{"configs", "configurations as data, which import nothing"},
}

// aside are areas outside the layers: programs and helpers that the proxy is not made of. They import of the module only what is
// listed.
var aside = []struct {
	area  string
	below []string
	why   string
}{
	{"bench", []string{"bench"}, "measurements look at weir from outside, as they look at its peers"},
	{"examples", []string{"cmd", "pkg", "examples"}, "examples show the public packages in use"},
	{"test", []string{"cmd", "pkg", "configs", "test"}, "end-to-end tests see everything"},
	{"internal", []string{"internal", "pkg"}, "helpers of tests"},
}

// ban is an import that is wrong in this project.
type ban struct {
	path   string // the import path, or a prefix that ends in a slash
	except []string
	why    string
}

// bans are checked in all files. Exceptions are areas; "tests" stands for all test files, "kits" for the files of test kits.
var bans = []ban{
	{"net/http", []string{"cmd", "pkg/admin", "pkg/discovery/consul", "bench", "examples", "tests"}, "its server and client have a goroutine per connection and their own idea of HTTP; the data path has codecs of its own"},
	{"log", nil, "the process's log is log/slog, which the caller passes in"},
	{"math/rand", nil, "math/rand/v2 is seeded and faster; secrets need crypto/rand"},
	{"unsafe", []string{"pkg/eventloop", "pkg/buffer", "tests"}, "memory safety is given up in two places that are tested for it; tests may compare addresses"},
	{"reflect", []string{"pkg/config", "tests"}, "it hides types from the compiler, and allocates; reading configuration files is what it is for"},
	{"plugin", nil, "extensions are built in, or speak a protocol"},
	{"C", nil, "builds need no C compiler, and a call into C stops a worker"},
	{"testing", []string{"internal", "tests", "kits"}, "test helpers that others may use live in a package whose name ends in test"},
	{"io/ioutil", nil, "it is deprecated"},
	{"golang.org/x/net/http2/h2c", nil, "it is deprecated, and stands on net/http"},
}

// codecBans are for codecs alone: the packages inside pkg/protocol and pkg/xprotocol.
var codecBans = []ban{
	{"net", nil, "codecs do no I/O: bytes in, events out"},
	{"os", nil, "codecs do no I/O: bytes in, events out"},
	{"io", []string{"tests"}, "a reader would decide when bytes come; the caller does"},
	{"context", nil, "a codec never waits, so there is nothing to cancel"},
	{"sync", []string{"tests"}, "a codec lives on one worker and needs no lock"},
	{"sync/atomic", []string{"tests"}, "a codec lives on one worker and shares nothing"},
	{"log/slog", nil, "a codec reports events; whoever drives it logs"},
	{modulePath + "/pkg/eventloop", []string{"tests"}, "codecs do no I/O: bytes in, events out"},
}

func importRules() []rule {
	return []rule{
		{
			name:  "imports point down",
			why:   "The list of layers in imports_test.go is the architecture. A new area needs a place in it, with a reason.",
			check: upwardImports,
			finds: 6,
			breaks: map[string]string{
				"pkg/protocol/http2/hpack/a.go": `package hpack; import "github.com/weirproxy/weir/pkg/protocol"`,
				"pkg/protocol/http2/a.go":       `package http2; import "github.com/weirproxy/weir/pkg/protocol/http2/hpack"`,
				"pkg/buffer/a.go":               `package buffer; import "github.com/weirproxy/weir/pkg/eventloop"`,
				"pkg/filter/a.go":               `package filter; import "github.com/weirproxy/weir/pkg/filter/fault"`,
				"pkg/filter/gzip/a.go":          `package gzip; import ("github.com/weirproxy/weir/pkg/filter"; "github.com/weirproxy/weir/pkg/filter/fault")`,
				"pkg/novel/a.go":                `package novel`,
				"bench/a.go":                    `package bench; import "github.com/weirproxy/weir/pkg/buffer"`,
				"pkg/proxy/a.go":                `package proxy; import "github.com/weirproxy/weir/pkg/filter/fault"`,
				"pkg/stream/a_test.go":          `package stream_test; import "github.com/weirproxy/weir/pkg/protocol/http1"`,
			},
		},
		{
			name:  "forbidden imports",
			why:   "Each ban in imports_test.go has its reason; an exception belongs there too, where a reviewer sees it.",
			check: func(files []*source) []string { return bannedImports(files, bans, func(string) bool { return true }) },
			finds: 3,
			breaks: map[string]string{
				"pkg/server/a.go":      `package server; import ("net/http"; "net/http/httptest"; "log")`,
				"pkg/server/a_test.go": `package server; import ("net/http"; "math/rand")`,
				"pkg/config/a.go":      `package config; import ("reflect"; "log/slog")`,
			},
		},
		{
			name:  "codecs do no I/O",
			why:   "A codec is bytes in, events out: no sockets, no clock, no goroutines. That is what makes it testable at every split.",
			check: impureCodecs,
			finds: 4,
			breaks: map[string]string{
				"pkg/protocol/http9/a.go": `package http9; import ("net"; "sync"; "time"); func f() { go f(); _ = time.Now() }`,
				"pkg/protocol/a.go":       `package protocol; import "net"`,
			},
		},
		{
			name:  "plain imports",
			why:   "Blank imports register behind the reader's back, and dot imports hide where a name comes from.",
			check: oddImports,
			finds: 2,
			breaks: map[string]string{
				"pkg/server/a.go": `package server; import (_ "embed"; _ "github.com/weirproxy/weir/pkg/filter/fault"; . "fmt")`,
			},
		},
	}
}

func upwardImports(files []*source) []string {
	var found []string
	for _, s := range files {
		from, below, known := rank(s.dir())
		if !known {
			found = append(found, s.finding(s.ast.Name, "%s has no place among the layers", s.dir()))
			continue
		}
		if s.isTest() {
			continue // an integration test stands above what it tests
		}
		for p, spec := range s.imports {
			to, ok := strings.CutPrefix(p, modulePath+"/")
			if !ok {
				continue
			}
			if below != nil {
				if !within(to, below...) {
					found = append(found, s.finding(spec, "imports %s", to))
				}
				continue
			}
			if rankTo, _, known := rank(to); !known || rankTo < from || rankTo == from && !toParent(s.dir(), to) {
				found = append(found, s.finding(spec, "imports %s, which does not stand below", to))
			}
		}
	}
	return found
}

// rank is the place of a folder's area among the layers, from the top. An area aside has no place, but a list of what it may import.
func rank(dir string) (place int, below []string, known bool) {
	innermost := ""
	for i, l := range layers {
		if within(dir, l.area) && len(l.area) > len(innermost) {
			place, innermost = i, l.area
		}
	}
	if innermost != "" {
		return place, nil, true
	}
	for _, a := range aside {
		if within(dir, a.area) {
			return len(layers), a.below, true
		}
	}
	return 0, nil, false
}

// toParent says whether an import inside an area is one that may be: of a package the importer is inside of, whose contract it
// fulfils, or of an internal package.
func toParent(from, to string) bool {
	return within(from, to) || path.Base(path.Dir(to)) == "internal" || path.Base(to) == "internal"
}

func bannedImports(files []*source, list []ban, applies func(dir string) bool) []string {
	var found []string
	for _, s := range files {
		if !applies(s.dir()) {
			continue
		}
		for p, spec := range s.imports {
			for _, b := range list {
				if p == b.path && !exempt(s, b.except) {
					found = append(found, s.finding(spec, "imports %s: %s", p, b.why))
				}
			}
		}
	}
	return found
}

func exempt(s *source, areas []string) bool {
	return within(s.dir(), areas...) ||
		s.isTest() && slices.Contains(areas, "tests") ||
		s.isKit() && slices.Contains(areas, "kits")
}

func isCodec(dir string) bool {
	parent, ok := strings.CutPrefix(dir, "pkg/")
	return ok && within(parent, "protocol", "xprotocol") && strings.Contains(parent, "/")
}

func impureCodecs(files []*source) []string {
	found := bannedImports(files, codecBans, isCodec)
	for _, s := range files {
		if !isCodec(s.dir()) || s.isTest() {
			continue
		}
		for _, member := range []string{"Now", "Since", "Until", "NewTimer", "NewTicker", "AfterFunc", "After", "Sleep"} {
			for _, n := range s.uses("time", member) {
				found = append(found, s.finding(n, "reads the clock: take the time as an argument"))
			}
		}
		for _, n := range goStatements(s.ast) {
			found = append(found, s.finding(n, "starts a goroutine"))
		}
	}
	return found
}

func oddImports(files []*source) []string {
	var found []string
	for _, s := range files {
		for p, spec := range s.imports {
			if spec.Name != nil && (spec.Name.Name == "." || spec.Name.Name == "_" && p != "embed") {
				found = append(found, s.finding(spec, "imports %s as %s", p, spec.Name.Name))
			}
		}
	}
	return found
}
