package upstream

// A connection takes a slot of max_connections. A worker that is denied one is
// hungry: it says so, and is handed a slot as soon as there is one, by the worker
// that gives it up. Handing over, instead of giving back and calling, keeps the
// busiest worker from taking its own slot again and again.
//
// No wake-up is lost: who is denied says that it is hungry before it tries once
// more; who gives a slot back looks for the hungry after that.

// want notes that a worker needs a slot and was denied one. It returns true if
// there is one after all, which is taken.
func (l *Limits) want(worker int) bool {
	if l.seats[worker].hungry.CompareAndSwap(false, true) {
		l.hungry.Add(1)
	}
	if l.connections.take(1) {
		l.sated(worker)
		return true
	}
	for i := range l.seats {
		if i != worker && l.seats[i].idle.Load() {
			l.wake(i)
		}
	}
	return false
}

// sated takes back that a worker is hungry. It may still be handed a slot that was
// on its way.
func (l *Limits) sated(worker int) { l.claim(worker) }

// claim makes a worker not hungry, for the one who will hand it a slot, or for
// itself. It returns false if somebody else did.
func (l *Limits) claim(worker int) bool {
	if s := &l.seats[worker]; !s.hungry.Load() || !s.hungry.CompareAndSwap(true, false) {
		return false
	}
	l.hungry.Add(-1)
	return true
}

// claimNext claims the next hungry worker in turn, if it suits.
func (l *Limits) claimNext(suits func(s *seat) bool) (worker int, ok bool) {
	if l.hungry.Load() <= 0 {
		return 0, false
	}
	n := len(l.seats)
	begin := int(l.turn.Load()) % n
	for i := range n {
		worker = (begin + i) % n
		if suits(&l.seats[worker]) && l.claim(worker) {
			l.turn.Store(uint32(worker) + 1)
			return worker, true
		}
	}
	return 0, false
}

func anyone(*seat) bool { return true }

// claimPoor claims a worker for which one with many connections, all in use, gives
// one up: one that has fewer, or none at all if it is to share in turns.
func (l *Limits) claimPoor(worker int, share bool) (poor int, ok bool) {
	mine := l.seats[worker].held.Load()
	return l.claimNext(func(s *seat) bool {
		held := s.held.Load()
		return held+1 < mine || share && held == 0 && s != &l.seats[worker]
	})
}

// hand gives a slot that was taken to a worker that was claimed.
func (l *Limits) hand(worker int) {
	l.seats[worker].grants.Add(1)
	l.wake(worker)
}

func (l *Limits) wake(worker int) {
	if fn := l.seats[worker].wake.Load(); fn != nil {
		(*fn)()
	}
}

// release gives a slot up, to a hungry worker if there is one.
func (l *Limits) release() {
	if !l.connections.exceeded() {
		if w, ok := l.claimNext(anyone); ok {
			l.hand(w)
			return
		}
	}
	l.connections.give(1)
	l.distribute()
}

// distribute hands free slots to the hungry.
func (l *Limits) distribute() {
	for l.hungry.Load() > 0 && l.connections.take(1) {
		if w, ok := l.claimNext(anyone); ok {
			l.hand(w)
		} else {
			l.connections.give(1)
		}
	}
}
