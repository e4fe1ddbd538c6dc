package consul

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// What a real agent cannot be made to do is done by a server that stands for one.

const oneInstance = `[{"Node":{"Address":"10.9.9.9","Datacenter":"dc1"},
	"Service":{"ID":"web-1","Service":"web","Address":"10.0.0.1","Port":80,"Weights":{"Passing":1,"Warning":1}},"Checks":[]}]`

// fakeAgent answers by a function, which gets the number of the question.
func fakeAgent(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(int(asked.Add(1)), w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), asked
}

func TestAnswersThatAreWrong(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"no JSON":    func(w http.ResponseWriter) { w.Write([]byte("<html>")) },
		"half of it": func(w http.ResponseWriter) { w.Write([]byte(oneInstance[:100])) },
		"an object":  func(w http.ResponseWriter) { w.Write([]byte(`{"Node":1}`)) },
		"a header too long": func(w http.ResponseWriter) {
			w.Header().Set("X", strings.Repeat("x", 10<<20))
			w.Write([]byte(oneInstance))
		},
		"a body too long": func(w http.ResponseWriter) {
			for chunk := strings.Repeat(" ", 1<<20); ; {
				if _, err := w.Write([]byte(chunk)); err != nil {
					return
				}
			}
		},
		"a status":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"a redirect": func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			address, asked := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 1 || n > 3 {
					w.Header().Set("X-Consul-Index", strconv.Itoa(n))
					w.Write([]byte(oneInstance))
					return
				}
				answer(w)
			})
			r := watching(t, newSource(t, block(address)), passing("web"))
			eventually(t, "failures", func() bool { _, err := r.failure(); return err != nil && asked.Load() > 3 })
			eventually(t, "an end of the failure", func() bool { n, _ := r.failure(); return n == 0 })
			if _, sets := r.hosts(); sets != 1 || r.text() != "10.0.0.1:80 healthy 1" {
				t.Errorf("%d sets, the last %q", sets, r.text())
			}
		})
	}
}

func TestOddInstances(t *testing.T) {
	address, _ := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Consul-Index", "1")
		w.Write([]byte(`[null, {}, {"Service":{}}, {"Node":{},"Service":{"Port":80}}, {"Node":{},"Service":{"Address":"10.0.0.2","Port":70000}},` +
			`{"Node":{},"Service":{"Address":"10.0.0.2","Port":80,"Weights":{"Passing":-1}},"Checks":[{"Status":"odd"}]},` + oneInstance[1:]))
	})
	r := watching(t, newSource(t, block(address)), config.ConsulService{Service: "web", Status: config.ConsulAny})
	r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 unhealthy 0")
}

func TestAnAgentWithoutIndices(t *testing.T) {
	var now atomic.Pointer[string]
	first, second := "[]", oneInstance
	now.Store(&first)
	address, asked := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) { w.Write([]byte(*now.Load())) })
	start := time.Now()
	r := watching(t, newSource(t, block(address)), passing("web"))
	r.await(t, "")
	now.Store(&second)
	r.await(t, "10.0.0.1:80 healthy 1")
	eventually(t, "20 questions", func() bool { return asked.Load() > 20 })
	if most := askBurst + 2 + int64(time.Since(start)/askEvery); asked.Load() > most {
		t.Errorf("%d questions, want %d at most", asked.Load(), most)
	}
}

func TestEmptyOrHidden(t *testing.T) {
	address, _ := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
		held := r.URL.Query().Has("index")
		w.Header().Set("X-Consul-Index", strconv.Itoa(n))
		w.Header().Set("X-Consul-LastContact", "0") // without, the library reads no further
		switch {
		case n == 1:
			w.Write([]byte(oneInstance))
			return
		case !held:
			w.Header().Set("X-Consul-Results-Filtered-By-ACLs", "true")
		}
		w.Write([]byte("[]"))
	})
	r := watching(t, newSource(t, block(address)), passing("web"))
	eventually(t, "a failure for want of sight", func() bool { n, err := r.failure(); return n > 1 && errors.Is(err, errHidden) })
	if r.text() != "10.0.0.1:80 healthy 1" {
		t.Errorf("the hosts are %q", r.text())
	}
}

// The library looks for all of these.
func TestTheEnvironmentSaysNothing(t *testing.T) {
	for key, value := range map[string]string{
		"CONSUL_HTTP_ADDR": "192.0.2.1:1", "CONSUL_HTTP_TOKEN": "leaked", "CONSUL_HTTP_TOKEN_FILE": "/nonexistent",
		"CONSUL_HTTP_AUTH": "user:leaked", "CONSUL_HTTP_SSL": "true", "CONSUL_HTTP_SSL_VERIFY": "false",
		"CONSUL_NAMESPACE": "leaked", "CONSUL_PARTITION": "leaked", "CONSUL_CACERT": "/nonexistent", "HTTP_PROXY": "http://192.0.2.1:1",
	} {
		t.Setenv(key, value)
	}
	got := make(chan *http.Request, 1)
	address, _ := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			got <- r.Clone(context.Background())
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	b := block(address)
	b.AllowStale = false
	watching(t, newSource(t, b), passing("web"))
	r := <-got
	if r.URL.RawQuery != "passing=1" || r.Header.Get("X-Consul-Token") != "" || r.Header.Get("Authorization") != "" {
		t.Errorf("query %q, headers %v", r.URL.RawQuery, r.Header)
	}
}

