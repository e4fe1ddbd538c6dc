package server

import (
	"fmt"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// accessLogs has the access logs of the snapshot in force open.
type accessLogs struct {
	files *accesslog.Files
	open  []*accesslog.OpenLog
}

// prepare is the access logs' part in a change of the configuration.
func (a *accessLogs) prepare(next *transaction.Next) (transaction.Change, error) {
	before := a.open
	var opened []*accesslog.OpenLog
	discard := func() {
		for i := len(opened) - 1; i >= 0; i-- {
			opened[i].Discard()
		}
	}
	for _, l := range next.Snapshot.Listeners {
		for _, log := range l.Logs {
			o, err := a.files.Open(log)
			if err != nil {
				discard()
				return transaction.Change{}, fmt.Errorf("listener %q: access log: %w", l.Name, err)
			}
			opened = append(opened, o)
		}
	}
	return transaction.Change{
		Commit: func() {
			a.open = opened
			for _, o := range opened {
				o.Use()
			}
		},
		Release: func() {
			for _, o := range before {
				o.Close()
			}
		},
		Abort: discard,
	}, nil
}
