package e2e_test

import "testing"

// TestUnknownProtocol: a client that speaks nothing that the listener has is hung up
// on at once.
func TestUnknownProtocol(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), proxy: `"downstream_protocol": "Auto"`})
	for range 2 {
		c := dial(t, w.addr())
		c.send("\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=a\r\n")
		c.ended()
	}
	until(t, "both are gone", func() bool { return w.Load().Connections == 0 })
	if n := w.count("downstream.listener.main", "connection_unknown"); n != 2 {
		t.Errorf("%d connections were unknown, want 2", n)
	}
}