func TestWhatIsAsked(t *testing.T) {
	got := make(chan *http.Request, 1)
	address, _ := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			got <- r.Clone(context.Background())
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	t.Setenv("OUR_TOKEN", " secret ")
	b := block(address)
	b.TokenEnv, b.Datacenter, b.Namespace, b.Partition = "OUR_TOKEN", "dc1", "ns1", "p1"
	watching(t, newSource(t, b), config.ConsulService{
		Service: "a b/c", Tags: []string{"x", "y"}, Namespace: "ns2", Near: "_agent", Filter: "F", Status: config.ConsulAny,
	})
	r := <-got
	const want = "/v1/health/service/a%20b/c?dc=dc1&filter=F&near=_agent&ns=ns2&partition=p1&stale=&tag=x&tag=y"
	if r.RequestURI != want {
		t.Errorf("asked for %s\nwant      %s", r.RequestURI, want)
	}
	if token := r.Header.Get("X-Consul-Token"); token != "secret" {
		t.Errorf("the token is %q", token)
	}
}

func TestFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		change func(*config.Consul)
		want   string
	}{
		"no token file":     {func(c *config.Consul) { c.TokenFile = filepath.Join(dir, "none") }, "token_file"},
		"an empty one":      {func(c *config.Consul) { c.TokenFile = file("empty", "\n") }, "is empty"},
		"one of many words": {func(c *config.Consul) { c.TokenFile = file("many", "a secret") }, "holds more than a token"},
		"no variable":       {func(c *config.Consul) { c.TokenEnv = "WEIR_TEST_NONE" }, "WEIR_TEST_NONE is empty"},
		"no authority":      {func(c *config.Consul) { c.TLS.CAFile = filepath.Join(dir, "none") }, "ca_file"},
		"a wrong authority": {func(c *config.Consul) { c.TLS.CAFile = file("ca", "x") }, "holds no certificate"},
		"a wrong one":       {func(c *config.Consul) { c.TLS.CertFile, c.TLS.KeyFile = file("c", "x"), file("k", "x") }, "cert_file"},
		"one without a key": {func(c *config.Consul) { c.TLS.CertFile = file("c", "x") }, "need each other"},
	} {
		t.Run(name, func(t *testing.T) {
			b := block("127.0.0.1:1")
			c.change(b)
			_, err := New(b, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "a secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string][]string{"a": {"10.0.0.2", "10.0.0.1"}, "b": {"fd00::1", "10.0.0.9"}}
		var failure error
		asked := 0
		n := newNames(slog.New(slog.DiscardHandler))
		n.lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			asked++
			var addrs []netip.Addr
			for _, a := range answers[name] {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			return addrs, failure
		}
		expect := func(when, a, b string) {
			t.Helper()
			got := n.resolve(t.Context(), []string{"a", "b"})
			text := func(name string) string {
				if !got[name].IsValid() {
					return ""
				}
				return got[name].String()
			}
			if text("a") != a || text("b") != b {
				t.Errorf("%s: %v", when, got)
			}
		}
		expect("at first", "10.0.0.1", "10.0.0.9")
		answers["a"] = []string{"10.0.0.3"}
		expect("within the minute", "10.0.0.1", "10.0.0.9")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		after(nameTime)
		answers["b"] = []string{"10.0.0.1", "10.0.0.9"}
		expect("after it", "10.0.0.3", "10.0.0.9")
		after(nameTime)
		failure = &net.DNSError{IsTimeout: true}
		expect("without a server", "10.0.0.3", "10.0.0.9")
		after(nameTime)
		failure = &net.DNSError{IsNotFound: true}
		expect("when they are gone", "", "")
	})
}

func TestNamesInTheCatalog(t *testing.T) {
	address, _ := fakeAgent(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if w.Header().Set("X-Consul-Index", "7"); n > 1 {
			<-r.Context().Done()
			return
		}
		w.Write([]byte(strings.Replace(oneInstance, "10.0.0.1", "one.example", 1)))
	})
	s := newSource(t, block(address))
	s.names.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.5")}, nil
	}
	r := watching(t, s, passing("web"))
	r.await(t, "10.0.0.5:80 healthy 1")
	if hosts, _ := r.hosts(); hosts[0].Hostname != "one.example" {
		t.Errorf("the host's name is %q", hosts[0].Hostname)
	}
}
