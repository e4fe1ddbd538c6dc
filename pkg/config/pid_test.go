package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPIDFile(t *testing.T) {
	base := t.TempDir()
	conf, logs := filepath.Join(base, "conf"), filepath.Join(base, "logs")
	name := filepath.Join(conf, "mosn.json")
	if err := os.Mkdir(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	is := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := PIDFile(name); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	is(`{}`, "")
	is(`{"pid": "/run/x.pid", "servers": 5}`, "/run/x.pid")
	is(`{"PID": "x.pid"}`, filepath.Join(conf, "x.pid"))
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	is(`{"pid": ""}`, filepath.Join(logs, "mosn.pid"))
	is(`{"pid": 5}`, filepath.Join(logs, "mosn.pid"))
	c := Config{PID: "/run/x.pid"}
	if got := c.PIDFile(name); got != "/run/x.pid" {
		t.Errorf("of a configuration that is loaded: %q", got)
	}
	if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PIDFile(name); err == nil {
		t.Error("a file that is no JSON is read")
	}
	if _, err := PIDFile(filepath.Join(base, "nothing")); err == nil {
		t.Error("a file that is not there is read")
	}
}
