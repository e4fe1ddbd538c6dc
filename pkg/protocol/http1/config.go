package http1

import "time"

// The limits that a zero in [Config] stands for.
const (
	DefaultMaxLine        = 8 << 10
	DefaultMaxHeaderBytes = 60 << 10
	DefaultMaxHeaderCount = 100
)

// Limits that no one has a reason to change.
const (
	// interimEvery and interimBurst bound the informational responses that may precede
	// one response: so many at once, and then one each time. There may be any number of
	// them, as they may tell of the progress of a long request.
	interimEvery = int64(10 * time.Millisecond)
	interimBurst = 1000
	// maxChunkLine bounds a chunk's size with its extensions.
	maxChunkLine = 1 << 10
	// maxExtensions bounds the bytes of chunk extensions that are not paid for by
	// as many bytes of data.
	maxExtensions = 16 << 10
	// maxNominated is how many names Connection may list: each is looked for in
	// the whole header.
	maxNominated = 32
)

// Config holds the limits and switches of connections. It is shared and must not
// change while a connection uses it. The zero Config is the secure default.
type Config struct {
	// MaxLine bounds the request line (414).
	MaxLine int
	// MaxHeaderBytes bounds all lines of a head, or of a trailer section (431).
	MaxHeaderBytes int
	// MaxHeaderCount bounds the fields of a head, or of a trailer section; each
	// Cookie field counts (431).
	MaxHeaderCount int
	// MaxBody bounds the body of a message (413); 0 leaves it unbounded.
	MaxBody int64
	// AllowConnect passes CONNECT on; without it the method is 405.
	AllowConnect bool
	// Upgrades lists the protocols that may be upgraded to, of a server; nil means
	// websocket alone. A request for another one is passed on as an ordinary request.
	Upgrades []string
	// Scheme is the scheme of requests that come on the connection; "" is "http".
	Scheme string
}

func (c *Config) maxLine() int {
	if c.MaxLine > 0 {
		return c.MaxLine
	}
	return DefaultMaxLine
}

func (c *Config) maxHeaderBytes() int {
	if c.MaxHeaderBytes > 0 {
		return c.MaxHeaderBytes
	}
	return DefaultMaxHeaderBytes
}

func (c *Config) maxHeaderCount() int {
	if c.MaxHeaderCount > 0 {
		return c.MaxHeaderCount
	}
	return DefaultMaxHeaderCount
}

func (c *Config) scheme() string {
	if c.Scheme != "" {
		return c.Scheme
	}
	return "http"
}

// upgrade tells whether a value of the Upgrade field names one protocol that may
// be upgraded to.
func (c *Config) upgrade(value []byte) bool {
	if c.Upgrades == nil {
		return equalFold(value, "websocket")
	}
	for _, name := range c.Upgrades {
		if equalFold(value, name) {
			return true
		}
	}
	return false
}
