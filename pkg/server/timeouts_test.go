package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
)

// TestTimeoutsOfProtocols: each protocol has the times that are given under its own
// name; calls of RPC protocols are judged by their own timeouts unless one is given.
func TestTimeoutsOfProtocols(t *testing.T) {
	const s = time.Second
	http := func(idle time.Duration) protocol.Timeouts {
		return protocol.Timeouts{Header: 10 * s, StreamIdle: idle, Idle: 90 * s}
	}
	rpc := protocol.Timeouts{Header: 10 * s, Idle: 90 * s}
	for extend, want := range map[string]map[string]protocol.Timeouts{
		`{}`:                                     {"Http1": http(300 * s), "Http2": http(300 * s), "bolt": rpc},
		`{"Http1":{"stream_idle_timeout":"1s"}}`: {"Http1": http(s), "Http2": http(300 * s), "bolt": rpc},
		`{"Http2":{"stream_idle_timeout":"1s"},"Http1":{}}`:            {"Http1": http(300 * s), "Http2": http(s), "bolt": rpc},
		`{"bolt":{"stream_idle_timeout":"1s","frame_timeout":"2s"}}`:   {"Http1": http(300 * s), "bolt": {Header: 2 * s, StreamIdle: s, Idle: 90 * s}},
		`{"bolt":{"idle_timeout":"1h"},"Http1":{"idle_timeout":"1s"}}`: {"Http1": {Header: 10 * s, StreamIdle: 300 * s, Idle: s}, "bolt": {Header: 10 * s, Idle: time.Hour}},
	} {
		text := fmt.Sprintf(`{"servers":[{"routers":[{"router_config_name":"r"}],"listeners":[{"name":"l","address":"127.0.0.1:0","bind_port":true,
			"filter_chains":[{"filters":[{"type":"proxy","config":{"router_config_name":"r","extend_config":%s}}]}]}]}]}`, extend)
		g := Registry{Protocols: protocol.Registry{http1.Protocol(), http2.Protocol(), bolt.Spec().Protocol()}}
		c, report, err := config.Parse("t.json", []byte(text), config.Options{Protocols: g.Protocols.ForConfig()})
		if err != nil {
			t.Fatal(report.Problems())
		}
		b := builder{registry: g, config: c, report: report}
		l := b.build(nil, 1).Snapshot.Listeners[0]
		got := make(map[string]protocol.Timeouts)
		for _, p := range l.Protocols {
			if _, ok := want[p.Name]; ok {
				got[p.Name] = p.Timeouts
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", extend, diff)
		}
	}
}
