package consul

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
)

// What is read from an agent is bounded, because it is kept in memory.
const (
	maxHead = 64 << 10 // bytes of an answer's header
	maxBody = 64 << 20 // bytes of an answer's body
)

const (
	// answerTime is how long an agent may take for an answer that it has no reason to
	// hold.
	answerTime = 15 * time.Second
	// unset stands for a namespace or partition that nobody gave. Where there is
	// nothing, the library would take what an environment variable says.
	unset = "-unset-"
)

var errTooLong = fmt.Errorf("the answer is longer than %d bytes", maxBody)

// client is the way to an agent, over connections of its own. What it sends besides
// watches of the catalog, a service mesh will need too: certificates and intentions
// are asked for in the same way.
type client struct {
	*api.Client
	transport *http.Transport
}

// newClient makes a client that uses so many connections at a time. http2, which may
// be nil, is called once, when an agent has answered over HTTP/2. The errors are those
// of files: certificates and the token.
func newClient(c *config.Consul, connections int, log *slog.Logger, http2 func()) (*client, error) {
	tls, err := clientTLS(&c.TLS)
	if err != nil {
		return nil, err
	}
	token, err := newToken(c, log)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{
		Timeout:         5 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        tls,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxConnsPerHost:        connections,
		MaxIdleConns:           connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHead,
		DisableCompression:     true, // an agent is near
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
	if http2 == nil {
		http2 = func() {}
	}
	inner, err := api.NewClient(&api.Config{
		Address: c.Address, Scheme: c.Scheme, Token: unset, Namespace: unset, Partition: unset,
		HttpClient: &http.Client{
			Transport: &gate{next: transport, token: token, http2: sync.OnceFunc(http2)},
			// The token is for the agent alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return &client{Client: inner, transport: transport}, nil
}

// close frees the connections that are not in use.
func (c *client) close() { c.transport.CloseIdleConnections() }

// gate is what requests and answers pass: requests get the token and lose what stands
// for nothing; bodies get a limit.
type gate struct {
	next  http.RoundTripper
	token *token
	http2 func()
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	token := g.token.current()
	resp, err := g.send(req, token)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		return resp, err
	}
	again := g.token.reread()
	if again == token {
		return resp, nil
	}
	second, ok := rewound(req)
	if !ok {
		return resp, nil
	}
	resp.Body.Close()
	return g.send(second, again)
}

// rewound returns a request with its body from the start, if that can be had.
func rewound(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	req = req.Clone(req.Context())
	req.Body = body
	return req, true
}

func (g *gate) send(req *http.Request, token string) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Header.Del("X-Consul-Token")
	if token != "" {
		out.Header.Set("X-Consul-Token", token)
	}
	query := out.URL.Query()
	for _, key := range []string{"ns", "partition"} {
		if query.Get(key) == unset {
			query.Del(key)
		}
	}
	out.URL.RawQuery = query.Encode()
	resp, err := g.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if resp.ProtoMajor == 2 {
		g.http2()
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

// limited is a body that fails when it is too long.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left+1)])
	if l.left -= n; l.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// status returns the code of an answer that was not the one asked for, or 0.
func status(err error) int {
	var s api.StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

// brief is an error that fits into a line: what agents answer may be long.
func brief(err error) error {
	const longest = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return &shortened{text: text, cause: err}
}

type shortened struct {
	text  string
	cause error
}

func (s *shortened) Error() string { return s.text }

func (s *shortened) Unwrap() error { return s.cause }

// options are a query's settings, as the configuration's block says where the query
// itself does not.
func options(c *config.Consul, datacenter, namespace, partition string) *api.QueryOptions {
	return &api.QueryOptions{
		Datacenter: cmp.Or(datacenter, c.Datacenter),
		Namespace:  cmp.Or(namespace, c.Namespace),
		Partition:  cmp.Or(partition, c.Partition),
		AllowStale: c.AllowStale,
	}
}
