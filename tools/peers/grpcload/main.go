// grpcload puts a connection of gRPC under load, with grpc-go's defaults on both sides, which measure the bandwidth by a PING with each
// piece of data. It ends with an error if a call fails in another way than it is meant to.
//
//	grpcload server PORT
//	grpcload down|up|echo|cancel|deadline|hedge ADDR RATE SECONDS SIZE
//
// Messages of SIZE bytes go down from the server, up to it, or are echoed, RATE a second, or as fast as it goes if that is 0. The other
// three make RATE calls a second, of which the client cancels each once it has had a message; or has no answer before its deadline; or
// makes two attempts, of which the later one is cancelled by the first answer.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "server":
		err = serve(os.Args[2])
	case len(os.Args) == 6:
		err = run(os.Args[1], os.Args[2], numbers(os.Args[3:]))
	default:
		err = fmt.Errorf("see the comment of main.go for what to say")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func numbers(args []string) order {
	var n [3]uint32
	for i, arg := range args {
		v, err := strconv.ParseUint(arg, 10, 32)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		n[i] = uint32(v)
	}
	return order{rate: n[0], seconds: n[1], size: n[2]}
}

// order is what a client asks of the server in its first message.
type order struct {
	mode                byte
	rate, seconds, size uint32
}

func (o order) message() []byte {
	b := []byte{o.mode}
	for _, n := range []uint32{o.rate, o.seconds, o.size} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func parseOrder(b []byte) order {
	n := func(i int) uint32 { return binary.BigEndian.Uint32(b[1+4*i:]) }
	return order{b[0], n(0), n(1), n(2)}
}

// raw has messages be what they are.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(d mem.BufferSlice, v any) error {
	*v.(*[]byte) = d.Materialize()
	return nil
}

func (raw) Name() string { return "raw" }

var service = grpc.ServiceDesc{
	ServiceName: "weir.Load",
	HandlerType: (*any)(nil),
	Streams:     []grpc.StreamDesc{{StreamName: "Run", Handler: answer, ServerStreams: true, ClientStreams: true}},
}

func serve(port string) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(raw{}))
	s.RegisterService(&service, struct{}{})
	return s.Serve(l)
}

func answer(_ any, s grpc.ServerStream) error {
	var m []byte
	if err := s.RecvMsg(&m); err != nil {
		return err
	}
	switch o := parseOrder(m); o.mode {
	case 'd':
		return o.send(s.SendMsg)
	case 'c', 'h': // one message, and the rest when the client has had enough
		if o.mode == 'h' {
			time.Sleep(time.Duration(o.size) * time.Millisecond)
			return s.SendMsg(&m)
		}
		if err := s.SendMsg(&m); err != nil {
			return err
		}
		<-s.Context().Done()
		return nil
	case 'l':
		<-s.Context().Done()
		return status.FromContextError(s.Context().Err()).Err()
	default:
		return receive(s, o.mode == 'e')
	}
}

// receive takes messages until there are no more, and says how many there were if it has not sent each back.
func receive(s grpc.ServerStream, echo bool) error {
	n := uint32(0)
	for {
		var m []byte
		switch err := s.RecvMsg(&m); {
		case err == io.EOF && echo:
			return nil
		case err == io.EOF:
			b := binary.BigEndian.AppendUint32(nil, n)
			return s.SendMsg(&b)
		case err != nil:
			return err
		}
		n++
		if echo {
			if err := s.SendMsg(&m); err != nil {
				return err
			}
		}
	}
}

// send sends messages at the rate ordered.
func (o order) send(to func(any) error) error {
	return o.paced(func() error {
		b := make([]byte, o.size)
		return to(&b)
	})
}

