package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestStartedAsMOSN: what starts MOSN starts weir, be it by another name, without a
// command, with flags that mean nothing to weir, or by the environment.
func TestStartedAsMOSN(t *testing.T) {
	up := named(t, "up")
	mosn := filepath.Join(t.TempDir(), "mosn")
	if err := os.Symlink(build(t), mosn); err != nil {
		t.Fatal(err)
	}
	istio := []string{
		"--service-cluster", "shop", "--service-node", "sidecar~10.0.0.1~a.b~cluster.local", "-p", "sidecar", "-sm", "ISTIO_VERSION:1.1",
		"--sl", "a:b", "--cluster-domain=cluster.local", "-pns", "b", "--pod-name", "a", "--pi", "10.0.0.1", "--feature-gates", "XdsMtlsEnable=true,Nobody=true",
		"--log-format", "x", "--component-log-level", "misc:error", "--local-address-ip-version", "v4", "--restart-epoch", "0", "--drain-time-s", "45",
		"--parent-shutdown-time-s", "60", "--max-obj-name-len", "189", "--concurrency", "2", "--log-format-prefix-with-location", "0",
		"--bootstrap-version", "3", "--drain-strategy", "immediate", "--disable-hot-restart",
	}
	for _, tt := range []struct {
		name string
		args []string // FILE stands for the configuration
		env  string
		says []string
	}{
		{"mosn start", []string{"start", "-c", "FILE"}, "", nil},
		{"without a command", []string{"-c", "FILE"}, "", nil},
		{"one dash", []string{"start", "-config", "FILE"}, "", nil},
		{"by the environment", nil, "MOSN_CONFIG=FILE", nil},
		{"Istio's flags", append([]string{"start", "--config", "FILE"}, istio...), "", []string{
			"level=WARN msg=\"flags without effect\" flags=.*--service-cluster --service-node .*--disable-hot-restart", "unknown feature gates\" names=Nobody",
		}},
		{"log level", []string{"start", "-c", "FILE", "-l", "loud"}, "", []string{"unknown log level.* level=loud"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := runAs(t, setup{up: up.addr()}, func(p *process) *exec.Cmd {
				file := strings.NewReplacer("FILE", p.path)
				cmd := exec.Command(mosn)
				for _, arg := range tt.args {
					cmd.Args = append(cmd.Args, file.Replace(arg))
				}
				cmd.Env = append(os.Environ(), file.Replace(tt.env))
				return cmd
			})
			get(t, client(t), p.url("/")).expect(t, 200, "up")
			for _, pattern := range tt.says {
				p.says(pattern)
			}
			if flags := regexp.MustCompile("flags without effect"); tt.says == nil && flags.MatchString(p.log.String()) {
				t.Error("flags are warned about that are not given")
			}
			p.signal(syscall.SIGTERM)
			p.exits(0)
		})
	}
}

// TestLogLevelFlag: the flag and the environment come before the configuration, after
// a reload as well.
func TestLogLevelFlag(t *testing.T) {
	p := runAs(t, setup{server: `"default_log_level": "ERROR"`, clusters: `{"name": "up"}`}, func(p *process) *exec.Cmd {
		cmd := exec.Command(build(t), "start", "-c", p.path)
		cmd.Env = append(os.Environ(), "LOG_LEVEL=info")
		return cmd
	})
	p.signal(syscall.SIGHUP)
	p.says("the configuration was reloaded")
	p.signal(syscall.SIGTERM)
	p.says("drained")
	p.exits(0)
}

// TestStop: the process of a configuration is found by its pid file, told to reload
// and to end, and waited for.
func TestStop(t *testing.T) {
	up := named(t, "up")
	p := run(t, setup{up: up.addr(), top: `"pid": "weir.pid"`})
	tell := func(what string, code int, says string) {
		t.Helper()
		got, stdout, stderr := command(t, what, "-c", p.path)
		if got != code || !strings.Contains(stdout+stderr, says) {
			t.Errorf("%s: %d %s%s, want %d and %q", what, got, stdout, stderr, code, says)
		}
	}
	tell("reload", 0, " loads it")
	p.says("the configuration was reloaded")
	if err := os.WriteFile(p.path, []byte(`{"pid": "weir.pid"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tell("reload", 1, "there must be one entry in servers")
	tell("stop", 0, " has ended")
	p.exits(0)
	tell("stop", 1, "weir is not running")
	if _, err := os.Stat(filepath.Join(filepath.Dir(p.path), "weir.pid")); !os.IsNotExist(err) {
		t.Errorf("the pid file is still there: %v", err)
	}
	if err := os.WriteFile(p.path, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tell("stop", 1, "the configuration has no pid")
}

// TestPIDFileOfMOSN: without the key, the file is where MOSN has it, if there is such a
// folder; the second process with it runs without one.
func TestPIDFileOfMOSN(t *testing.T) {
	var first *process
	start := func(p *process) *exec.Cmd {
		if first == nil {
			conf := filepath.Join(filepath.Dir(p.path), "conf")
			for _, folder := range []string{conf, filepath.Join(filepath.Dir(p.path), "logs")} {
				if err := os.Mkdir(folder, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			config, err := os.ReadFile(p.path)
			if err != nil {
				t.Fatal(err)
			}
			p.path, first = filepath.Join(conf, "mosn.json"), p
			if err := os.WriteFile(p.path, config, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return exec.Command(build(t), "start", "-c", first.path)
	}
	s := setup{clusters: `{"name": "up"}`}
	one, two := runAs(t, s, start), runAs(t, s, start)
	two.says("the pid file could not be written.*another process that is alive")
	code, stdout, stderr := command(t, "stop", "--now", "-c", first.path)
	if code != 0 {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	one.exits(0)
	two.signal(syscall.SIGTERM)
	two.exits(0)
}
