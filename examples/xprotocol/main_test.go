package main_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestProgram builds the program and runs all of it: a server, a weir with the
// configuration of the example on ports of its own, and the client.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "xprotocol")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := run(t, program, "server", "127.0.0.1:0")
	config, err := os.ReadFile("weir.json")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.1:2046", "127.0.0.1:0", "127.0.0.1:12400", server).Replace(string(config))
	path := filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	weir := run(t, program, "weir", path)
	out, err := exec.Command(program, "client", weir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ok: 8 clients, 100 calls each") {
		t.Errorf("the client says %s, %v", out, err)
	}
}

// run starts the program and returns the address that it is ready at. It must end
// well when the test is over.
func run(t *testing.T, program string, args ...string) (address string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // if it is gone already, Wait says why
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, problems.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) < 2 || words[0] != "ready" {
		t.Fatalf("%q says %q, %v\n%s", args, line, err, problems.String())
	}
	return words[1]
}
