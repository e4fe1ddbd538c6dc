package h2

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"golang.org/x/net/http2/hpack"
)

const (
	// window is what peers may send before it was taken, on a connection and on each of its streams.
	window = 1 << 20
	// enough is what is collected before it is written, if there is more to come.
	enough = 256 << 10
	// tableSize is how large the tables of HPACK are unless a peer wants a smaller one.
	tableSize = 4096
	readSize  = 64 << 10
	// maxBlock is far above any head here.
	maxBlock = 64 << 10
)

var errProtocol = errors.New("not what HTTP/2 allows")

// streams are what a side of a connection does about what comes on its streams. What it is given is lent until it returns, and what it
// sends it appends to the connection's out.
type streams interface {
	// head is one of headers, or of trailers.
	head(id uint32, fields []hpack.HeaderField, end bool) error
	data(id uint32, b []byte, end bool) error
	reset(id uint32, c code) error
	// credit says that more may be sent: on a stream, or with 0 on any.
	credit(id uint32, n int64) error
	// goAway says which stream is the last that is answered.
	goAway(last uint32) error
}

// conn is a connection, of either side. One goroutine uses it. It answers what concerns the connection alone, and gives the peer credit
// on it for all that came.
type conn struct {
	net.Conn
	in  *bufio.Reader
	out []byte // is written before the next read

	greeted bool // the peer's settings have come
	window  int64
	streams uint32 // that the peer allows
	room    int64  // what may be sent on the connection
	owed    int    // what came and was not given credit for

	encoder *hpack.Encoder
	encoded bytes.Buffer
	table   int // changes when the encoder's table does

	decoder *hpack.Decoder
	fields  []hpack.HeaderField
	block   []byte // of a head that is not whole
	blocked frame  // its first part
}

// newConn sends what a side says first. Clients send the preface before it, and servers await it.
func newConn(c net.Conn, settings ...setting) *conn {
	k := &conn{
		Conn: c, in: bufio.NewReaderSize(c, readSize),
		window: firstWindow, streams: maxStream, room: firstWindow, table: 1,
	}
	k.encoder = hpack.NewEncoder(&k.encoded)
	k.decoder = hpack.NewDecoder(tableSize, func(f hpack.HeaderField) { k.fields = append(k.fields, f) })
	k.out = appendSettings(k.out, append(settings, setting{settingWindow, window})...)
	k.out = appendNumbers(k.out, kindWindow, 0, window-firstWindow)
	return k
}

// flush writes what was appended to out.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// exchange writes what is to be sent, waits for something to come, and has all frames taken that came with it.
func (c *conn) exchange(s streams) error {
	if err := c.flush(); err != nil {
		return err
	}
	for {
		f, err := c.next()
		if err != nil {
			return err
		}
		if err := c.take(f, s); err != nil {
			return err
		}
		if !c.whole() {
			return nil
		}
	}
}

// next waits for a frame. After an error that says that it took too long, it can be called again.
func (c *conn) next() (frame, error) {
	header, err := c.in.Peek(headerSize)
	if err != nil {
		return frame{}, err
	}
	size := payloadSize(header)
	if size > maxFrame {
		return frame{}, fmt.Errorf("%w: a frame of %d bytes", errProtocol, size)
	}
	b, err := c.in.Peek(headerSize + size)
	if err != nil {
		return frame{}, err
	}
	_, err = c.in.Discard(len(b))
	return parse(b), err
}

// whole says whether next need not wait.
func (c *conn) whole() bool {
	if c.in.Buffered() < headerSize {
		return false
	}
	header, err := c.in.Peek(headerSize)
	return err == nil && c.in.Buffered() >= headerSize+payloadSize(header)
}

