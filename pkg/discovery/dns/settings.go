package dns

import (
	"bufio"
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

const (
	// systemResolver and systemHosts are where the system says how names are found.
	systemResolver = "/etc/resolv.conf"
	systemHosts    = "/etc/hosts"
	// port is that of name servers.
	port = 53
	// mostServers and mostDomains bound what is taken of a file.
	mostServers = 8
	mostDomains = 32
	// longestName is that of a full name, its last dot included.
	longestName = 254
)

// settings say which servers are asked, and how.
type settings struct {
	servers  []netip.AddrPort
	search   []string // full names: with their last dot
	ndots    int
	patience time.Duration // for one answer
	attempts int
	rotate   bool // begin with another server each time
	tcp      bool
}

// settingsOf returns a cluster's settings. The file is what resolv.conf says; it does
// not count where the configuration names servers.
func settingsOf(c *config.Cluster, file *resolvConf) *settings {
	r := &c.DNSResolvers
	s := &settings{search: r.Search, ndots: r.Ndots, patience: r.Timeout, attempts: r.Attempts}
	servers := r.Servers
	if len(servers) == 0 {
		servers = file.servers
		s.take(r, file)
	}
	defaultPort := r.Port
	if defaultPort == 0 {
		defaultPort = c.DNSResolverPort
	}
	if defaultPort == 0 {
		defaultPort = port
	}
	for _, text := range servers {
		if a, ok := serverAddress(text, defaultPort); ok {
			s.servers = append(s.servers, a)
		}
	}
	s.search = fullNames(s.search)
	if s.patience <= 0 {
		s.patience = config.Default[config.DNSResolvers]().Timeout
	}
	return s
}

// take takes the file's options where the configuration does not give them.
func (s *settings) take(r *config.DNSResolvers, file *resolvConf) {
	if len(s.search) == 0 {
		s.search = file.search
	}
	if file.ndots >= 0 && r.Node().Get("ndots") == nil {
		s.ndots = file.ndots
	}
	if file.timeout > 0 && r.Node().Get("timeout") == nil {
		s.patience = file.timeout
	}
	if file.attempts > 0 && r.Node().Get("attempts") == nil {
		s.attempts = file.attempts
	}
	s.rotate, s.tcp = file.rotate, file.tcp
}

// serverAddress reads an IP address with or without a port.
func serverAddress(text string, port uint16) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a, true
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return netip.AddrPortFrom(a, port), err == nil
}

// fullNames returns domains as full names.
func fullNames(domains []string) []string {
	names := make([]string, 0, len(domains))
	for _, d := range domains {
		if d = strings.ToLower(strings.Trim(d, ".")); d != "" && len(names) < mostDomains {
			names = append(names, d+".")
		}
	}
	return names
}

// names returns the full names that a name of the configuration may stand for, in
// the order in which they are tried.
func (s *settings) names(name string) []string {
	name = strings.ToLower(name)
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	full := name + "."
	list := make([]string, 0, 1+len(s.search))
	first := strings.Count(name, ".") >= s.ndots
	if first {
		list = append(list, full)
	}
	for _, domain := range s.search {
		if len(full)+len(domain) <= longestName {
			list = append(list, full+domain)
		}
	}
	if !first {
		list = append(list, full)
	}
	return list
}

// resolvConf is what a file in the form of resolv.conf says.
type resolvConf struct {
	servers  []string
	search   []string
	ndots    int // -1: nothing
	timeout  time.Duration
	attempts int
	rotate   bool
	tcp      bool
}

// parseResolvConf reads such a file. What it does not know it passes over, as
// everybody does. A file that names no servers means the one of this machine.
func parseResolvConf(data []byte) *resolvConf {
	c := &resolvConf{ndots: -1}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if _, ok := serverAddress(words[1], port); ok && len(c.servers) < mostServers {
				c.servers = append(c.servers, words[1])
			}
		case "domain":
			c.search = words[1:2]
		case "search":
			c.search = words[1:]
		case "options":
			for _, w := range words[1:] {
				c.option(w)
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1", "::1"}
	}
	return c
}

// option reads one option. Those out of bounds are brought back into them.
func (c *resolvConf) option(word string) {
	key, text, _ := strings.Cut(word, ":")
	value, err := strconv.Atoi(text)
	number := err == nil && value >= 0
	switch {
	case key == "ndots" && number:
		c.ndots = min(value, 15)
	case key == "timeout" && number:
		c.timeout = time.Duration(max(1, min(value, 30))) * time.Second
	case key == "attempts" && number:
		c.attempts = max(1, min(value, 10))
	case key == "rotate":
		c.rotate = true
	case key == "use-vc", key == "usevc":
		c.tcp = true
	}
}

// hostTable is what a file in the form of /etc/hosts says: addresses by name, in
// lower case, without a last dot.
type hostTable map[string][]netip.Addr

// parseHosts reads such a file.
func parseHosts(data []byte) hostTable {
	table := make(hostTable)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		a, err := netip.ParseAddr(words[0])
		if a = a.Unmap(); err != nil || !usable(a) {
			continue
		}
		for _, name := range words[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if len(table[name]) < mostRecords {
				table[name] = append(table[name], a)
			}
		}
	}
	return table
}
