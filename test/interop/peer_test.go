//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a server of the examples.
type server struct {
	name     string
	protocol string
	example  string   // its folder
	args     []string // of its run script; PORT stands for its port
}

var servers = []server{
	{"sofarpc", "bolt", "sofarpc-java", []string{"server", "PORT"}},
	{"bolt", "bolt", "bolt-java", []string{"server", "PORT"}},
	{"node-bolt", "bolt", "rpc-node", []string{"server", "PORT", "bolt"}},
	{"dubbo2", "dubbo", "dubbo-java", []string{"server2", "PORT"}},
	{"dubbo3", "dubbo", "dubbo-java", []string{"server3", "PORT"}},
	{"node-dubbo", "dubbo", "rpc-node", []string{"server", "PORT", "dubbo"}},
	{"grpc", "Http2", "grpc", []string{"server", "PORT"}},
	{"triple", "Http2", "triple-java", []string{"server", "PORT"}},
}

// tool is a command that examples take, and where to get it.
type tool struct{ command, from string }

var (
	java = []tool{
		{"javac", "a JDK, 17 or later: apt-get install openjdk-17-jdk-headless, or https://adoptium.net"},
		{"mvn", "Maven: apt-get install maven, or https://maven.apache.org"},
	}
	node = []tool{
		{"node", "Node, 20 or later: https://nodejs.org"},
		{"npm", "npm, which comes with Node: https://nodejs.org"},
	}
	tools = map[string][]tool{
		"sofarpc-java": java, "bolt-java": java, "dubbo-java": java, "triple-java": java,
		"rpc-node": node, "grpc": node,
		"consul": append([]tool{{"curl", "curl: apt-get install curl"}}, java...),
	}
)

// peers are the programs that weir stands between. They are built, and their servers started, when the first test asks for them;
// the servers run until all tests are over.
type peers struct {
	t        *testing.T // the test around all others
	web      string     // address of a server of HTTP, which echoes
	building sync.Mutex // one at a time
	built    map[string]error
	servers  map[string]*running
}

// running is a server, once it was started.
type running struct {
	server
	port  int
	once  sync.Once
	log   output
	err   error
	ended chan struct{}
}

func newPeers(t *testing.T) *peers {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	t.Cleanup(web.Close)
	p := &peers{t: t, web: web.Listener.Addr().String(), built: map[string]error{}, servers: map[string]*running{}}
	for _, s := range servers {
		_, port, _ := net.SplitHostPort(freeAddress(t))
		n, _ := strconv.Atoi(port)
		p.servers[s.name] = &running{server: s, port: n, ended: make(chan struct{})}
	}
	return p
}

// freeAddress finds a port that nobody listens on. It is none of those that the kernel gives to outgoing connections, so that it
// stays free until its server is started.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// address is where a server listens, once it was started.
func (p *peers) address(name string) string {
	return "127.0.0.1:" + strconv.Itoa(p.servers[name].port)
}

// need makes sure that an example can be run: its tools are there, and it is built. Without the tools, the test is skipped.
func (p *peers) need(t *testing.T, example string) {
	t.Helper()
	needTools(t, "examples/"+example, tools[example])
	if err := p.build(example); err != nil {
		t.Fatal(err)
	}
}

// needTools makes sure that what a folder takes is there. Otherwise the test is skipped.
func needTools(t *testing.T, folder string, takes []tool) {
	t.Helper()
	for _, tool := range takes {
		if _, err := exec.LookPath(tool.command); err == nil {
			continue
		}
		reason := fmt.Sprintf("NOT RUN: %s is missing, and %s takes %s", tool.command, folder, tool.from)
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s; with CI=true nothing may be left out", reason)
		}
		t.Skip(reason)
	}
}

// build builds an example, if that was not done yet. It says what takes so long.
func (p *peers) build(example string) error {
	p.building.Lock()
	defer p.building.Unlock()
	if err, done := p.built[example]; done {
		return err
	}
	fmt.Fprintf(os.Stderr, "building examples/%s: ./run build\n", example)
	out, err := script(context.Background(), example, "build").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building examples/%s: %w\n%s", example, err, out)
	}
	p.built[example] = err
	return err
}

// script is a command of an example's run script.
func script(ctx context.Context, example string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "./run", args...)
	cmd.Dir = filepath.Join("../../examples", example)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// serve starts a server, if that was not done yet, and waits until it is ready.
func (p *peers) serve(t *testing.T, name string) {
	t.Helper()
	r := p.servers[name]
	p.need(t, r.example)
	r.once.Do(func() { r.err = r.start(p.t) })
	if r.err != nil {
		t.Fatal(r.err)
	}
}

func (r *running) start(t *testing.T) error {
	args := strings.Split(strings.ReplaceAll(strings.Join(r.args, " "), "PORT", strconv.Itoa(r.port)), " ")
	cmd := script(context.Background(), r.example, args...)
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		<-r.ended
	})
	ready := fmt.Sprintf("ready %d", r.port)
	if !r.log.until(r.ended, func(text string) bool { return strings.Contains(text, ready) }) {
		return fmt.Errorf("the server %s does not start:\n%s", r.name, r.log.from(0))
	}
	return nil
}
