package server

import (
	"runtime"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// building is what a configuration is built from, besides its files.
type building struct {
	before  *transaction.Configuration // in force, or nil
	workers int                        // as given; 0: as the configuration says
	docs    []config.Document          // beside the files
}

// build checks a configuration and builds what is put into force of it. If anything is
// wrong with it, all of that is in the error, and nothing else has happened.
func (g Registry) build(draft *config.Draft, from building) (*transaction.Next, *config.Report, error) {
	var next *transaction.Next
	o := g.options(func(c *config.Config, r *config.Report) {
		b := builder{registry: g, config: c, report: r}
		next = b.build(from.before, workersOf(c, from.workers))
	})
	o.Extra = from.docs
	_, report, err := draft.Check(o)
	if err != nil {
		return nil, report, err
	}
	next.Warnings = report.Problems()
	return next, report, nil
}

// load loads the configuration, with the documents that it asks for.
func (s *Server) load(tx *transaction.Transaction) (*transaction.Next, error) {
	draft := config.Read(s.path)
	docs, change, err := s.remote.Prepare(s.ending, draft, s.current != nil)
	if err != nil {
		return nil, err
	}
	tx.Add(change)
	from := building{before: s.current, workers: s.opts.Workers, docs: docs}
	if p := s.parts.Load(); p != nil {
		from.workers = p.workers.Len()
	}
	next, _, err := s.opts.Registry.build(draft, from)
	return next, err
}

// workersOf returns how many workers there are to be: as many as given, or else
// as the configuration asks for, or else one for each core.
func workersOf(c *config.Config, given int) int {
	switch {
	case given > 0:
		return given
	case len(c.Servers) > 0 && c.Servers[0].Processor > 0:
		return int(c.Servers[0].Processor)
	}
	return runtime.NumCPU()
}