// take takes a frame.
func (c *conn) take(f frame, s streams) error {
	if (c.block != nil) != (f.kind == kindContinuation) {
		return fmt.Errorf("%w: type %d within or without a head", errProtocol, f.kind)
	}
	if !c.greeted && f.kind != kindSettings {
		return fmt.Errorf("%w: type %d before the settings", errProtocol, f.kind)
	}
	switch f.kind {
	case kindData:
		return c.takeData(f, s)
	case kindHeaders, kindContinuation:
		return c.takeHead(f, s)
	case kindReset:
		if len(f.payload) != resetCodeSize {
			return badSize(f)
		}
		return s.reset(f.stream, code(binary.BigEndian.Uint32(f.payload)))
	case kindSettings:
		return c.takeSettings(f, s)
	case kindPing:
		if len(f.payload) != pingSize {
			return badSize(f)
		}
		if !f.has(flagAck) {
			c.out = appendFrame(c.out, kindPing, flagAck, 0, f.payload)
		}
		return nil
	case kindGoAway:
		if len(f.payload) < leastGoAway {
			return badSize(f)
		}
		return s.goAway(binary.BigEndian.Uint32(f.payload) & maxStream)
	case kindWindow:
		return c.takeCredit(f, s)
	case kindPush:
		return fmt.Errorf("%w: a push", errProtocol)
	}
	return nil // a priority, or an extension
}

func badSize(f frame) error {
	return fmt.Errorf("%w: %d bytes in a frame of type %d", errProtocol, len(f.payload), f.kind)
}

// unpad is the payload without padding.
func unpad(f frame) ([]byte, error) {
	if !f.has(flagPadded) {
		return f.payload, nil
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return nil, badSize(f)
	}
	return f.payload[1 : len(f.payload)-int(f.payload[0])], nil
}

func (c *conn) takeData(f frame, s streams) error {
	b, err := unpad(f)
	if err != nil {
		return err
	}
	if c.owed += len(f.payload); c.owed >= window/2 {
		c.out = appendNumbers(c.out, kindWindow, 0, uint32(c.owed))
		c.owed = 0
	}
	if padding := len(f.payload) - len(b); padding > 0 && !f.has(flagEnd) {
		c.out = appendNumbers(c.out, kindWindow, f.stream, uint32(padding))
	}
	return s.data(f.stream, b, f.has(flagEnd))
}

func (c *conn) takeHead(f frame, s streams) error {
	if f.kind == kindHeaders {
		b, err := unpad(f)
		if err != nil {
			return err
		}
		if f.has(flagPriority) {
			if len(b) < prioritySize {
				return badSize(f)
			}
			b = b[prioritySize:]
		}
		if f.has(flagEndBlock) {
			return c.decode(f, b, s)
		}
		c.blocked, c.block = f, append([]byte{}, b...)
		return nil
	}
	c.block = append(c.block, f.payload...)
	if f.stream != c.blocked.stream || len(c.block) > maxBlock {
		return fmt.Errorf("%w: a continuation", errProtocol)
	}
	if !f.has(flagEndBlock) {
		return nil
	}
	b := c.block
	c.block = nil
	return c.decode(c.blocked, b, s)
}

func (c *conn) decode(f frame, block []byte, s streams) error {
	c.fields = c.fields[:0]
	if _, err := c.decoder.Write(block); err != nil {
		return err
	}
	if err := c.decoder.Close(); err != nil {
		return err
	}
	return s.head(f.stream, c.fields, f.has(flagEnd))
}

func (c *conn) takeSettings(f frame, s streams) error {
	if len(f.payload)%settingSize != 0 {
		return badSize(f)
	}
	if f.has(flagAck) {
		return nil
	}
	for b := f.payload; len(b) > 0; b = b[settingSize:] {
		switch v := binary.BigEndian.Uint32(b[2:]); binary.BigEndian.Uint16(b) {
		case settingTable:
			c.encoder.SetMaxDynamicTableSizeLimit(min(v, tableSize))
			c.table++
		case settingStreams:
			c.streams = v
		case settingWindow:
			c.window = int64(v)
		}
	}
	c.greeted = true
	c.out = appendHeader(c.out, 0, kindSettings, flagAck, 0)
	return s.credit(0, 0)
}

func (c *conn) takeCredit(f frame, s streams) error {
	if len(f.payload) != windowSize {
		return badSize(f)
	}
	n := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	if f.stream == 0 {
		if c.room += n; c.room > maxWindow {
			return fmt.Errorf("%w: credit for %d bytes", errProtocol, c.room)
		}
	}
	return s.credit(f.stream, n)
}
