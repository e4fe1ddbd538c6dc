// Package dns finds the hosts of clusters of type STRICT_DNS and LOGICAL_DNS: it
// asks name servers, again and again.
//
// Start at [New]. watch.go has the life of a cluster's watch, entry.go what one host
// of the configuration stands for, round.go how all of them become a set of hosts,
// memory.go when a name is asked again and what counts while it cannot be,
// resolver.go which servers are asked which full names, exchange.go one question to
// one server, and message.go what an answer says.
//
// # Hosts
//
// A host of a cluster is written as IP:PORT, which is taken as it is, as NAME:PORT,
// which stands for every address of the name, or as the name of a service,
// _SERVICE._PROTO.NAME without a port or with the port 0, which stands for its SRV
// records: their targets' addresses with the records' ports. A service's priorities
// become the entry's own priority and those that follow it, in their order; its
// weights are those of the records, times the entry's, scaled down if one were
// above 128, and never below 1. An underscore in a name that has a port says
// nothing.
//
// A STRICT_DNS cluster has all of these hosts, each address once: it belongs to the
// first entry that has it. A LOGICAL_DNS cluster has one of them, the same one as
// long as it is among the answers, which is used for new connections.
//
// Names that end in a dot are full names. For others, the domains of the search
// list are tried: after the name itself if it has at least ndots dots, else before
// it. Where the configuration names no servers, those of resolv.conf are asked, and
// names that /etc/hosts has are taken from there. Both files are read again when
// they change.
//
// # Failures
//
// An answer that says that there is no such name, or no address of it, is an answer:
// that entry has no hosts. Everything else (no answer in time, from any server, an
// answer that makes no sense, SERVFAIL) is a failure: it is told to the sink, and
// what was known of the name counts on. A search for a full name ends at a failure,
// lest hosts of another name appear in the place of a server that is down.
package dns
