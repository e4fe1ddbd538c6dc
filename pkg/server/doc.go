// Package server runs weir: it starts, changes its configuration, drains and stops.
//
// Start at [Server] and its life: New, Start, Reload, Drain, Stop. What it consists of
// once it has started is in parts.go; none of that knows the server. What a build of weir
// is made of stands in [Registry].
//
// A change of the configuration is one transaction:
//
//	Server.Start, Reload, reloadRemote
//	└ change (change.go)
//	  ├ load (load.go)
//	  │ ├ config.Read            the files
//	  │ ├ remoteconfig.Prepare   the documents in Consul that they name
//	  │ └ Registry.build
//	  │   └ config.Draft.Check   all problems, those of the builder included
//	  │     └ builder (build.go) ─ upstream.Build, build_checks.go, router.Compile, build_listeners.go
//	  └ transaction
//	    ├ Prepare ─> participants: access logs, hosts, discovery, on-demand clusters,
//	    │            workers, listeners, process log, statistics, registrations, admin, status
//	    └ Commit, or Abort
//
// What the builder returns is finished, and nobody writes to it: which socket a listener
// has and what its access logs are stands in it; the sockets and files themselves belong
// to listeners.go and access_logs.go. Each participant has one function that prepares,
// and stands in one file; it returns what commits, what lets go of what was before, and
// what undoes it all. The calls by name that lead back into a file that was left before are
// four: Draft.Check, the builder that it calls, the sockets after the listeners in
// build_listeners.go, and transaction.Prepare after Add.
package server
