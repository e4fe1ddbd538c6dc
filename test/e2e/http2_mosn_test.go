package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// text is a configuration as it is.
type text string

func (s text) String() string { return string(s) }

// replaced puts addresses of the test in place of a configuration's.
func replaced(config string, addrs ...string) text {
	return text(strings.NewReplacer(addrs...).Replace(config))
}

// http2ToHTTP1 is a configuration of MOSN's that takes HTTP/2 and should speak HTTP/1
// to its hosts, which MOSN does not.
const http2ToHTTP1 = `{"servers":[{"default_log_path":"stdout","listeners":[{"name":"serverListener","address":"127.0.0.1:2046",
"bind_port":true,"log_path":"stdout","filter_chains":[{"tls_context":{},"filters":[{"type":"proxy","config":{
"downstream_protocol":"Http2","upstream_protocol":"Http1","router_config_name":"server_router"}},{"type":"connection_manager",
"config":{"router_config_name":"server_router","virtual_hosts":[{"name":"serverHost","domains":["*"],"routers":[{"match":
{"prefix":"/"},"route":{"cluster_name":"serverCluster"}}]}]}}]}]}]}],"cluster_manager":{"clusters":[{"Name":"serverCluster",
"type":"SIMPLE","lb_type":"LB_RANDOM","max_request_per_conn":1024,"conn_buffer_limit_bytes":32768,"hosts":[{"address":
"127.0.0.1:8080"}]},{"Name":"clientCluster","type":"SIMPLE","lb_type":"LB_RANDOM","max_request_per_conn":1024,
"conn_buffer_limit_bytes":32768,"hosts":[{"address":"127.0.0.1:2046"}]}]}}`

// TestMOSNHTTP2ToHTTP1: it does what it says.
func TestMOSNHTTP2ToHTTP1(t *testing.T) {
	up := serveIn(t, h1, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.Method, r.RequestURI, body)
	})
	addr := refusing(t)
	start(t, replaced(http2ToHTTP1, "127.0.0.1:2046", addr, "127.0.0.1:8080", up.addr()))
	url := "http://" + addr
	c := clientOf(t, h2)
	for range 3 {
		get(t, c, url+"/a?b").expect(t, 200, "HTTP/1.1 GET /a?b ")
		do(t, c, "POST", url+"/c", "body").expect(t, 200, "HTTP/1.1 POST /c body")
	}
	if a, err := try(client(t), "GET", url+"/", nil); err == nil {
		t.Errorf("HTTP/1 was answered %d %q", a.StatusCode, a.body)
	}
}

// meshOverHTTP2 is a configuration of MOSN's with two listeners: HTTP/1 comes in,
// goes over HTTP/2 to the second, and on in HTTP/1.
const meshOverHTTP2 = `{
  "servers":[{
    "default_log_path":"stdout",
    "default_log_level":"ERROR",
    "routers":[
      {"router_config_name":"client_in",
       "virtual_hosts":[{"name":"server_hosts","domains":["*"],"routers":[
         {"match":{"prefix":"/direct_response"},"direct_response":{"status":200,"body":"mosn direct response"}},
         {"match":{"prefix":"/upstream"},"route":{"cluster_name":"trans_server"}},
         {"match":{"prefix":"/"},"route":{"cluster_name":"to_mesh"}}]}]},
      {"router_config_name":"router_to_server",
       "virtual_hosts":[{"name":"server_hosts_2","domains":["*"],"routers":[
         {"match":{"prefix":"/"},"route":{"cluster_name":"original_server"}}]}]}
    ],
    "listeners":[
      {"address":"127.0.0.1:2045","bind_port":true,
       "filter_chains":[{"filters":[{"type":"proxy","config":{"downstream_protocol":"Http1","upstream_protocol":"Auto","router_config_name":"client_in"}}]}],
       "stream_filters":[{"type":"transcoder","config":{"type":"httpTohttp2"}}]},
      {"address":"127.0.0.1:2046","bind_port":true,
       "filter_chains":[{"filters":[{"type":"proxy","config":{"downstream_protocol":"Http2","upstream_protocol":"Auto","router_config_name":"router_to_server"}}]}],
       "stream_filters":[{"type":"transcoder","config":{"type":"http2Tohttp"}}]}
    ]
  }],
  "cluster_manager":{"clusters":[
    {"name":"original_server","type":"SIMPLE","lb_type":"LB_RANDOM","hosts":[{"address":"127.0.0.1:8080"}]},
    {"name":"to_mesh","type":"SIMPLE","lb_type":"LB_RANDOM","hosts":[{"address":"127.0.0.1:2046"}]},
    {"name":"trans_server","type":"SIMPLE","lb_type":"LB_RANDOM","hosts":[{"address":"127.0.0.1:8081"}]}
  ]}
}`

// TestMOSNMesh: three hops, of which the middle one is HTTP/2.
func TestMOSNMesh(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		io.Copy(w, r.Body)
	}
	one, two := serveIn(t, h1, echo), serveIn(t, h2, echo)
	first, second := refusing(t), refusing(t)
	start(t, replaced(meshOverHTTP2, "127.0.0.1:2045", first, "127.0.0.1:2046", second, "127.0.0.1:8080", one.addr(), "127.0.0.1:8081", two.addr()))
	c := client(t)
	body := string(pattern(300 << 10))
	for range 3 {
		get(t, c, "http://"+first+"/direct_response").expect(t, 200, "mosn direct response")
		a := do(t, c, "POST", "http://"+first+"/x", body)
		if a.expect(t, 200, body); a.Header.Get("X-Proto") != "HTTP/1.1" {
			t.Errorf("the host was spoken to in %s", a.Header.Get("X-Proto"))
		}
		a = do(t, c, "POST", "http://"+first+"/upstream", body)
		if a.expect(t, 200, body); a.Header.Get("X-Proto") != "HTTP/2.0" {
			t.Errorf("the host was spoken to in %s", a.Header.Get("X-Proto"))
		}
	}
	do(t, clientOf(t, h2), "POST", "http://"+second+"/y", body).expect(t, 200, body)
}
