package httprule

import (
	"bytes"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// FuzzAuthority: what is a host has no byte that could end a field or hide another
// host, and stays one, the same, in small letters.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"a", "A.b:80", "a:", "[::1]:443", "[::ffff:1.2.3.4]", "%41", "a b", "a@b", "[::1", ":80", "a:99999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		auth, upper, ok := Authority(b)
		if !ok {
			return
		}
		if len(auth) == 0 || len(auth) > MaxHost || bytes.ContainsAny(auth, "\r\n\x00 \t/@?#\\\"<>") || !bytes.HasPrefix(b, auth) {
			t.Fatalf("%q is taken for the host %q", b, auth)
		}
		var h stream.Head
		SetAuthority(&h, auth, upper)
		again, _, ok := Authority(h.Authority())
		if !ok || !bytes.EqualFold(again, auth) {
			t.Fatalf("%q becomes %q, %v", auth, h.Authority(), ok)
		}
	})
}