// paced does something at the rate ordered, for as long as ordered.
func (o order) paced(do func() error) error {
	begin, n, long := time.Now(), 0, time.Duration(o.seconds)*time.Second
	for time.Since(begin) < long {
		for due := int(time.Since(begin).Seconds() * float64(o.rate)); n < due || o.rate == 0; n++ {
			if err := do(); err != nil {
				return err
			}
			if time.Since(begin) >= long {
				return nil
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

func run(mode, addr string, o order) error {
	c, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})))
	if err != nil {
		return err
	}
	defer c.Close()
	begin := time.Now()
	l := &load{conn: c, order: o}
	switch mode {
	case "down", "up", "echo":
		l.order.mode = mode[0]
		err = l.stream()
	case "cancel", "hedge":
		l.order.mode = mode[0]
		err = l.calls(map[string]func() error{"cancel": l.cancelled, "hedge": l.hedged}[mode])
	case "deadline":
		l.order.mode = 'l'
		err = l.calls(l.late)
	default:
		return fmt.Errorf("there is no mode %q", mode)
	}
	fmt.Printf("%s of %s: %d done, %d messages came, %.1f s, error: %v\n", mode, addr, l.done.Load(), l.came.Load(), time.Since(begin).Seconds(), err)
	return err
}

// load is what one client does on one connection.
type load struct {
	order
	conn       *grpc.ClientConn
	done, came atomic.Int64
}

func (l *load) open(ctx context.Context) (grpc.ClientStream, error) {
	s, err := l.conn.NewStream(ctx, &service.Streams[0], "/weir.Load/Run", grpc.WaitForReady(true))
	if err != nil {
		return nil, err
	}
	b := l.message()
	return s, s.SendMsg(&b)
}

// stream is one call with many messages.
func (l *load) stream() error {
	s, err := l.open(context.Background())
	if err != nil {
		return err
	}
	if l.mode != 'd' {
		go func() {
			l.send(func(m any) error {
				l.done.Add(1)
				return s.SendMsg(m)
			})
			s.CloseSend()
		}()
	}
	for {
		var m []byte
		switch err := s.RecvMsg(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		l.came.Add(1)
	}
}

// calls makes calls, each of which must succeed.
func (l *load) calls(call func() error) error {
	var running sync.WaitGroup
	failed := make(chan error, 1)
	l.paced(func() error {
		running.Go(func() {
			if err := call(); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
			l.done.Add(1)
		})
		return nil
	})
	running.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// cancelled is a call that is cancelled once it has had a message.
func (l *load) cancelled() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := l.open(ctx)
	if err != nil {
		return err
	}
	var m []byte
	if err := s.RecvMsg(&m); err != nil {
		return err
	}
	l.came.Add(1)
	cancel()
	return ended(s, codes.Canceled)
}

// late is a call that is not answered before its deadline, after as many milliseconds as the size says.
func (l *load) late() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(l.size)*time.Millisecond)
	defer cancel()
	s, err := l.open(ctx)
	if status.Code(err) == codes.DeadlineExceeded {
		return nil
	}
	if err != nil {
		return err
	}
	return ended(s, codes.DeadlineExceeded)
}

// hedged makes two attempts, half the time apart that an answer takes.
func (l *load) hedged() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make(chan error, 2)
	attempt := func() {
		s, err := l.open(ctx)
		if err == nil {
			var m []byte
			err = s.RecvMsg(&m)
		}
		results <- err
	}
	go attempt()
	select {
	case err := <-results:
		return err
	case <-time.After(time.Duration(l.size) * time.Millisecond / 2):
	}
	go attempt()
	err := <-results
	cancel()
	if later := <-results; later != nil && status.Code(later) != codes.Canceled {
		return later
	}
	l.came.Add(1)
	return err
}

// ended checks how a call ends.
func ended(s grpc.ClientStream, want codes.Code) error {
	var m []byte
	for {
		if err := s.RecvMsg(&m); err != nil {
			if status.Code(err) != want {
				return fmt.Errorf("a call ended with %w, not %v", err, want)
			}
			return nil
		}
	}
}
