package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

type fakeServices struct {
	mu        sync.Mutex
	announced []Registration
	last      config.Registration
	err       error
}

func (f *fakeServices) Publish(r config.Registration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.last = r
		f.announced = append(f.announced, Registration{ID: r.ID, Service: r.Service, Address: r.Address, State: "registering"})
	}
	return f.err
}

func (f *fakeServices) Unpublish(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.announced = slices.DeleteFunc(f.announced, func(r Registration) bool { return r.ID == id })
	}
	return f.err
}

func (f *fakeServices) Registrations() []Registration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.announced)
}

const registrationsPath = "/api/v1/registrations"

func TestRegistrations(t *testing.T) {
	w := newWorld(t)
	body := `{"service": "orders", "id": "o-1", "address": "10.0.0.1", "port": 8080, "tags": ["a"], "meta": {"k": "v"}}`
	type answer struct {
		Registrations []Registration `json:"registrations"`
	}
	want := []Registration{{ID: "o-1", Service: "orders", Address: "10.0.0.1", State: "registering"}}
	if diff := cmp.Diff(want, decode[answer](t, ask(w, http.MethodPost, registrationsPath, body)).Registrations); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// What is not given is as in a configuration.
	defaults := config.Default[config.Registration]()
	if got := w.services.last; got.Port != 8080 || got.Meta["k"] != "v" || got.Weight != defaults.Weight || got.Check.TTL != defaults.Check.TTL {
		t.Errorf("announced %+v", got)
	}
	if diff := cmp.Diff(want, decode[answer](t, get(w, registrationsPath)).Registrations); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	mustStatus(t, ask(w, http.MethodDelete, registrationsPath+"?id=o-2", ""), http.StatusNotFound, `did you mean \"o-1\"?`)
	mustStatus(t, ask(w, http.MethodDelete, registrationsPath, ""), http.StatusNotFound, "there is no registration")
	mustStatus(t, ask(w, http.MethodDelete, registrationsPath+"?ID=o-1", ""), http.StatusBadRequest, `did you mean \"id\"?`)
	if got := decode[answer](t, ask(w, http.MethodDelete, registrationsPath+"?id=o-1", "")).Registrations; len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
	for _, part := range []string{"service announced", "id=o-1", "service withdrawn"} {
		if !strings.Contains(w.log.String(), part) {
			t.Errorf("no %q in the log: %s", part, w.log)
		}
	}
}

// TestBadRegistrations: what a configuration would not accept is not announced.
func TestBadRegistrations(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]struct {
		status int
		part   string
	}{
		"":                                {http.StatusBadRequest, "it is no JSON object"},
		"[]":                              {http.StatusBadRequest, "it is no JSON object"},
		"null":                            {http.StatusBadRequest, "it is no JSON object"},
		`{"service": "a"`:                 {http.StatusBadRequest, "it is no JSON object"},
		`{"service": "a"}, {}`:            {http.StatusBadRequest, "it is no JSON object"},
		`{}], "register": [{}`:            {http.StatusBadRequest, "it is no JSON object"},
		`{"servcie": "a"}`:                {http.StatusBadRequest, `did you mean \"service\"?`},
		`{"service": 3}`:                  {http.StatusBadRequest, "service: "},
		`{"service": "a", "port": 99999}`: {http.StatusBadRequest, "port: "},
		`{"service": "a", "port": 80, "check": {"ttl": "soon"}}`:           {http.StatusBadRequest, "check.ttl: "},
		`{"service": "a", "service": "b"}`:                                 {http.StatusBadRequest, "not accepted"},
		strings.Repeat(`{"meta":`, 5000) + "1" + strings.Repeat("}", 5000): {http.StatusBadRequest, "not accepted"},
		`{"service": "` + strings.Repeat("a", maxBodyBytes) + `"}`:         {http.StatusRequestEntityTooLarge, "too large"},
	} {
		mustStatus(t, ask(w, http.MethodPost, registrationsPath, body), want.status, want.part)
	}
	good := `{"service": "orders", "port": 8080}`
	mustStatus(t, ask(w, http.MethodPost, registrationsPath+"?service=a", good), http.StatusBadRequest, "there is no parameter")
	mustStatus(t, ask(w, http.MethodGet, registrationsPath+"?id=a", ""), http.StatusBadRequest, "")
	mustStatus(t, ask(w, http.MethodPost, registrationsPath, good, "Origin: http://evil.example"), http.StatusForbidden, "")
	w.services.err = errors.New("there is no Consul")
	mustStatus(t, ask(w, http.MethodPost, registrationsPath, good), http.StatusConflict, "there is no Consul")
	if n := len(w.services.announced); n != 0 {
		t.Errorf("%d services announced", n)
	}
	w.services.announced = []Registration{{ID: "o-1"}}
	mustStatus(t, ask(w, http.MethodDelete, registrationsPath+"?id=o-1", "", "Sec-Fetch-Site: cross-site"), http.StatusForbidden, "")
	mustStatus(t, ask(w, http.MethodDelete, registrationsPath+"?id=o-1", ""), http.StatusConflict, "there is no Consul")
}
