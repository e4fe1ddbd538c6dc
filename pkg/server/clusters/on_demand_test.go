package clusters

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/upstream"
)

// noWorkers is Workers without any.
type noWorkers struct{}

func (noWorkers) Len() int                              { return 0 }
func (noWorkers) Post(int, func(*upstream.Manager))     {}
func (noWorkers) Clusters(func(int, *upstream.Manager)) {}

// TestDenialsEnd: that there is no such service is known for a moment, and then takes no
// memory.
func TestDenialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newOnDemandClusters(noWorkers{}, nil, newDiscoveryManager(Options{Ending: context.Background()}))
		for i := range 10 {
			of := &onDemandCluster{name: fmt.Sprint(i)}
			d.made[of.name] = of
			d.deny(of, errors.New("none"))
			<-time.After(denialTime / 5)
			d.expire()
			if n := len(d.denials); n > 5 || n != len(d.made) {
				t.Errorf("%d denials are kept, of %d clusters", n, len(d.made))
			}
		}
		<-time.After(denialTime)
		d.expire()
		if len(d.denials)+len(d.made) > 0 {
			t.Errorf("%d denials are kept, of %d clusters", len(d.denials), len(d.made))
		}
		d.close()
	})
}
