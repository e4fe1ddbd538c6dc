// Package interop has no code of its own, only tests: programs written with the
// RPC libraries that others use, SOFARPC, SOFABolt, Dubbo, Triple and gRPC in
// Java, Node and Go, call each other through weirs that run as processes of their
// own.
//
// The programs are those of the folder examples, where each says what it checks.
// Here is what stands between them: start at interop_test.go, the table of who
// calls whom, and by which way. topology_test.go has the ways, from configurations
// that config_test.go makes; peer_test.go builds and runs the examples,
// weir_test.go runs weir.
//
// consul_example_test.go runs the one example that has weirs, and a Consul, of its own.
//
// Beside them, suites that others wrote test weir itself: h2spec its side towards
// clients of HTTP/2, h2specd the one towards servers, and gRPC's interop client and
// server both. tools/peers/go.mod pins them; suites_test.go builds and runs them.
// They need Go and nothing else:
//
//	go test -tags interop -run 'H2spec|GRPC|Conformance' ./test/interop
//
// Connect's conformance suite runs through weir as well, in conformance_test.go: a part of it with the others, all of it,
// and without weir for comparison, by
//
//	make conformance
//
// tools/conformance/go.mod pins it. The program tools/conformance/through puts a weir between the suite and the peer that it
// tests; the list of what fails without weir too stands there, with its reason.
//
// Other stacks put weir under load, to which its limits against abuse must be no limits: gRPC in Go, Java and Node, and Node's own
// HTTP/2, by load_test.go and the files beside it; nghttp2 and Envoy, by h2load_test.go and envoy_test.go, which
// "make peers" runs. Each load goes on for two seconds, or as many as WEIR_LOAD_SECONDS says:
//
//	WEIR_LOAD_SECONDS=60 go test -tags interop -timeout 2h -run Load ./test/interop
//
// The other tests take a JDK, Maven and Node, and some minutes. So all of them have
// a build tag:
//
//	go test -tags interop ./test/interop
//	go test -tags interop -run '/auto/sofarpc' ./test/interop
//
// As many clients run at once as -parallel says. Beside them there are at most
// five Java servers, and none of these programs takes more than 256 MiB of heap.
package interop
