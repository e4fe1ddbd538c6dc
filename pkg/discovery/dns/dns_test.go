package dns

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

const strict, logical = config.ClusterStrictDNS, config.ClusterLogicalDNS

// TestFamilies looks up names in all families.
func TestFamilies(t *testing.T) {
	srv := serve(t)
	srv.set("both.example.", 60, "10.0.0.2", "10.0.0.1", "fd00::1")
	srv.set("v4.example.", 60, "10.0.0.3")
	srv.set("v6.example.", 60, "fd00::1")
	srv.set("odd.example.", 60, "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.0.0.4", "::")
	srv.alias("alias.example.", "other.example.")
	srv.alias("other.example.", "v4.example.")
	for _, test := range []struct {
		family config.DNSLookupFamily
		name   string
		want   string
	}{
		{config.DNSAuto, "both.example", "[fd00::1]:80"},
		{config.DNSv4Preferred, "both.example", "10.0.0.1:80 10.0.0.2:80"},
		{config.DNSv4Preferred, "v6.example", "[fd00::1]:80"},
		{config.DNSAuto, "v4.example", "10.0.0.3:80"},
		{config.DNSAuto, "V4.Example", "10.0.0.3:80"},
		{config.DNSAuto, "alias.example.", "10.0.0.3:80"},
		{config.DNSAuto, "odd.example", "10.0.0.4:80"},
		{config.DNSv4Only, "both.example", "10.0.0.1:80 10.0.0.2:80"},
		{config.DNSv6Only, "both.example", "[fd00::1]:80"},
		{config.DNSv6Only, "v4.example", ""},
		{config.DNSAll, "both.example", "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80"},
		{config.DNSAll, "none.example", ""},
	} {
		t.Run(string(test.family)+" "+test.name, func(t *testing.T) {
			c := cluster(strict, []string{srv.address}, test.name+":80")
			c.DNSLookupFamily = test.family
			start(t, c).has(t, test.want)
		})
	}
}

// TestStrictHosts looks at everything that a host has.
func TestStrictHosts(t *testing.T) {
	srv := serve(t)
	srv.set("a.example.", 60, "10.0.0.1", "10.0.0.2")
	srv.set("b.example.", 60, "10.0.0.2", "10.0.0.3")
	c := cluster(strict, []string{srv.address}, "10.9.0.1:1", "[fd00::9]:1", "a.example:80", "b.example:80", "a.example:81")
	c.Hosts[2].Weight, c.Hosts[2].Zone, c.Hosts[2].Priority, c.Hosts[2].Metadata = 7, "z", 2, config.Metadata{"k": "v"}
	c.Hosts[3].Hostname = "front.example"
	s := start(t, c)
	a := discovery.Host{Hostname: "a.example", Weight: 7, Zone: "z", Priority: 2, Metadata: map[string]string{"k": "v"}}
	a1, a2 := a, a
	a1.Address, a2.Address = "10.0.0.1:80", "10.0.0.2:80"
	want := []discovery.Host{
		{Address: "10.9.0.1:1", Weight: 1},
		{Address: "[fd00::9]:1", Weight: 1},
		a1, a2,
		{Address: "10.0.0.3:80", Hostname: "front.example", Weight: 1},
		{Address: "10.0.0.1:81", Hostname: "a.example", Weight: 1},
		{Address: "10.0.0.2:81", Hostname: "a.example", Weight: 1},
	}
	s.until(t, "hosts", func(now state) bool { return now.sets == 1 })
	if d := cmp.Diff(want, s.hosts); d != "" {
		t.Error(d)
	}
	s.lives(t)
	// Another order is not another set.
	srv.set("a.example.", 60, "10.0.0.2", "10.0.0.1")
	s.lives(t)
}

// TestAddressesOnly needs no server.
func TestAddressesOnly(t *testing.T) {
	s := start(t, cluster(strict, []string{"127.0.0.1:1"}, "10.0.0.1:80", "10.0.0.2:80"))
	s.has(t, "10.0.0.1:80 10.0.0.2:80")
	s.lives(t)
}

