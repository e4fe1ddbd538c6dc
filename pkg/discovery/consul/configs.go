package consul

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
)

// What is taken of a prefix is bounded.
const (
	maxKeys  = 10_000
	maxValue = 512 << 10 // bytes; Consul's own limit
)

// Configs reads the clusters and routers under a prefix of Consul's key/value store:
// PREFIX/clusters/NAME and PREFIX/routers/NAME.
// Its one watch uses one connection to the agent.
type Configs struct {
	block  *config.Consul
	log    *slog.Logger
	client *client
	wait   time.Duration

	mu  sync.Mutex
	err error
}

// NewConfigs makes a reader of the block's config_prefix, which must not be empty. It
// keeps c.
func NewConfigs(c *config.Consul, log *slog.Logger) (*Configs, error) {
	client, err := newClient(c, 1, log, nil)
	if err != nil {
		return nil, err
	}
	return &Configs{block: c, log: log, client: client, wait: max(c.Wait, time.Second)}, nil
}

// Close frees the connection. Watch must have returned.
func (c *Configs) Close() { c.client.close() }

// Err returns why nothing is learned at present, or nil. The documents delivered last
// stay.
func (c *Configs) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Watch delivers the whole set of documents, named consul:KEY, in that order, at first as soon as
// it is known and then whenever it has changed, until ctx is done. A set that breaks a
// limit is not delivered. deliver is called by the caller's goroutine; until it returns
// nothing else is asked. Only one Watch at a time.
func (c *Configs) Watch(ctx context.Context, deliver func(docs []config.Document)) {
	w := configWatch{
		Configs: c, deliver: deliver, prefix: strings.Trim(c.block.ConfigPrefix, "/") + "/",
		backOff: backOff{shortest: c.block.BackOff, longest: c.block.MaxBackOff},
	}
	for sleep(ctx, w.pace.delay(time.Now())) {
		err := w.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		w.note(err)
		if err == nil {
			w.backOff.reset()
			continue
		}
		w.cursor.reset()
		if !sleep(ctx, w.backOff.next()) {
			return
		}
	}
}

// configWatch is the state of a watch.
type configWatch struct {
	*Configs
	deliver func([]config.Document)
	prefix  string
	cursor  cursor
	pace    pace
	backOff backOff

	delivered bool
	last      []config.Document
	ignored   string // the example that was logged last
}

func (w *configWatch) ask(ctx context.Context) error {
	pairs, meta, err := w.question(ctx)
	if err != nil {
		return err
	}
	if !w.cursor.take(meta.LastIndex) {
		return nil
	}
	if meta.ResultsFilteredByACLs {
		return errors.New("the token may not see all keys of the prefix")
	}
	docs, ignored, err := docsOf(pairs, w.prefix)
	if err != nil {
		return err
	}
	w.logIgnored(ignored)
	if w.delivered && slices.EqualFunc(docs, w.last, sameDoc) {
		return nil
	}
	w.delivered, w.last = true, slices.Clone(docs)
	w.deliver(docs)
	return nil
}

func (w *configWatch) question(ctx context.Context) (api.KVPairs, *api.QueryMeta, error) {
	q := options(w.block, "", "", "")
	patience := answerTime
	if w.cursor.index > 0 {
		q.WaitIndex, q.WaitTime = w.cursor.index, w.wait
		patience += w.wait + w.wait/16
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.client.KV().List(w.prefix, q.WithContext(ctx))
}

// note keeps a failure for Err, and logs the first and the end of a row.
func (w *configWatch) note(err error) {
	if err != nil {
		err = fmt.Errorf("consul: configuration under %s: %w", w.prefix, brief(err))
	}
	w.mu.Lock()
	before := w.err
	w.err = err
	w.mu.Unlock()
	switch {
	case err != nil && before == nil:
		w.log.Warn("no configuration is learned from Consul at present: what was learned stays", "error", err)
	case err == nil && before != nil:
		w.log.Info("configuration is learned from Consul again", "prefix", w.prefix)
	}
}

func (w *configWatch) logIgnored(keys []string) {
	example := ""
	if len(keys) > 0 {
		example = keys[0]
	}
	if example != "" && example != w.ignored {
		w.log.Warn("keys in Consul are neither clusters nor routers", "prefix", w.prefix, "keys", len(keys), "example", example)
	}
	w.ignored = example
}

// docsOf makes documents of keys, in the order of their names, and returns the keys
// that are none.
func docsOf(pairs api.KVPairs, prefix string) (docs []config.Document, ignored []string, err error) {
	if len(pairs) > maxKeys {
		return nil, nil, fmt.Errorf("there are %d keys, %d at most are read", len(pairs), maxKeys)
	}
	for _, p := range pairs {
		if p == nil {
			continue
		}
		rest, ok := strings.CutPrefix(p.Key, prefix)
		if strings.HasSuffix(p.Key, "/") {
			continue // a folder, as Consul's own interface makes them
		}
		kind, known := kindOf(rest)
		switch {
		case !ok || !known:
			ignored = append(ignored, p.Key)
			continue
		case len(p.Value) > maxValue:
			return nil, nil, fmt.Errorf("the value of %s has %d bytes, %d at most are read", p.Key, len(p.Value), maxValue)
		}
		docs = append(docs, config.Document{Name: "consul:" + p.Key, Kind: kind, Data: p.Value})
	}
	slices.SortFunc(docs, func(a, b config.Document) int { return strings.Compare(a.Name, b.Name) })
	return docs, ignored, nil
}

// kindOf returns the kind of a key without its prefix, and whether it has one.
func kindOf(key string) (config.DocumentKind, bool) {
	folder, name, _ := strings.Cut(key, "/")
	switch {
	case folder == "clusters" && name != "":
		return config.ClusterDocument, true
	case folder == "routers" && name != "":
		return config.RouterDocument, true
	default:
		return 0, false
	}
}

// sameDoc tells whether two documents say the same. One that was written again as it
// was is no change.
func sameDoc(a, b config.Document) bool { return a.Name == b.Name && bytes.Equal(a.Data, b.Data) }
