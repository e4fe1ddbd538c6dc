package admin

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

// send sends an answer that is there as a whole, so that what failed on the way to it is still a 500.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // who went away needs no answer
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	b := s.buffers.Get()
	defer s.buffers.Put(b)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(v); err != nil {
		s.broken(w, err)
		return
	}
	send(w, status, typeJSON, b.B)
}

// fail answers with an error, in the form that MOSN's interface has for it, and a hint if there is one.
func (s *Server) fail(w http.ResponseWriter, status int, message, hint string) {
	s.json(w, status, struct {
		Error string `json:"error"`
		Hint  string `json:"hint,omitempty"`
	}{message, hint})
}

// query returns the parameters of a request, each at most once. On any other than the known ones it has answered, and ok is false.
func (s *Server) query(w http.ResponseWriter, r *http.Request, known ...string) (q url.Values, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "the query cannot be read: "+brief(err.Error()), "")
		return nil, false
	}
	for name, values := range q {
		switch {
		case !slices.Contains(known, name):
			s.fail(w, http.StatusBadRequest, "there is no parameter "+brief(name), config.DidYouMean(name, known))
			return nil, false
		case len(values) > 1:
			s.fail(w, http.StatusBadRequest, name+" is given more than once", "")
			return nil, false
		}
	}
	return q, true
}

// format reports whether a page is asked for as text rather than as JSON. On any other format it has answered, and ok is false.
func (s *Server) format(w http.ResponseWriter, q url.Values) (text, ok bool) {
	switch f := q.Get("format"); f {
	case "", "json":
		return false, true
	case "text":
		return true, true
	default:
		s.fail(w, http.StatusBadRequest, "there is no format "+brief(f), "json or text")
		return false, false
	}
}

// preferred is format for pages that are as good to read as to process: without a word about the format, the Accept header decides.
func (s *Server) preferred(w http.ResponseWriter, r *http.Request, q url.Values) (text, ok bool) {
	if q.Has("format") {
		return s.format(w, q)
	}
	w.Header().Set("Vary", "Accept")
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return quality(accept, "text", "plain") > quality(accept, "application", "json"), true
}

// quality is how welcome a media type is to an Accept header: what the range says that fits it most closely.
func quality(accept, kind, sub string) float64 {
	best, q := 0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		fit := 0
		switch name {
		case kind + "/" + sub:
			fit = 3
		case kind + "/*":
			fit = 2
		case "*/*":
			fit = 1
		}
		if fit > best {
			best, q = fit, 1
			if v, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
				q = v
			}
		}
	}
	return q
}

// badBody answers that a body cannot be read. The hint is what it could be.
func (s *Server) badBody(w http.ResponseWriter, err error, hint string) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		s.fail(w, http.StatusRequestEntityTooLarge, "the body is too large", "")
		return
	}
	s.fail(w, http.StatusBadRequest, "the body cannot be read: "+brief(err.Error()), hint)
}

// brief cuts what somebody sent to a length that an answer may repeat.
func brief(sent string) string {
	const most = 128
	if len(sent) > most {
		return strings.ToValidUTF8(sent[:most], "") + "..."
	}
	return sent
}

// broken answers that something failed which is not the client's business; the log says what.
func (s *Server) broken(w http.ResponseWriter, err error) {
	s.log.Error("admin: a request failed", "error", err)
	s.fail(w, http.StatusInternalServerError, "internal error; the log has the reason", "")
}
