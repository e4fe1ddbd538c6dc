package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/stream"
)

// frameWriter writes frames at the end of what is to be sent. It knows of streams no
// more than their numbers.
type frameWriter struct {
	link    stream.Link
	encoder *hpack.Encoder
	unread  int32 // answers that were written while the link was pressed
	pressed bool  // what is written does not leave fast enough
	closed  bool  // the connection is over: nothing is written any more
}

func (w *frameWriter) init(link stream.Link) {
	w.link = link
	w.encoder = hpack.NewEncoder()
}

// countAnswer counts an answer that the peer made us write. It returns an error if
// the peer makes us write and does not read.
func (w *frameWriter) countAnswer() *Error {
	if w.pressed {
		if w.unread++; w.unread > maxUnread {
			return ErrUnread
		}
	}
	return nil
}

// settings writes our SETTINGS, behind a front.
func (w *frameWriter) settings(front string, cfg *Config, server bool) {
	out := w.link.Out()
	b := append(out.Reserve(maxPreface)[:0], front...)
	out.Commit(len(cfg.appendSettings(b, server)))
}

func (w *frameWriter) settingsAck() {
	out := w.link.Out()
	out.Commit(len(appendFrameHeader(out.Reserve(frameHeaderLen)[:0], 0, frameSettings, flagAck, 0)))
}

func (w *frameWriter) ping(flags uint8, payload []byte) {
	out := w.link.Out()
	out.Commit(len(appendPing(out.Reserve(frameHeaderLen + 8)[:0], flags, payload)))
}

func (w *frameWriter) goAway(last uint32, code ErrCode, why string) {
	out := w.link.Out()
	out.Commit(len(appendGoAway(out.Reserve(frameHeaderLen + goAwayLen + len(why))[:0], last, code, why)))
}

func (w *frameWriter) reset(id uint32, code ErrCode) {
	if !w.closed {
		out := w.link.Out()
		out.Commit(len(appendRST(out.Reserve(frameHeaderLen + 4)[:0], id, code)))
	}
}

// credit gives back n bytes of the window of a stream, or of the connection, whose
// number is 0, as soon as it is worth a frame.
func (w *frameWriter) credit(id uint32, recv *recvWindow, n int, size int32) {
	if more := recv.credit(n, size); more > 0 && !w.closed {
		out := w.link.Out()
		out.Commit(len(appendWindowUpdate(out.Reserve(frameHeaderLen + 4)[:0], id, more)))
	}
}

// contiguous is up to which length the content of a frame is copied behind its
// header: a longer one is moved, and is a piece of its own.
const contiguous = 2 << 10

// data writes the first n bytes of d as a frame.
func (w *frameWriter) data(id uint32, d *buffer.Chain, n int, end bool) {
	flags := uint8(0)
	if end {
		flags = flagEndStream
	}
	out := w.link.Out()
	if n == d.Len() && n <= contiguous {
		b := out.Reserve(frameHeaderLen + n)
		putFrameHeader(b, n, frameData, flags, id)
		d.AppendTo(b[frameHeaderLen:frameHeaderLen])
		out.Commit(frameHeaderLen + n)
		d.Clear()
		return
	}
	putFrameHeader(out.Reserve(frameHeaderLen), n, frameData, flags, id)
	out.Commit(frameHeaderLen)
	if n == d.Len() {
		out.Move(d)
	} else {
		out.MoveN(d, n)
	}
}
