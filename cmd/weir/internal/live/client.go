// Package live shows what a running weir does, as its admin interface tells it: its clusters with their hosts, and what happens to
// them. Start at [Clusters] and [Events], which are the commands; [Client] asks.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
)

// Limits of a request.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second // until an answer begins
	maxError      = 64 << 10         // bytes of an answer that is an error
)

// Client asks an admin interface. Its methods may be called from several goroutines.
type Client struct {
	address string
	http    http.Client
}

// NewClient returns a client of the admin interface at an address, host:port. It takes no proxy, whatever the environment says.
func NewClient(address string) *Client {
	return &Client{address: address, http: http.Client{Transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		ResponseHeaderTimeout: answerTimeout,
	}}}
}

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// clusters calls each for all clusters, or for the one that is named, with the time that it is at weir.
func (c *Client) clusters(ctx context.Context, name string, each func(now time.Time, c *admin.Cluster) error) error {
	answer, err := c.get(ctx, "clusters", pairs("name", name))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	now, d := timeOf(answer), json.NewDecoder(answer.Body)
	for _, want := range []json.Token{json.Delim('{'), "clusters", json.Delim('[')} {
		if got, err := d.Token(); err != nil || got != want {
			return c.unreadable(err)
		}
	}
	for d.More() {
		var cluster admin.Cluster
		if err := d.Decode(&cluster); err != nil {
			return c.unreadable(err)
		}
		if err := each(now, &cluster); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return c.unreadable(err)
	}
	return nil
}

// events returns the newest events.
func (c *Client) events(ctx context.Context, cluster string, n int) ([]admin.Event, error) {
	answer, err := c.get(ctx, "events", pairs("cluster", cluster, "n", strconv.Itoa(n)))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var all struct{ Events []admin.Event }
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return nil, c.unreadable(err)
	}
	return all.Events, nil
}

// copyClusters writes what weir answers as it is.
func (c *Client) copyClusters(ctx context.Context, out io.Writer, name string) error {
	answer, err := c.get(ctx, "clusters", pairs("name", name))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(out, answer.Body); errors.Is(err, io.ErrUnexpectedEOF) {
		return c.unreadable(err)
	}
	return err
}

// pairs returns the parameters that have a value.
func pairs(all ...string) url.Values {
	q := make(url.Values)
	for i := 0; i < len(all); i += 2 {
		if all[i+1] != "" {
			q.Set(all[i], all[i+1])
		}
	}
	return q
}

func (c *Client) get(ctx context.Context, page string, q url.Values) (*http.Response, error) {
	if _, _, err := net.SplitHostPort(c.address); err != nil || strings.ContainsAny(c.address, "/ ") {
		return nil, fmt.Errorf("%q is no address of an admin interface, such as 127.0.0.1:34901", c.address)
	}
	target := url.URL{Scheme: "http", Host: c.address, Path: "/api/v1/" + page, RawQuery: q.Encode()}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return nil, c.refused(answer)
	}
	return answer, nil
}

// unreachable says that there is no answer, and what may be the reason.
func (c *Client) unreachable(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nobody listens at %s: is weir running, with an admin block in its configuration? --admin says where else it is", c.address)
	}
	return fmt.Errorf("the admin interface at %s gives no answer: %w (--admin says where else it is)", c.address, err)
}

// refused says what the answer says that is an error.
func (c *Client) refused(answer *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxError))
	var said struct{ Error, Hint string }
	switch err := json.Unmarshal(body, &said); {
	case err != nil || said.Error == "":
		return fmt.Errorf("what listens at %s is no admin interface of weir: it answers %s", c.address, answer.Status)
	case strings.HasPrefix(said.Error, "there is no endpoint"):
		return fmt.Errorf("the admin interface at %s does not show this: is it of an older version?", c.address)
	case said.Hint != "":
		return fmt.Errorf("%s (%s)", said.Error, said.Hint)
	}
	return errors.New(said.Error)
}

func (c *Client) unreadable(err error) error {
	if err == nil {
		err = errors.New("it is not what was asked for")
	}
	return fmt.Errorf("the answer of %s cannot be read: %w", c.address, err)
}

// timeOf is when an answer was made, by the clock that the times in it are of.
func timeOf(answer *http.Response) time.Time {
	now, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return now
}
