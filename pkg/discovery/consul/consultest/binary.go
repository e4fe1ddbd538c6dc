package consultest

import (
	"os"
	"path/filepath"
	"testing"
)

// binary finds the program.
func binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("WEIR_CONSUL"); path != "" {
		return path
	}
	if path := inCheckout(t); path != "" {
		return path
	}
	const missing = "####### no Consul agent: run `make consul`, or name one with WEIR_CONSUL. THIS TEST DOES NOT RUN. #######"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// inCheckout returns bin/consul of the checkout that the test runs in, or "".
func inCheckout(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "bin", "consul")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}
