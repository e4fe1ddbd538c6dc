package consul

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// maxToken is the most that is read of a file with a token.
const maxToken = 4096

// token is what requests are allowed by. One from a file is read again when the file
// has changed, which is looked at once a second at most, and when an agent refuses it.
type token struct {
	file string
	log  *slog.Logger

	mu     sync.Mutex
	value  string
	looked time.Time // at the file
	found  fileState
	failed bool // the last reading: it has been logged
}

// fileState is what tells that a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// newToken takes the token from where the configuration says; without, it is empty.
func newToken(c *config.Consul, log *slog.Logger) (*token, error) {
	t := &token{file: c.TokenFile, log: log}
	if t.file != "" {
		t.looked = time.Now()
		return t, t.read()
	}
	if c.TokenEnv == "" {
		return t, nil
	}
	t.value = strings.TrimSpace(os.Getenv(c.TokenEnv))
	if t.value == "" {
		return nil, fmt.Errorf("consul: token_env: the environment variable %s is empty", c.TokenEnv)
	}
	return t, nil
}

// current returns the token.
func (t *token) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != "" && time.Since(t.looked) >= time.Second {
		t.look(false)
	}
	return t.value
}

// reread returns the token, which an agent has refused, as it is in its file now.
func (t *token) reread() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != "" {
		t.look(true)
	}
	return t.value
}

// look reads the file if it has changed, or at any rate. A file that cannot be read
// leaves the token as it is.
func (t *token) look(anyway bool) {
	t.looked = time.Now()
	if info, err := os.Stat(t.file); err == nil && !anyway && t.found == stateOf(info) {
		return
	}
	err := t.read()
	if err != nil && !t.failed {
		t.log.Warn("Consul's token cannot be read again: the last one stays", "error", err)
	}
	t.failed = err != nil
}

func (t *token) read() error {
	f, err := os.Open(t.file)
	if err != nil {
		return fmt.Errorf("consul: token_file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("consul: token_file: %w", err)
	}
	text := make([]byte, min(info.Size(), maxToken))
	n, err := f.Read(text)
	value := strings.TrimSpace(string(text[:n]))
	switch {
	case value == "":
		return errors.Join(fmt.Errorf("consul: token_file: %s is empty", t.file), err)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("consul: token_file: %s holds more than a token", t.file)
	}
	t.value, t.found = value, stateOf(info)
	return nil
}

func stateOf(info os.FileInfo) fileState { return fileState{info.ModTime(), info.Size()} }
