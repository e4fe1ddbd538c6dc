package eventloop

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shortWait is how long a loop with traffic waits without telling the Go
// scheduler. Giving the P away at every wait and fighting to get it back costs a
// quarter of a request; the preemption signal interrupts the wait, so that a
// garbage collection is not held up.
const shortWait = 2 * time.Millisecond

// Descriptors other than connections are told apart by negative slots.
const wakeSlot = -1

func listenerSlot(i int) int32  { return -2 - int32(i) }
func listenerIndex(s int32) int { return int(-2 - s) }

// poller is the epoll descriptor and the means to interrupt a wait.
type poller struct {
	epoll, event int
	events       [256]unix.EpollEvent
	// awake is false while the loop waits or is about to: the one who makes it
	// true has to interrupt.
	awake atomic.Bool
	quiet bool // the last wait brought nothing
}

func (p *poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(p.epoll)
		return err
	}
	p.awake.Store(true)
	if err = p.add(p.event, wakeSlot, unix.EPOLLIN); err != nil {
		p.close()
	}
	return err
}

func (p *poller) close() {
	unix.Close(p.epoll)
	unix.Close(p.event)
}

func (p *poller) add(fd int, slot int32, events uint32) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: slot})
}

func (p *poller) remove(fd int) {
	_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
}

// wait returns the number of events, waiting at most until a timer is due. While
// there is traffic it waits without telling the scheduler; once nothing came, it
// blocks the way an idle process should.
func (p *poller) wait(timer time.Duration) int {
	if timer == 0 {
		return p.check(0)
	}
	if !p.quiet {
		short := shortWait
		if timer > 0 && timer < short {
			short = timer
		}
		n := p.check(milliseconds(short))
		p.quiet = n == 0
		return n
	}
	n := p.block(milliseconds(timer))
	p.quiet = n == 0
	return n
}

// milliseconds rounds up, so that a loop does not spin until a timer is due; a
// negative duration stays "for ever".
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(min((d+time.Millisecond-1)/time.Millisecond, 1<<30))
}

// check waits without telling the scheduler.
func (p *poller) check(ms int) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// block waits and gives the P away meanwhile.
func (p *poller) block(ms int) int {
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (p *poller) interrupt() {
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.event), uintptr(unsafe.Pointer(&one)), 8)
}

func (p *poller) clearInterrupt() {
	var n uint64
	_, _, _ = syscall.RawSyscall(unix.SYS_READ, uintptr(p.event), uintptr(unsafe.Pointer(&n)), 8)
}
