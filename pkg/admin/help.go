package admin

import (
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
)

const helpHead = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>weir: admin interface</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color-scheme: light dark }
td { padding: .2rem 1.5rem .2rem 0; vertical-align: top }
code { white-space: nowrap }
small { display: block; opacity: .7 }
</style>
<h1>weir</h1>
<table>
`

// help lists the endpoints: as a page for browsers, as text for everybody else.
func (s *Server) help(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	b := s.buffers.Get()
	defer s.buffers.Put(b)
	contentType, write := typeText, s.helpText
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		contentType, write = typeHTML, s.helpPage
	}
	if err := write(b); err != nil {
		s.broken(w, err)
		return
	}
	send(w, http.StatusOK, contentType, b.B)
}

func (s *Server) helpText(to io.Writer) error {
	tab := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for i := range s.endpoints {
		e := &s.endpoints[i]
		line := e.shown() + "\t" + e.path + "\t" + e.summary
		if e.query != "" {
			line += " (" + e.query + ")"
		}
		if _, err := io.WriteString(tab, line+"\n"); err != nil {
			return err
		}
	}
	return tab.Flush()
}

func (s *Server) helpPage(to io.Writer) error {
	var b strings.Builder
	b.WriteString(helpHead)
	for i := range s.endpoints {
		e := &s.endpoints[i]
		path := html.EscapeString(e.path)
		if e.methods[0] == http.MethodGet {
			path = `<a href="` + path + `">` + path + `</a>`
		}
		b.WriteString("<tr><td>" + e.shown() + "<td><code>" + path + "</code><td>" + html.EscapeString(e.summary))
		if e.query != "" {
			b.WriteString("<small>" + html.EscapeString(e.query) + "</small>")
		}
		b.WriteByte('\n')
	}
	b.WriteString("</table>\n")
	_, err := io.WriteString(to, b.String())
	return err
}

// shown names the methods, but for HEAD, which is wherever GET is.
func (e *endpoint) shown() string {
	all := slices.DeleteFunc(slices.Clone(e.methods), func(m string) bool { return m == http.MethodHead })
	return strings.Join(all, " ")
}
