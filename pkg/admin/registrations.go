package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Registrations are the services that weir announces to others. The methods are called from several goroutines at a time, and do not
// wait until what they were told is done.
type Registrations interface {
	// Publish announces a service from now on, in place of one of the same ID. The error says why it cannot be.
	Publish(r config.Registration) error
	// Unpublish withdraws the service of that ID.
	Unpublish(id string) error
	// Registrations returns what is announced, and what is about to be or to end.
	Registrations() []Registration
}

// Registration is a service that is announced, at a time.
type Registration struct {
	ID      string    `json:"id"`
	Service string    `json:"service"`
	Address string    `json:"address"`
	State   string    `json:"state"`
	Since   time.Time `json:"since,omitzero"`
	Error   string    `json:"error,omitempty"` // of the last attempt
}

const registrationHint = `{"service": "orders", "address": "10.0.0.1", "port": 8080}`

// registrations shows what is announced, announces, and withdraws.
func (s *Server) registrations(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		s.publish(w, r)
	case http.MethodDelete:
		s.unpublish(w, r)
	default:
		if _, ok := s.query(w, r); ok {
			s.listRegistrations(w)
		}
	}
}

func (s *Server) listRegistrations(w http.ResponseWriter) {
	s.json(w, http.StatusOK, struct {
		Registrations []Registration `json:"registrations"`
	}{append([]Registration{}, s.options.Registrations.Registrations()...)})
}

func (s *Server) publish(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.query(w, r); !ok {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.badBody(w, err, registrationHint)
		return
	}
	want, err := readRegistration(body)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "the registration is not accepted: "+err.Error(), registrationHint)
		return
	}
	if err := s.options.Registrations.Publish(want); err != nil {
		s.fail(w, http.StatusConflict, "the service cannot be announced: "+err.Error(), "")
		return
	}
	s.log.Info("admin: service announced", "service", want.Service, "id", want.ID, "remote", r.RemoteAddr)
	s.listRegistrations(w)
}

func (s *Server) unpublish(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "id")
	if !ok {
		return
	}
	id := q.Get("id")
	var ids []string
	for _, known := range s.options.Registrations.Registrations() {
		ids = append(ids, known.ID)
	}
	if !slices.Contains(ids, id) {
		s.fail(w, http.StatusNotFound, "there is no registration "+brief(id), config.DidYouMean(id, ids))
		return
	}
	if err := s.options.Registrations.Unpublish(id); err != nil {
		s.fail(w, http.StatusConflict, "the service cannot be withdrawn: "+err.Error(), "")
		return
	}
	s.log.Info("admin: service withdrawn", "id", id, "remote", r.RemoteAddr)
	s.listRegistrations(w)
}

// readRegistration reads a registration as strictly as if it stood in a configuration.
func readRegistration(body []byte) (config.Registration, error) {
	if !json.Valid(body) || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return config.Registration{}, errors.New("it is no JSON object")
	}
	read, report, err := config.ParseRegistration("registration.json", body)
	if err == nil {
		return *read, nil
	}
	var wrong []string
	for _, p := range report.Problems() {
		if p.Severity == config.Error {
			p.File, p.Line = "", 0
			wrong = append(wrong, p.String())
		}
	}
	return config.Registration{}, errors.New(strings.Join(wrong, "; "))
}
