package rpcload

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	// batch is how much of a pipeline is written at a time.
	batch = 64 << 10
	// smallBuffer is how much the kernel may keep of what is not read.
	smallBuffer = 64 << 10
)

// Piped is what happened to the requests of a pipeline. Its latencies are empty.
type Piped struct {
	Result
	// Early is how many requests were taken before the first answer was read.
	Early int
}

// Pipeline sends so many requests on one connection, one behind the other, without reading any answer for a while (hold); then it
// reads all of them. Who serves it may read as slowly as it likes: an error is only that nothing at all comes for some time, and that
// is in the result. Connections, InFlight, For, Heartbeat are not used.
func Pipeline(ctx context.Context, o Options, requests int, hold time.Duration) (*Piped, error) {
	if requests >= heartbeatBit {
		return nil, fmt.Errorf("%d requests are more than there are ids", requests)
	}
	conn, err := dial(ctx, o.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer closeAtEnd(ctx, conn)()
	// Otherwise the kernel would keep megabytes of answers in the client's place.
	if err := conn.(*net.TCPConn).SetReadBuffer(smallBuffer); err != nil {
		return nil, err
	}
	begin := time.Now()
	var taken atomic.Int64
	written := make(chan error, 1)
	go func() { written <- writeAll(conn, o, requests, &taken) }()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(hold):
	}

	answers := pipelined{Options: o, body: checker{0, newBody()}, answered: make([]bool, requests), left: requests}
	answers.Early = int(taken.Load())
	err = answers.readAll(conn)
	if err == nil {
		err = <-written
	}
	if err != nil {
		answers.Trouble = fmt.Errorf("with %d answers missing: %w", answers.left, err)
	}
	answers.Lost = answers.left
	answers.Took = time.Since(begin)
	return &answers.Piped, ctx.Err()
}

// writeAll writes the requests, as fast as they are taken, and counts them. It ends early if the connection does.
func writeAll(w io.Writer, o Options, requests int, taken *atomic.Int64) error {
	request := o.Protocol.framing.call(o.Service, newBody())
	ids, out := idsOf(o.Protocol), make([]byte, 0, batch+len(request.frame))
	for call := range uint32(requests) {
		out = request.append(out, ids|uint64(call), tag{0, call})
		if len(out) < batch && int(call) < requests-1 {
			continue
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		taken.Store(int64(call) + 1)
		out = out[:0]
	}
	return nil
}

// pipelined are the requests of a pipeline.
type pipelined struct {
	Options
	Piped
	body     checker
	answered []bool
	left     int
}

// readAll reads answers until none is missing.
func (p *pipelined) readAll(conn net.Conn) error {
	var in inbox
	for p.left > 0 {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if err := in.fill(conn); err != nil {
			return err
		}
		for {
			frame, ok, err := in.take(p.Protocol.framing)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			a, err := p.Protocol.framing.read(frame)
			if err != nil {
				return err
			}
			p.count(a)
		}
	}
	if !nothingMore(conn, &in) {
		p.Mismatches++
	}
	return nil
}

func (p *pipelined) count(a answer) {
	call := uint32(a.id)
	if a.kind == alive || int(call) >= len(p.answered) || idsOf(p.Protocol)|uint64(call) != a.id || p.answered[call] {
		p.Mismatches++
		return
	}
	p.answered[call] = true
	p.left--
	p.Requests++
	switch {
	case a.kind == failed:
		p.Errors++
	case !p.body.right(a.body, call):
		p.Mismatches++
	}
}
