package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

var errRefused = errors.New("a participant refuses")

// refusals are the ways in which a participant can fail.
var refusals = map[string]func(transaction.Participant) transaction.Participant{
	"prepares": func(p transaction.Participant) transaction.Participant {
		p.Prepare = func(*transaction.Next) (transaction.Change, error) { return transaction.Change{}, errRefused }
		return p
	},
	"warms up": func(p transaction.Participant) transaction.Participant {
		prepare := p.Prepare
		p.Prepare = func(next *transaction.Next) (transaction.Change, error) {
			c, err := prepare(next)
			c.Warm = func() error { return errRefused }
			return c, err
		}
		return p
	},
}

// refusing returns participants of which one fails.
func refusing(all []transaction.Participant, at int, how string) []transaction.Participant {
	all = slices.Clone(all)
	all[at] = refusals[how](all[at])
	return all
}

// twoSetups are two configurations that differ in everything that has a part in a change.
func twoSetups(folder, one, two string) (before, after setup) {
	const check = `"health_check": {"protocol": "Http1", "interval": "1h", "service_name": %q}`
	logs := func(path string) string { return fmt.Sprintf(`[{"log_path": %q}]`, filepath.Join(folder, path)) }
	before = setup{
		routes:   route("/d", "consul:d") + "," + route("/", "up"),
		clusters: found("up", `"max_request_per_conn": 1, `+fmt.Sprintf(check, "a")) + "," + fmt.Sprintf(`{"name": "gone", "hosts": [{"address": %q}]}`, one),
		manager:  `"on_demand": {"cluster": {"max_request_per_conn": 1}}`, logs: logs("a.log"),
		server: `"default_log_level": "INFO"`,
		top: `"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
			"consul": {"address": "127.0.0.1:1", "register": [{"service": "s", "id": "s1", "port": 1}]}`,
	}
	after = setup{
		routes:   route("/d", "consul:d") + "," + route("/", "new"),
		clusters: found("up", `"lb_type": "LB_RANDOM", "allow_empty": true, `+fmt.Sprintf(check, "b")) + "," + found("new", ""),
		manager:  `"on_demand": {"timeout": "1m"}`, logs: logs("new/folder/b.log"),
		listener: "127.0.0.2:0",
		server:   `"default_log_level": "ERROR"`,
		top: `"metrics": {"stats_matcher": {"reject_all": true}},
			"consul": {"address": "127.0.0.1:1", "wait": "1m", "register": [{"service": "s", "id": "s2", "port": 2}]}`,
	}
	return before, after
}

// standing is what a change of the configuration may change.
type standing struct {
	Config       *config.Config
	Addresses    map[string]string
	Admin, Pages string
	Level        string
	Answers      []string
	Clusters     []string
	Members      []*members.Members
	Sets         []*members.Set
	OnDemand     bool
	Checked      []string
	Sources      []int // open, and watches
	Announced    []string
	Statistics   bool
	Files        []string
	Descriptors  int
}

// stands returns how it stands with a server.
func (w *weir) stands(folder string) standing {
	s := standing{
		Config: w.Config(), Addresses: w.Addresses(), Admin: w.AdminAddr().String(), Pages: w.page("/ready"),
		Level: fmt.Sprint(w.opts.Level.Level()), Clusters: w.manager().Names(), OnDemand: w.manager().OnDemand("consul:d"),
	}
	for _, path := range []string{"/", "/d"} {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		s.Answers = append(s.Answers, w.get(c, path, ""))
	}
	for _, name := range s.Clusters {
		m := w.manager().Members(name)
		s.Members, s.Sets = append(s.Members, m), append(s.Sets, m.Current())
	}
	for _, h := range w.Health() {
		s.Checked = append(s.Checked, h.Cluster+" "+h.Host)
	}
	_, open, _ := w.sources.counts("")
	s.Sources = []int{open, w.sources.left() - open}
	for _, r := range w.registrations.Registrations() {
		s.Announced = append(s.Announced, r.ID)
	}
	var text strings.Builder
	if err := w.Metrics().WriteText(&text, nil); err != nil {
		w.t.Error(err)
	}
	s.Statistics = strings.Contains(text.String(), "cluster.")
	_ = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, _ error) error { s.Files = append(s.Files, path); return nil })
	fds, _ := os.ReadDir("/proc/self/fd")
	s.Descriptors = len(fds)
	return s
}

// page returns a page of the admin interface.
func (w *weir) page(path string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.AdminAddr().String()+path, nil)
	if err != nil {
		return err.Error()
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return fmt.Sprint(answer.StatusCode, " ", string(body))
}

