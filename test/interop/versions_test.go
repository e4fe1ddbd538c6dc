//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builtVersions builds the peers of the folder versions, once for all tests.
var builtVersions = sync.OnceValue(func() error {
	fmt.Fprintln(os.Stderr, "building test/interop/versions: ./run build")
	cmd := exec.Command("./run", "build")
	cmd.Dir = "versions"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building test/interop/versions: %w\n%s", err, out)
	}
	return nil
})

// needVersions makes sure that the folder's peers can be run.
func needVersions(t *testing.T) {
	t.Helper()
	needTools(t, "test/interop/versions", java)
	if err := builtVersions(); err != nil {
		t.Fatal(err)
	}
}

// jvm is a peer of the folder versions that runs.
type jvm struct {
	cmd   *exec.Cmd
	log   output
	ended chan struct{}
}

// startJVM starts a peer until the test is over.
func startJVM(t *testing.T, stdin *os.File, args ...string) *jvm {
	t.Helper()
	p := &jvm{cmd: exec.Command("./run", args...), ended: make(chan struct{})}
	p.cmd.Dir = "versions"
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// says waits for a text.
func (p *jvm) says(t *testing.T, text string) {
	t.Helper()
	if !p.log.until(p.ended, func(all string) bool { return strings.Contains(all, text) }) {
		t.Fatalf("%q does not come from %v:\n%s", text, p.cmd.Args, p.log.from(0))
	}
}

// serveVersion starts a server of a module at an address.
func serveVersion(t *testing.T, address, module string, options ...string) *jvm {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	p := startJVM(t, nil, append([]string{module, "server", port}, options...)...)
	p.says(t, "ready "+port)
	return p
}

// version is a client and a server of a version, and what the client does.
type version struct {
	name     string
	module   string
	protocol string   // as weir names it
	options  []string // of server and client
	check    string
	n        int
	// frame is the greatest frame that weir takes; 0: the default.
	frame int
}

// serializations are those that Dubbo 2.7 has and that call directly.
var serializations = []string{
	"hessian2", "native-hessian", "kryo", "kryo2", "fst", "java", "compactedjava", "nativejava", "fastjson", "gson", "avro", "protostuff",
}

func versions() []version {
	all := []version{
		{name: "dubbo 2.6", module: "dubbo26", protocol: "dubbo", check: "echo", n: 100},
		{name: "sofarpc 5.6", module: "sofarpc56", protocol: "bolt", check: "echo", n: 100},
		{name: "sofarpc 5.8", module: "sofarpc58", protocol: "bolt", check: "echo", n: 100},
		{name: "sofarpc 5.8, 20 MiB", module: "sofarpc58", protocol: "bolt", check: "big", n: 20 << 20, frame: 32 << 20},
		{name: "dubbo 2.7, 20 MiB", module: "dubbo27", protocol: "dubbo", check: "big", n: 20 << 20, frame: 32 << 20},
		{name: "dubbo 3.3, 20 MiB", module: "dubbo33", protocol: "dubbo", check: "big", n: 20 << 20, frame: 32 << 20},
		{name: "triple, 150 at a time", module: "dubbo33", protocol: "Http2", options: []string{"hessian2", "tri"}, check: "at-once", n: 150},
	}
	for _, s := range serializations {
		all = append(all, version{name: "dubbo 2.7, " + s, module: "dubbo27", protocol: "dubbo", options: []string{s}, check: "echo", n: 50})
	}
	return all
}

// TestVersions runs clients of old and other versions against servers of theirs, through weir.
func TestVersions(t *testing.T) {
	needVersions(t)
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			server := serveVersion(t, address, v.module, v.options...)
			w := start(t, "weir", v.config(address))
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			args := append([]string{v.module, "client", w.addresses["main"], v.check, fmt.Sprint(v.n)}, v.options...)
			cmd := exec.CommandContext(ctx, "./run", args...)
			cmd.Dir, cmd.WaitDelay = "versions", 5*time.Second
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\nthe client says:\n%s\nweir says:\n%s\nthe server says:\n%s", err, out, w.log.from(0), server.log.from(0))
			}
		})
	}
}

// config is that of a weir in front of the version's server.
func (v version) config(addresses ...string) *config {
	var c config
	settings := object{}
	c.cluster("up", addresses...)
	if v.frame > 0 {
		limit := object{v.protocol: object{"max_frame_size": v.frame}}
		settings["extend_config"] = limit
		c.clusters[0]["extend_config"] = limit
	}
	c.listen("main", v.protocol, settings, everything("up")...)
	return &c
}

// TestRollingRestarts ends one server of two after the other as an operator does, and starts it again, while a client calls
// through weir: none of its calls fails.
func TestRollingRestarts(t *testing.T) {
	needVersions(t)
	for _, v := range []version{
		{name: "dubbo 2.7", module: "dubbo27", protocol: "dubbo"},
		{name: "dubbo 3.3", module: "dubbo33", protocol: "dubbo"},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			addresses := []string{freeAddress(t), freeAddress(t)}
			servers := []*jvm{serveVersion(t, addresses[0], v.module), serveVersion(t, addresses[1], v.module)}
			w := start(t, "weir", v.config(addresses...))
			stdin, stop, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			client := startJVM(t, stdin, v.module, "client", w.addresses["main"], "endless", "0")
			client.says(t, "calling")
			for round := range 4 {
				i := round % 2
				servers[i].cmd.Process.Signal(syscall.SIGTERM)
				<-servers[i].ended
				servers[i] = serveVersion(t, addresses[i], v.module)
			}
			stop.Close()
			<-client.ended
			if text := client.log.from(0); !strings.Contains(text, "\nok: ") {
				t.Errorf("the client says:\n%.4000s\nweir says:\n%.4000s", text, w.log.from(0))
			} else {
				t.Log(text)
			}
		})
	}
}
