package http2

import (
	"encoding/binary"

	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
)

// Settings by their numbers.
const (
	settingHeaderTableSize       = 0x1
	settingEnablePush            = 0x2
	settingMaxConcurrentStreams  = 0x3
	settingInitialWindowSize     = 0x4
	settingMaxFrameSize          = 0x5
	settingMaxHeaderListSize     = 0x6
	settingEnableConnectProtocol = 0x8
)

// What holds before any SETTINGS.
const (
	initialWindow     = 1<<16 - 1
	maxWindow         = 1<<31 - 1
	minMaxFrame       = 1 << 14
	maxMaxFrame       = 1<<24 - 1
	assumedMaxStreams = 100 // until the peer has said; then there is no limit that it did not say
)

// settingLen is the length of a setting in a frame.
const settingLen = 6

// peerSettings are what the peer wants of what is sent to it.
type peerSettings struct {
	window     int32 // of a new stream
	maxStreams uint32
	connect    bool // it takes extended CONNECT
}

func defaultPeerSettings() peerSettings {
	return peerSettings{window: initialWindow, maxStreams: assumedMaxStreams}
}

// tableChange is what a SETTINGS frame says of the table of the encoder: the
// smallest size on the way and the last one, as the encoder must be told both.
type tableChange struct {
	lowest, last uint32
	changed      bool
}

func (t *tableChange) set(n uint32) {
	if !t.changed {
		t.lowest = n
	}
	t.lowest, t.last, t.changed = min(t.lowest, n), n, true
}

// take applies the payload of a SETTINGS frame, whose length is right, and tells the
// encoder what concerns its table. client tells that the peer is a client.
func (s *peerSettings) take(payload []byte, client bool, encoder *hpack.Encoder) *Error {
	var table tableChange
	for ; len(payload) >= settingLen; payload = payload[settingLen:] {
		id, v := binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])
		switch id {
		case settingHeaderTableSize:
			table.set(v)
		case settingEnablePush:
			if v > 1 || v == 1 && !client {
				return ErrSetting
			}
		case settingMaxConcurrentStreams:
			s.maxStreams = v
		case settingInitialWindowSize:
			if v > maxWindow {
				return ErrWindowGrowth
			}
			s.window = int32(v)
		case settingMaxFrameSize:
			if v < minMaxFrame || v > maxMaxFrame {
				return ErrSetting
			}
			// All of them take what we send: frames of maxDataFrame.
		case settingEnableConnectProtocol:
			if v > 1 || v == 0 && s.connect {
				return ErrSetting
			}
			s.connect = v == 1
		}
	}
	if table.changed {
		encoder.SetMaxTable(table.lowest)
		encoder.SetMaxTable(table.last)
	}
	return nil
}

func appendSetting(dst []byte, id uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), v)
}

// appendSettings appends what a side announces: its SETTINGS, as far as they differ
// from what holds without them, and the window of the connection.
func (c *Config) appendSettings(dst []byte, server bool) []byte {
	start := len(dst)
	dst = appendFrameHeader(dst, 0, frameSettings, 0, 0)
	if n := c.headerTableSize(); n != DefaultHeaderTableSize {
		dst = appendSetting(dst, settingHeaderTableSize, n)
	}
	if server {
		dst = appendSetting(dst, settingMaxConcurrentStreams, c.maxStreams())
	} else {
		dst = appendSetting(dst, settingEnablePush, 0)
	}
	dst = appendSetting(dst, settingInitialWindowSize, uint32(c.streamWindow()))
	if n := c.maxFrameSize(); n != minMaxFrame {
		dst = appendSetting(dst, settingMaxFrameSize, n)
	}
	dst = appendSetting(dst, settingMaxHeaderListSize, uint32(c.maxHeaderBytes()))
	if server && c.upgrades() {
		dst = appendSetting(dst, settingEnableConnectProtocol, 1)
	}
	putFrameHeader(dst[start:], len(dst)-start-frameHeaderLen, frameSettings, 0, 0)
	if more := c.connWindow() - initialWindow; more > 0 {
		dst = appendWindowUpdate(dst, 0, uint32(more))
	}
	return dst
}

// maxPreface is more than the preface and what is announced take.
const maxPreface = 128
