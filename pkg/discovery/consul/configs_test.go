package consul

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
)

// documents keeps what is delivered.
type documents struct {
	mu   sync.Mutex
	sets [][]config.Document
}

func (d *documents) deliver(docs []config.Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sets = append(d.sets, docs)
}

// text is the last set in short, and how many there were.
func (d *documents) text() (last string, sets int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sets) == 0 {
		return "none", 0
	}
	var lines []string
	for _, doc := range d.sets[len(d.sets)-1] {
		lines = append(lines, fmt.Sprintf("%s %s %s", kindName(doc.Kind), doc.Name, doc.Data))
	}
	return strings.Join(lines, ", "), len(d.sets)
}

func kindName(k config.DocumentKind) string {
	return map[config.DocumentKind]string{config.ClusterDocument: "cluster", config.RouterDocument: "router"}[k]
}

func (d *documents) await(t *testing.T, want string) {
	t.Helper()
	defer func() {
		t.Helper()
		if t.Failed() {
			last, _ := d.text()
			t.Logf("the last documents are %q", last)
		}
	}()
	eventually(t, "the documents "+want, func() bool { last, _ := d.text(); return last == want })
}

func watchingConfigs(t *testing.T, b *config.Consul) (*Configs, *documents) {
	t.Helper()
	c, err := NewConfigs(b, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := &documents{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Watch(ctx, d.deliver)
	}()
	t.Cleanup(func() { cancel(); <-done; c.Close() })
	return c, d
}

func put(t *testing.T, a *consultest.Agent, key, value string) {
	t.Helper()
	if _, err := a.Client.KV().Put(&api.KVPair{Key: key, Value: []byte(value)}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestConfigs(t *testing.T) {
	c := consultest.StartCluster(t, 1)
	a := c.Servers[0]
	b := block(a.Address)
	b.ConfigPrefix = "/weir/prod/"
	configs, docs := watchingConfigs(t, b)
	docs.await(t, "") // no key at all
	put(t, a, "weir/prod/clusters/b", "B")
	put(t, a, "weir/production/clusters/x", "another prefix")
	put(t, a, "weir/prod/", "")
	put(t, a, "weir/prod/clusters/", "")
	put(t, a, "weir/prod/notes/x", "neither")
	put(t, a, "weir/prod/clusters/a/1", "A")
	put(t, a, "weir/prod/routers/r", "R")
	const three = "cluster consul:weir/prod/clusters/a/1 A, cluster consul:weir/prod/clusters/b B, router consul:weir/prod/routers/r R"
	docs.await(t, three)

	// Written as it was: no change. What follows it is the next set.
	_, before := docs.text()
	put(t, a, "weir/prod/clusters/b", "B")
	put(t, a, "weir/prod/routers/r", "R2")
	docs.await(t, strings.Replace(three, "/r R", "/r R2", 1))
	if _, after := docs.text(); after != before+1 {
		t.Errorf("%d sets after %d", after, before)
	}

	// Away and back.
	_, before = docs.text()
	a.Stop()
	eventually(t, "an error", func() bool { return configs.Err() != nil })
	a.Restart()
	eventually(t, "no error", func() bool { return configs.Err() == nil })
	if _, after := docs.text(); after != before {
		t.Errorf("%d sets after %d", after, before)
	}
	if _, err := a.Client.KV().DeleteTree("weir/", nil); err != nil {
		t.Fatal(err)
	}
	docs.await(t, "")
}

func TestConfigsWithoutSight(t *testing.T) {
	a := consultest.StartACL(t)
	put(t, a, "weir/clusters/a", "A")
	put(t, a, "weir/clusters/b", "B")
	secret, _ := a.NewToken("half", `key_prefix "weir/clusters/a" { policy = "read" }`)
	t.Setenv("OUR_TOKEN", secret)
	b := block(a.Address)
	b.ConfigPrefix, b.TokenEnv = "weir", "OUR_TOKEN"
	configs, docs := watchingConfigs(t, b)
	eventually(t, "an error", func() bool { return configs.Err() != nil })
	if last, sets := docs.text(); sets > 0 {
		t.Errorf("delivered: %s", last)
	}
	t.Log(configs.Err())
}

func TestDocuments(t *testing.T) {
	pair := func(key, value string) *api.KVPair {
		return &api.KVPair{Key: key, Value: []byte(value), ModifyIndex: 3}
	}
	doc := func(name string, kind config.DocumentKind, data string) config.Document {
		return config.Document{Name: name, Kind: kind, Data: []byte(data)}
	}
	many := make(api.KVPairs, maxKeys+1)
	for name, c := range map[string]struct {
		pairs   api.KVPairs
		docs    []config.Document
		ignored []string
		err     string
	}{
		"none":          {},
		"a null":        {pairs: api.KVPairs{nil}},
		"folders":       {pairs: api.KVPairs{pair("p/", ""), pair("p/clusters/", "")}},
		"neither":       {pairs: api.KVPairs{pair("p/x", ""), pair("p/clusters", ""), pair("elsewhere", "")}, ignored: []string{"p/x", "p/clusters", "elsewhere"}},
		"sorted":        {pairs: api.KVPairs{pair("p/routers/a", "1"), pair("p/clusters/b", "2")}, docs: []config.Document{doc("consul:p/clusters/b", config.ClusterDocument, "2"), doc("consul:p/routers/a", config.RouterDocument, "1")}},
		"too many":      {pairs: many, err: "10001 keys"},
		"a value":       {pairs: api.KVPairs{pair("p/clusters/a", strings.Repeat("x", maxValue))}, docs: []config.Document{doc("consul:p/clusters/a", config.ClusterDocument, strings.Repeat("x", maxValue))}},
		"a longer one":  {pairs: api.KVPairs{pair("p/clusters/a", strings.Repeat("x", maxValue+1))}, err: "524289 bytes"},
		"an empty name": {pairs: api.KVPairs{pair("p/clusters//", "")}},
	} {
		docs, ignored, err := docsOf(c.pairs, "p/")
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", name, err, c.err)
		}
		if diff := cmp.Diff(c.docs, docs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(c.ignored, ignored); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