// TestChanges goes through a name's life: what the server says counts, and what it
// cannot say changes nothing.
func TestChanges(t *testing.T) {
	srv := serve(t)
	srv.set("other.example.", 60, "10.0.9.9")
	s := start(t, cluster(strict, []string{srv.address}, "db.example:80", "other.example:80"))
	s.has(t, "10.0.9.9:80")
	srv.set("db.example.", 60, "10.0.0.1", "10.0.0.2")
	s.has(t, "10.0.0.1:80 10.0.0.2:80 10.0.9.9:80")
	for _, code := range []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused, 11} {
		other := fmt.Sprintf("10.0.9.%d", uint16(code))
		srv.fail("db.example.", code)
		s.fails(t, codeError(code).Error(), "10.0.0.1:80 10.0.0.2:80 10.0.9.9:80")
		srv.set("other.example.", 60, other) // the other name goes on
		s.until(t, "the other name's news", func(now state) bool {
			return now.addresses == "10.0.0.1:80 10.0.0.2:80 "+other+":80" && now.failure != ""
		})
		srv.set("db.example.", 60, "10.0.0.1", "10.0.0.2")
		srv.set("other.example.", 60, "10.0.9.9")
		s.has(t, "10.0.0.1:80 10.0.0.2:80 10.0.9.9:80")
	}
	srv.set("db.example.", 60, "10.0.0.2", "10.0.0.3")
	s.has(t, "10.0.0.2:80 10.0.0.3:80 10.0.9.9:80")
	srv.set("db.example.", 60) // the name is there, and has no address
	s.has(t, "10.0.9.9:80")
	srv.set("db.example.", 60, "10.0.0.1")
	s.has(t, "10.0.0.1:80 10.0.9.9:80")
	srv.remove("db.example.")
	srv.remove("other.example.")
	s.has(t, "")
}

// TestSilence has a server that stops answering, and comes back.
func TestSilence(t *testing.T) {
	srv := serve(t)
	srv.set("db.example.", 60, "10.0.0.1")
	c := cluster(strict, []string{srv.address}, "db.example:80")
	c.DNSResolvers.Timeout, c.DNSResolvers.Attempts = 50*time.Millisecond, 2
	s := start(t, c)
	s.has(t, "10.0.0.1:80")
	srv.change(func() { srv.silent = true })
	s.fails(t, "db.example (A): "+srv.address+": no answer in time", "10.0.0.1:80")
	srv.change(func() { srv.silent = false })
	s.has(t, "10.0.0.1:80")
}

// TestNeverAnswered has no answer at all: nothing is delivered, but a failure.
func TestNeverAnswered(t *testing.T) {
	srv := serve(t)
	srv.fail("db.example.", dnsmessage.RCodeServerFailure)
	s := start(t, cluster(strict, []string{srv.address}, "db.example:80"))
	s.fails(t, "SERVFAIL", "")
	if now := s.state(); now.sets != 0 {
		t.Errorf("%d sets were delivered", now.sets)
	}
	srv.set("db.example.", 60, "10.0.0.1")
	s.has(t, "10.0.0.1:80")
}

// TestLogical keeps its address as long as it is among the answers.
func TestLogical(t *testing.T) {
	srv := serve(t)
	srv.set("db.example.", 60, "10.0.0.2", "10.0.0.1")
	s := start(t, cluster(logical, []string{srv.address}, "db.example:80"))
	s.has(t, "10.0.0.2:80")
	srv.set("db.example.", 60, "10.0.0.3", "10.0.0.1", "10.0.0.2")
	s.lives(t)
	srv.set("db.example.", 60, "10.0.0.4", "10.0.0.1")
	s.has(t, "10.0.0.4:80")
	srv.remove("db.example.")
	s.has(t, "")
}

