package transaction

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errFails = errors.New("it fails")

// recorder is participants that write down what they are told.
type recorder []string

func (r *recorder) notes(what string) func() { return func() { *r = append(*r, what) } }

// participants are some that are called 1, 2 and so on. One may fail to prepare, and one
// to warm up; 0 is none.
func (r *recorder) participants(n, prepare, warm int) (all []Participant) {
	for i := 1; i <= n; i++ {
		all = append(all, Participant{Name: fmt.Sprint(i), Prepare: func(*Next) (Change, error) {
			r.notes(fmt.Sprint("prepare ", i))()
			if i == prepare {
				return Change{}, errFails
			}
			return Change{
				Warm: func() error {
					r.notes(fmt.Sprint("warm ", i))()
					if i == warm {
						return errFails
					}
					return nil
				},
				Commit:  r.notes(fmt.Sprint("commit ", i)),
				Release: r.notes(fmt.Sprint("release ", i)),
				Abort:   r.notes(fmt.Sprint("abort ", i)),
			}, nil
		}})
	}
	return all
}

// TestOrder: everybody commits in the order of preparation and lets go in the opposite
// one; after a failure those who prepared abort, the last one first.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name          string
		prepare, warm int
		want          []string
	}{
		{"nobody fails", 0, 0, []string{
			"prepare 1", "prepare 2", "prepare 3", "warm 1", "warm 2", "warm 3",
			"commit 0", "commit 1", "commit 2", "commit 3", "release 3", "release 2", "release 1",
		}},
		{"the first fails", 1, 0, []string{"prepare 1", "abort 0"}},
		{"the last fails", 3, 0, []string{"prepare 1", "prepare 2", "prepare 3", "abort 2", "abort 1", "abort 0"}},
		{"one fails to warm up", 0, 2, []string{
			"prepare 1", "prepare 2", "prepare 3", "warm 1", "warm 2", "abort 3", "abort 2", "abort 1", "abort 0",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			var tx Transaction
			tx.Add(Change{Commit: r.notes("commit 0"), Abort: r.notes("abort 0")}) // it has nothing else to do
			err := tx.Prepare(&Next{}, r.participants(3, tt.prepare, tt.warm))
			if err == nil {
				tx.Commit()
			} else {
				tx.Abort()
			}
			if wrong := tt.prepare+tt.warm > 0; wrong != errors.Is(err, errFails) {
				t.Errorf("the error is %v", err)
			}
			if diff := cmp.Diff(tt.want, []string(r)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
