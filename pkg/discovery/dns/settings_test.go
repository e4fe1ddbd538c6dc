package dns

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirproxy/weir/pkg/config"
)

func TestParseResolvConf(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       resolvConf
	}{
		{"empty", "", resolvConf{servers: []string{"127.0.0.1", "::1"}, ndots: -1}},
		{"kubernetes", "search ns.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
			resolvConf{servers: []string{"10.96.0.10"}, search: []string{"ns.svc.cluster.local", "svc.cluster.local", "cluster.local"}, ndots: 5}},
		{"much", "# comment\n; comment\n\ndomain a.example\nnameserver fe80::1%eth0\nnameserver name.example\nnameserver\n nameserver 10.0.0.1 # x\n" +
			"options timeout:3 attempts:4 rotate use-vc edns0 ndots:0\nsortlist 10.0.0.0\n",
			resolvConf{servers: []string{"fe80::1%eth0", "10.0.0.1"}, search: []string{"a.example"}, timeout: 3 * time.Second, attempts: 4, rotate: true, tcp: true}},
		{"out of bounds", "nameserver 10.0.0.1\noptions timeout:999 attempts:999 ndots:999\noptions timeout:x attempts:-1 ndots:",
			resolvConf{servers: []string{"10.0.0.1"}, ndots: 15, timeout: 30 * time.Second, attempts: 10}},
		{"too many", strings.Repeat("nameserver 10.0.0.1\n", 100), resolvConf{ndots: -1,
			servers: []string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(&test.want, parseResolvConf([]byte(test.text)), cmp.AllowUnexported(resolvConf{})); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestSettings puts the configuration and the file together.
func TestSettings(t *testing.T) {
	file := parseResolvConf([]byte("nameserver 10.0.0.1\nnameserver ::1\nsearch a.example\noptions ndots:5 timeout:1 attempts:3 rotate\n"))
	addresses := func(list ...string) (all []netip.AddrPort) {
		for _, a := range list {
			all = append(all, netip.MustParseAddrPort(a))
		}
		return all
	}
	for _, test := range []struct {
		name, text string
		want       settings
	}{
		{"nothing", `{}`, settings{servers: addresses("10.0.0.1:53", "[::1]:53"), search: []string{"a.example."}, ndots: 5, patience: time.Second, attempts: 3, rotate: true}},
		{"some", `{"dns_resolver_port":54,"dns_resolvers":{"search":["B.example"],"ndots":2,"timeout":"4s","attempts":1}}`,
			settings{servers: addresses("10.0.0.1:54", "[::1]:54"), search: []string{"b.example."}, ndots: 2, patience: 4 * time.Second, attempts: 1, rotate: true}},
		{"servers", `{"dns_resolvers":{"servers":["10.0.0.2","10.0.0.3:5353","::1","[::2]:53"],"port":55}}`,
			settings{servers: addresses("10.0.0.2:55", "10.0.0.3:5353", "[::1]:55", "[::2]:53"), ndots: 1, patience: 2 * time.Second, attempts: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := `{"servers":[{}],"cluster_manager":{"clusters":[` +
				strings.Replace(test.text, "{", `{"name":"c","hosts":[{"address":"10.9.9.9:80"}]`+comma(test.text), 1) + `]}}`
			c, _, err := config.Parse("weir.json", []byte(text), config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := settingsOf(&c.ClusterManager.Clusters[0], file)
			if d := cmp.Diff(&test.want, got, cmp.AllowUnexported(settings{}), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.AddrPort{})); d != "" {
				t.Error(d)
			}
		})
	}
}

// comma separates what comes from more, if there is more.
func comma(object string) string {
	if object == "{}" {
		return ""
	}
	return ","
}

// TestSystemFiles has the system's files change.
func TestSystemFiles(t *testing.T) {
	srv := serve(t)
	srv.set("db.one.example.", 60, "10.0.0.1")
	srv.set("db.two.example.", 60, "10.0.0.2")
	_, port, _ := strings.Cut(srv.address, ":")
	folder := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("resolv.conf", "nameserver 127.0.0.1\nsearch one.example\n")
	src := newSource(folder, filepath.Join(folder, "resolv.conf"), filepath.Join(folder, "hosts"))
	c := cluster(strict, nil, "db:80")
	c.DNSResolverPort = netip.MustParseAddrPort("127.0.0.1:" + port).Port()
	s := watching(t, src, c)
	s.has(t, "10.0.0.1:80")
	put("resolv.conf", "nameserver 127.0.0.1\nsearch two.example\n")
	s.has(t, "10.0.0.2:80")
	put("hosts", "# nothing\n10.0.0.3 other DB.\n10.0.0.4\tdb # more\n0.0.0.0 db\nx db\n")
	s.has(t, "10.0.0.3:80 10.0.0.4:80")
	put("hosts", "fd00::1 db\n10.0.0.3 db")
	s.has(t, "10.0.0.3:80")
	put("hosts", "fd00::1 db")
	s.has(t, "[fd00::1]:80")
	put("hosts", "10.0.0.3 other")
	s.has(t, "10.0.0.2:80")
	if err := os.Remove(filepath.Join(folder, "resolv.conf")); err != nil {
		t.Fatal(err)
	}
	s.lives(t)

	// A file that the configuration names must be there, at first.
	c = cluster(strict, nil, "db:80")
	c.DNSResolverFile = "own.conf"
	c.DNSResolverPort = netip.MustParseAddrPort("127.0.0.1:" + port).Port()
	s = watching(t, src, c)
	s.fails(t, "own.conf", "")
	put("own.conf", "nameserver 127.0.0.1\nsearch one.example\n")
	s.has(t, "10.0.0.1:80")
}

func TestParseEntry(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct{ address, want string }{
		{"10.0.0.1:80", "address 10.0.0.1:80"},
		{"[fd00::1]:80", "address [fd00::1]:80"},
		{"db:80", "name db 80"},
		{"db.example.:80", "name db.example. 80"},
		{"_a._tcp.example", "service _a._tcp.example"},
		{"_a._tcp.example:0", "service _a._tcp.example"},
		{"_a._tcp.example:80", "name _a._tcp.example 80"},
		{long + ".example:80", "name " + long + ".example 80"},
		{"", "wrong"}, {"db", "wrong"}, {"db:0", "wrong"}, {"db:65536", "wrong"}, {":80", "wrong"}, {"a..b:80", "wrong"},
		{"_a._tcp", "wrong"}, {"_._tcp.example", "wrong"}, {"_a.example", "wrong"}, {"fd00::1:x", "wrong"},
		{long + "a.example:80", "wrong"}, {strings.Repeat(long+".", 4) + "a:80", "wrong"},
	} {
		e := parseEntry(&config.Host{Address: test.address})
		got := "wrong"
		switch {
		case e.wrong != nil:
		case e.service:
			got = "service " + e.name
		case e.address.IsValid():
			got = "address " + e.address.String()
		default:
			got = "name " + e.name + " " + netip.AddrPortFrom(netip.IPv4Unspecified(), e.port).String()[len("0.0.0.0:"):]
		}
		if got != test.want {
			t.Errorf("%q is %s, want %s", test.address, got, test.want)
		}
	}
	s := start(t, cluster(strict, []string{"127.0.0.1:1"}, "db", "10.0.0.1:80"))
	s.fails(t, `"db" is not an address or a name, and a port`, "10.0.0.1:80")
}