// TestServices looks up SRV records.
func TestServices(t *testing.T) {
	srv := serve(t)
	srv.offer("_grpc._tcp.example.",
		service{"a.example.", 1001, 20, 100}, service{"b.example.", 1002, 10, 0}, service{"c.example.", 1003, 10, 50},
		service{".", 1004, 10, 50}, service{"gone.example.", 1005, 10, 50})
	srv.set("a.example.", 60, "10.0.0.1", "10.0.0.11")
	srv.set("b.example.", 60, "10.0.0.2")
	srv.set("c.example.", 60, "10.0.0.3")
	for _, address := range []string{"_grpc._tcp.example", "_grpc._tcp.example:0", "_GRPC._tcp.example."} {
		c := cluster(strict, []string{srv.address}, address)
		c.Hosts[0].Priority, c.Hosts[0].Weight = 1, 2
		s := start(t, c)
		want := []discovery.Host{
			{Address: "10.0.0.2:1002", Hostname: "b.example", Weight: 1, Priority: 1},
			{Address: "10.0.0.3:1003", Hostname: "c.example", Weight: 64, Priority: 1},
			{Address: "10.0.0.1:1001", Hostname: "a.example", Weight: 128, Priority: 2},
			{Address: "10.0.0.11:1001", Hostname: "a.example", Weight: 128, Priority: 2},
		}
		s.until(t, "hosts", func(now state) bool { return now.sets == 1 })
		if d := cmp.Diff(want, s.hosts); d != "" {
			t.Error(address, d)
		}
	}
	s := start(t, cluster(logical, []string{srv.address}, "_grpc._tcp.example"))
	s.until(t, "one host of the first priority", func(now state) bool {
		return now.addresses == "10.0.0.2:1002" || now.addresses == "10.0.0.3:1003"
	})

	// A target that cannot be looked up keeps its address; a new one comes.
	s = start(t, cluster(strict, []string{srv.address}, "_grpc._tcp.example"))
	s.has(t, "10.0.0.2:1002 10.0.0.3:1003 10.0.0.1:1001 10.0.0.11:1001")
	srv.fail("b.example.", dnsmessage.RCodeServerFailure)
	srv.offer("_grpc._tcp.example.", service{"b.example.", 1002, 0, 1}, service{"d.example.", 1004, 0, 1})
	srv.set("d.example.", 60, "10.0.0.4")
	s.until(t, "both targets", func(now state) bool {
		return now.addresses == "10.0.0.2:1002 10.0.0.4:1004" && strings.Contains(now.failure, "b.example (A")
	})
}

// TestPortMakesAName: an underscore says nothing where there is a port.
func TestPortMakesAName(t *testing.T) {
	srv := serve(t)
	srv.set("_grpc._tcp.example.", 60, "10.0.0.1")
	start(t, cluster(strict, []string{srv.address}, "_grpc._tcp.example:80")).has(t, "10.0.0.1:80")
}

// TestTruncated has more addresses than fit a datagram.
func TestTruncated(t *testing.T) {
	srv := serve(t)
	var list, want []string
	for i := range 600 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		list, want = append(list, a.String()), append(want, a.String()+":80")
	}
	srv.set("many.example.", 60, list...)
	srv.change(func() { srv.cut = true })
	s := start(t, cluster(strict, []string{srv.address}, "many.example:80"))
	s.has(t, strings.Join(want, " "))
	srv.change(func() {
		if srv.byTCP == 0 {
			t.Error("no question came over TCP")
		}
	})
}

