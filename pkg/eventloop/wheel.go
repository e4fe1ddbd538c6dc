package eventloop

import (
	"math/bits"
	"time"
)

// Expirer is told of a timer that has run out, on the timer's loop. The timer is
// no longer set then, and may be set again.
type Expirer interface {
	Expired(t *Timer)
}

// Timer is a deadline, embedded in what it belongs to. Setting and cancelling
// cost a few pointer writes, so that every request can have several. The zero
// Timer is not set.
//
// Deadlines are kept to the millisecond; a timer is never early.
type Timer struct {
	next, prev *Timer
	target     Expirer
	tick       int64 // the deadline, in milliseconds of the loop's clock
	place      int16 // 1 + level*slots + slot; 0 while it is not set
}

// Set reports whether the timer is running.
func (t *Timer) Set() bool { return t.place != 0 }

// Schedule sets t to run out after d, instead of when it was to before. A d of
// more than a hundred years counts as that.
func (l *Loop) Schedule(t *Timer, d time.Duration, target Expirer) {
	if t.place != 0 {
		l.timers.remove(t)
	}
	t.target = target
	d = min(d, maxDelay)
	t.tick = (l.now + int64(d) + int64(time.Millisecond) - 1) / int64(time.Millisecond)
	l.timers.insert(t)
}

// Cancel stops t if it is set.
func (l *Loop) Cancel(t *Timer) {
	if t.place != 0 {
		l.timers.remove(t)
	}
}

const (
	levels   = 6 // 64^6 milliseconds: two years
	slotBits = 6
	slots    = 1 << slotBits
	slotMask = slots - 1
	// horizon is the farthest that a timer is placed at: all slots of the highest
	// level but the one that now is in. A later one is placed there, and again when
	// that has come.
	horizon = (slots - 1) << ((levels - 1) * slotBits)
	// maxDelay keeps the sum with now within 64 bits.
	maxDelay = 100 * 365 * 24 * time.Hour
)

// wheel is a hierarchy of rings of timers. A slot of level n spans 64^n
// milliseconds; a timer stands on the level at which its deadline first differs
// from now, and moves down as its time comes nearer.
type wheel struct {
	now      int64 // the tick up to which all timers have run out
	expiring Expirer
	occupied [levels]uint64
	heads    [levels][slots]*Timer
}

func (w *wheel) start(now int64) { w.now = now / int64(time.Millisecond) }

func (w *wheel) insert(t *Timer) {
	t.tick = max(t.tick, w.now+1)
	at := min(t.tick, w.now+horizon)
	level := min((63-bits.LeadingZeros64(uint64(w.now^at)|slotMask))/slotBits, levels-1)
	slot := int(at>>(level*slotBits)) & slotMask
	t.place = int16(1 + level*slots + slot)
	head := &w.heads[level][slot]
	t.prev, t.next = nil, *head
	if *head != nil {
		(*head).prev = t
	}
	*head = t
	w.occupied[level] |= 1 << slot
}

func (w *wheel) remove(t *Timer) {
	level, slot := int(t.place-1)/slots, int(t.place-1)%slots
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.heads[level][slot] = t.next
		if t.next == nil {
			w.occupied[level] &^= 1 << slot
		}
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev, t.place = nil, nil, 0
}

// next returns the first occupied slot and the tick at which it begins.
func (w *wheel) next() (level, slot int, tick int64, ok bool) {
	for level = range levels {
		set := w.occupied[level]
		if set == 0 {
			continue
		}
		shift := level * slotBits
		at := int(w.now>>shift) & slotMask
		ahead := bits.TrailingZeros64(bits.RotateLeft64(set, -at))
		slot = (at + ahead) & slotMask
		start := w.now &^ (1<<(shift+slotBits) - 1)
		tick = start + int64(slot)<<shift
		if tick < w.now {
			tick += 1 << (shift + slotBits)
		}
		return level, slot, tick, true
	}
	return 0, 0, 0, false
}

// advance runs out all timers up to now, in nanoseconds.
func (w *wheel) advance(now int64) {
	until := now / int64(time.Millisecond)
	for {
		level, slot, tick, ok := w.next()
		if !ok || tick > until {
			break
		}
		w.now = max(w.now, tick)
		for t := w.heads[level][slot]; t != nil; t = w.heads[level][slot] {
			w.remove(t)
			if t.tick > w.now {
				w.insert(t)
			} else {
				w.expiring = t.target
				t.target.Expired(t)
			}
		}
	}
	w.expiring = nil
	w.now = max(w.now, until)
}

// untilNext returns how long no timer runs out for; negative without any.
func (w *wheel) untilNext(now int64) time.Duration {
	_, _, tick, ok := w.next()
	if !ok {
		return -1
	}
	return time.Duration(max(tick*int64(time.Millisecond)-now, 0))
}