// unchanged expects that it stands as before.
func (w *weir) unchanged(t *testing.T, folder string, before standing) {
	t.Helper()
	same := cmp.Comparer(func(a, b *members.Set) bool { return a == b })
	sameMembers := cmp.Comparer(func(a, b *members.Members) bool { return a == b })
	sameConfig := cmp.Comparer(func(a, b *config.Config) bool { return a == b })
	eventually(t, "everything is as before", func() error { // connections of the questions before end by and by
		if diff := cmp.Diff(before, w.stands(folder), same, sameMembers, sameConfig); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// TestRefusedChange: whoever fails in a change, and however, everything stays as it was,
// and nothing is left of what was prepared. Without a failure, everything changes.
func TestRefusedChange(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	folder := t.TempDir()
	before, after := twoSetups(folder, one.at, two.at)
	w := newWeir(t, before)
	w.sources.knows("up", one.at)
	w.sources.knows("consul:d", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.answers("/d", "", "200 one")
	eventually(t, "it was checked", func() error {
		if all := w.Health(); len(all) != 1 || all[0].Checks == 0 {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
	w.sources.knows("up", two.at) // to who asks anew
	w.sources.knows("new", two.at)
	w.sources.knows("consul:d", two.at)
	stood := w.stands(folder)
	goroutines := goleak.IgnoreCurrent()
	all := w.participants
	w.write(after)
	for how := range refusals {
		for i, p := range all {
			t.Run(p.Name+" "+how, func(t *testing.T) {
				w.participants = refusing(all, i, how)
				if err := w.Reload(); !errors.Is(err, errRefused) {
					t.Fatalf("the reload ends with %v", err)
				}
				w.unchanged(t, folder, stood)
				if err := goleak.Find(goroutines); err != nil {
					t.Error(err)
				}
			})
		}
	}
	w.participants = all
	if err := w.Reload(); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, stood, w.stands(folder))
}

// wantChanged expects that everything has changed, but for the address of the admin
// interface and what it answers.
func wantChanged(t *testing.T, before, after standing) {
	t.Helper()
	for what, changed := range map[string]bool{
		"the configuration": before.Config != after.Config,
		"the listener":      !cmp.Equal(before.Addresses, after.Addresses),
		"the log's level":   before.Level != after.Level,
		"the answers":       !cmp.Equal(before.Answers, after.Answers),
		"the clusters":      !cmp.Equal(before.Clusters, after.Clusters),
		"the sets of hosts": before.Sets[0] != after.Sets[0],
		"the sources":       !cmp.Equal(before.Sources, after.Sources),
		"what is announced": !cmp.Equal(before.Announced, after.Announced),
		"the statistics":    before.Statistics != after.Statistics,
		"the files":         !cmp.Equal(before.Files, after.Files),
	} {
		if !changed {
			t.Errorf("%s are not changed: before %+v, after %+v", what, before, after)
		}
	}
}

// TestRefusedStart: whoever fails in a start, and however, nothing is left of it.
func TestRefusedStart(t *testing.T) {
	one := newBackend(t, "one")
	names := make(map[string]bool)
	for i := 0; i == 0 || i < len(names); i++ {
		for how := range refusals {
			t.Run(fmt.Sprint(i, " ", how), func(t *testing.T) {
				folder := t.TempDir()
				c, _ := twoSetups(folder, one.at, one.at)
				w := newWeir(t, c)
				w.sources.knows("up", one.at)
				w.Server.path = w.path
				err := w.change(func(c *config.Config) error {
					err := w.begin(c)
					for _, p := range w.participants {
						names[p.Name] = true
					}
					w.participants = refusing(w.participants, i, how)
					return err
				})
				if !errors.Is(err, errRefused) {
					t.Errorf("the start ends with %v", err)
				}
				w.endAll()
				if n := w.sources.left(); n != 0 {
					t.Errorf("%d sources or watches are left", n)
				}
				left, _ := os.ReadDir(folder)
				if len(left) != 0 || w.current != nil || len(w.Addresses()) != 0 {
					t.Errorf("there are files %v, and addresses %v", left, w.Addresses())
				}
			})
		}
	}
}

// What it costs to load 5,000 clusters of 20 hosts again, of which none has changed: to
// build them, and all.
func BenchmarkReload(b *testing.B) {
	var clusters strings.Builder
	for i := range 5000 {
		if i > 0 {
			clusters.WriteString(",")
		}
		fmt.Fprintf(&clusters, `{"name": "c%d", "lb_type": "LB_RANDOM", "hosts": [`, i)
		for j := range 20 {
			if j > 0 {
				clusters.WriteString(",")
			}
			fmt.Fprintf(&clusters, `{"address": "10.%d.%d.%d:80"}`, i>>8, i&255, j)
		}
		clusters.WriteString("]}")
	}
	w := start(b, setup{clusters: clusters.String(), routes: route("/", "c1")})
	c := w.Config()
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			of := builder{registry: w.opts.Registry, config: c, report: new(config.Report)}
			of.build(w.current, 2)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if err := w.Reload(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
