package config

import (
	"regexp"
	"strings"
)

// redacted stands in a dump where a secret is.
const redacted = "<redacted>"

// redact takes the secrets out of a tree. What is secret is told by its name, wherever it is, because settings of filters are
// free in their schema; and by what it looks like.
func redact(n *Node) {
	pass := redactor{userinfo: regexp.MustCompile(`(://[^/?#@\s]*:)[^/?#@\s]*@`)}
	pass.node(n)
}

type redactor struct{ userinfo *regexp.Regexp }

func (r redactor) node(n *Node) {
	if n.Kind() == String {
		n.text = r.text(n.text)
	}
	named := secretHeader(n.Get("key").Text()) || secretHeader(n.Get("name").Text())
	for _, m := range n.Members() {
		if secretName(m.Key) || named && strings.EqualFold(m.Key, "value") {
			m.Value.hide()
			continue
		}
		r.node(m.Value)
	}
	for _, item := range n.Items() {
		r.node(item)
	}
}

// text takes a private key, and the password of a URL, out of a text.
func (r redactor) text(s string) string {
	if strings.Contains(s, "PRIVATE KEY-----") {
		return redacted
	}
	return r.userinfo.ReplaceAllString(s, "${1}"+redacted+"@")
}

// hide replaces a value that holds something. A boolean tells nothing worth hiding, and true is what an operator looks for.
func (n *Node) hide() {
	if n.isEmpty() || n.kind == Bool {
		return
	}
	*n = Node{kind: String, text: redacted}
}

// secretHeader reports whether the value of a header (or of anything else with a name and a value) of this name is a secret.
func secretHeader(name string) bool {
	return secretName(name) || strings.EqualFold(name, "cookie") || strings.EqualFold(name, "set-cookie")
}

// secretName reports whether a key of this name holds a secret, and not only where it is: token_file, token_env.
func secretName(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, "_file") || strings.HasSuffix(lower, "_env") {
		return false
	}
	s := strings.NewReplacer("-", "", "_", "", ".", "").Replace(lower)
	switch s {
	case "authorization", "proxyauthorization", "ticket", "pwd":
		return true
	}
	for _, part := range []string{"privatekey", "password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "accesskey"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
