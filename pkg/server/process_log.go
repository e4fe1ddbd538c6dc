package server

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// LevelOff is a level above that of every record.
const LevelOff = slog.LevelError + 100

// processLog is the level of the process's own log.
type processLog struct {
	level *slog.LevelVar
	fixed *slog.Level // instead of the configuration's, if it is not nil

	mu     sync.Mutex
	path   string     // of the configuration in force
	before slog.Level // the level, before the log was disabled
}

var _ admin.Logs = (*processLog)(nil)

// configure takes on what a configuration says of the log.
func (l *processLog) configure(next *transaction.Next) {
	c := &next.Config.Servers[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path = c.LogPath
	if l.fixed != nil {
		l.level.Set(*l.fixed)
	} else {
		l.level.Set(levelOf(c.LogLevel))
	}
}

// LogLevels returns the levels of the logs, by their paths.
func (l *processLog) LogLevels() map[string]config.LogLevel {
	l.mu.Lock()
	defer l.mu.Unlock()
	level := config.LogInfo
	for _, of := range []config.LogLevel{config.LogTrace, config.LogDebug, config.LogInfo, config.LogWarn, config.LogError} {
		if levelOf(of) <= l.level.Level() {
			level = of
		}
	}
	if l.level.Level() >= LevelOff {
		level = "OFF" // no level that could be set
	}
	return map[string]config.LogLevel{l.path: level}
}

// SetLogLevel changes the level of a log until the next reload.
func (l *processLog) SetLogLevel(path string, level config.LogLevel) error {
	return l.set(path, func() { l.level.Set(levelOf(level)) })
}

// EnableLog lets a log be written at the level that it had before, or not at all,
// until the next reload.
func (l *processLog) EnableLog(path string, on bool) error {
	return l.set(path, func() {
		level := l.level.Level()
		switch {
		case on && level >= LevelOff:
			l.level.Set(l.before)
		case !on && level < LevelOff:
			l.before = level
			l.level.Set(LevelOff)
		}
	})
}

func (l *processLog) set(path string, change func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if path != l.path {
		return fmt.Errorf("there is no log %q", path)
	}
	change()
	return nil
}

// levelOf turns a configured level into slog's.
func levelOf(l config.LogLevel) slog.Level {
	switch l {
	case config.LogFatal, config.LogError:
		return slog.LevelError
	case config.LogWarn:
		return slog.LevelWarn
	case config.LogDebug:
		return slog.LevelDebug
	case config.LogTrace:
		return slog.LevelDebug - 4
	}
	return slog.LevelInfo
}