// TestForeignMessages has somebody send answers to other questions before the true
// one: they change nothing, and the true one counts.
func TestForeignMessages(t *testing.T) {
	forge := func(msg []byte, change func(*dnsmessage.Message)) []byte {
		var m dnsmessage.Message
		if err := m.Unpack(msg); err != nil {
			panic(err)
		}
		m.Answers = []dnsmessage.Resource{{Header: head(m.Questions[0].Name.String(), 60), Body: &dnsmessage.AResource{A: [4]byte{6, 6, 6, 6}}}}
		m.Header.RCode = dnsmessage.RCodeSuccess
		change(&m)
		out, err := m.Pack()
		if err != nil {
			panic(err)
		}
		return out
	}
	srv := serve(t)
	srv.set("db.example.", 60, "10.0.0.1")
	before := func(asked, answer []byte) [][]byte {
		return [][]byte{
			forge(answer, func(m *dnsmessage.Message) { m.Header.ID ^= 1 }),
			forge(answer, func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("evil.example.") }),
			forge(answer, func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeTXT }),
			forge(answer, func(m *dnsmessage.Message) { m.Questions = nil }),
			forge(answer, func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }),
			forge(answer, func(m *dnsmessage.Message) { m.Header.Response = false }),
			asked, {}, answer[:11],
		}
	}
	srv.change(func() { srv.before = before })
	c := cluster(strict, []string{srv.address}, "db.example:80")
	c.DNSLookupFamily = config.DNSv4Only
	s := start(t, c)
	s.has(t, "10.0.0.1:80")
	s.lives(t)
}

// TestWithoutEDNS has a server that cannot read what it does not know.
func TestWithoutEDNS(t *testing.T) {
	srv := serve(t)
	srv.set("db.example.", 60, "10.0.0.1")
	srv.change(func() { srv.noEDNS = true })
	start(t, cluster(strict, []string{srv.address}, "db.example:80")).has(t, "10.0.0.1:80")
}

// TestServersInOrder has one server refuse, one be silent, and one answer.
func TestServersInOrder(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := closed.LocalAddr().String()
	closed.Close()
	silent, good := serve(t), serve(t)
	silent.change(func() { silent.silent = true })
	good.set("db.example.", 60, "10.0.0.1")
	c := cluster(strict, []string{refusing, silent.address, good.address}, "db.example:80")
	c.DNSResolvers.Timeout, c.DNSResolvers.Attempts = 100*time.Millisecond, 10
	s := start(t, c)
	s.has(t, "10.0.0.1:80")
	s.lives(t)
	if silent.questions("db.example.", typeA) == 0 {
		t.Error("the silent server was not asked")
	}

	// What the first server that answers says counts, be it that there is no such name.
	silent.change(func() { silent.silent = false })
	s = start(t, cluster(strict, []string{silent.address, good.address}, "db.example:80"))
	s.has(t, "")
}

// TestSearch goes through the search list.
func TestSearch(t *testing.T) {
	srv := serve(t)
	srv.set("db.ns.svc.example.", 60, "10.0.0.1")
	srv.set("db.svc.example.", 60, "10.0.0.2")
	srv.set("db.", 60, "10.0.0.3")
	srv.set("a.b.", 60, "10.0.0.4")
	srv.set("a.b.ns.svc.example.", 60, "10.0.0.5")
	for _, test := range []struct {
		host  string
		ndots int
		want  string
	}{
		{"db", 1, "10.0.0.1:80"},
		{"db.", 1, "10.0.0.3:80"},
		{"db", 0, "10.0.0.3:80"},
		{"a.b", 1, "10.0.0.4:80"},
		{"a.b", 2, "10.0.0.5:80"},
		{"nothing", 5, ""},
	} {
		t.Run(fmt.Sprint(test.host, " ", test.ndots), func(t *testing.T) {
			c := cluster(strict, []string{srv.address}, test.host+":80")
			c.DNSResolvers.Search, c.DNSResolvers.Ndots = []string{"ns.svc.example", ".svc.example."}, test.ndots
			start(t, c).has(t, test.want)
		})
	}
	c := cluster(strict, []string{srv.address}, "db:80")
	c.DNSResolvers.Search = []string{"ns.svc.example", "svc.example"}
	s := start(t, c)
	s.has(t, "10.0.0.1:80")
	srv.fail("db.ns.svc.example.", dnsmessage.RCodeServerFailure)
	s.fails(t, "db.ns.svc.example (A", "10.0.0.1:80")
	srv.remove("db.ns.svc.example.")
	s.has(t, "10.0.0.2:80")
}
