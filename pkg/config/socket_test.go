package config

import "testing"

func TestPlacesOverlap(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		reuse bool
		want  bool
	}{
		{a: ":80", b: ":80", want: true},
		{a: ":80", b: "0.0.0.0:80", want: true},
		{a: ":80", b: "[::]:80", want: true},
		{a: "0.0.0.0:80", b: "[::]:80", want: true},
		{a: ":80", b: "127.0.0.1:80", want: true},
		{a: ":80", b: "[::1]:80", want: true},
		{a: "0.0.0.0:80", b: "127.0.0.1:80", want: true},
		{a: "0.0.0.0:80", b: "[::1]:80"},
		{a: "127.0.0.1:80", b: "[::ffff:127.0.0.1]:80", want: true},
		{a: "[::1]:80", b: "[0:0:0:0:0:0:0:1]:80", want: true},
		{a: "127.0.0.1:80", b: "127.0.0.2:80"},
		{a: "127.0.0.1:80", b: "[::1]:80"},
		{a: ":80", b: ":81"},
		{a: ":80", b: "127.0.0.1:80", reuse: true},
		{a: ":80", b: "0.0.0.0:80", reuse: true, want: true},
		{a: "127.0.0.1:80", b: "127.0.0.1:80", reuse: true, want: true},
	} {
		at := func(address string) socketAt {
			p, ok := socketOf(&Listener{Address: address, BindPort: true, ReusePort: tt.reuse})
			if !ok {
				t.Fatalf("%s is no place", address)
			}
			return p
		}
		a, b := at(tt.a), at(tt.b)
		if a.overlaps(b) != tt.want || b.overlaps(a) != tt.want {
			t.Errorf("%s and %s: %v, %v; want %v", tt.a, tt.b, a.overlaps(b), b.overlaps(a), tt.want)
		}
	}
	for _, l := range []Listener{{Address: ":80"}, {BindPort: true}, {Address: ":0", BindPort: true}, {Address: "x", BindPort: true}} {
		if _, ok := socketOf(&l); ok {
			t.Errorf("%+v is a place", l)
		}
	}
}
