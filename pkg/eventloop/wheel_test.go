package eventloop

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = int64(time.Millisecond)

// alarm is a timer with what is known of it beside the wheel.
type alarm struct {
	timer Timer
	due   int64 // nanoseconds; only if set
	set   bool
	fired func(a *alarm)
}

func (a *alarm) Expired(t *Timer) {
	if t != &a.timer {
		panic("told of another timer")
	}
	a.fired(a)
}

// offline is a loop that is not run: its wheel is moved by hand.
func offline(now int64) *Loop {
	l := &Loop{now: now}
	l.timers.start(now)
	return l
}

func (l *Loop) forward(now int64) {
	l.now = now
	l.timers.advance(now)
}

// delays favours what makes timers change their level.
func delays() *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		bits := rapid.IntRange(0, 37).Draw(t, "bits")
		return rapid.OneOf(
			rapid.Int64Range(0, ms<<bits),
			rapid.Int64Range(max(ms<<bits-3*ms, 0), ms<<bits+3*ms),
		).Draw(t, "delay")
	})
}

func TestWheelAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]int64{0, 1, 63 * ms, 64 * ms, ms<<36 - 5*ms, ms << 36, ms<<36 + 1, 5*ms<<30 + 100}).Draw(t, "start")
		l := offline(start)
		alarms := make([]*alarm, 12)
		last := start // the time before the latest move
		schedule := func(a *alarm, d int64) {
			a.due, a.set = l.now+d, true
			l.Schedule(&a.timer, time.Duration(d), a)
		}
		again := int64(-1) // what an alarm schedules itself with
		fired := func(a *alarm) {
			switch {
			case !a.set || a.timer.Set():
				t.Fatalf("fired without being set")
			case a.due > l.now:
				t.Fatalf("fired %d ns early", a.due-l.now)
			case a.due+ms <= last && a.due > start:
				t.Fatalf("should have fired before %d, and was due at %d", last, a.due)
			}
			a.set = false
			if again >= 0 {
				schedule(a, again)
				again = -1
			}
		}
		for i := range alarms {
			alarms[i] = &alarm{fired: fired}
		}
		pick := func(t *rapid.T) *alarm { return rapid.SampledFrom(alarms).Draw(t, "alarm") }
		move := func(to int64) {
			last = l.now
			l.forward(to)
		}
		t.Repeat(map[string]func(*rapid.T){
			"schedule": func(t *rapid.T) { schedule(pick(t), delays().Draw(t, "d")) },
			"cancel": func(t *rapid.T) {
				a := pick(t)
				l.Cancel(&a.timer)
				a.set = false
			},
			"advance":    func(t *rapid.T) { move(l.now + delays().Draw(t, "by")) },
			"a little":   func(t *rapid.T) { move(l.now + rapid.Int64Range(0, 3*ms).Draw(t, "by")) },
			"reschedule": func(t *rapid.T) { again = delays().Draw(t, "again") },
			"to the next": func(t *rapid.T) {
				if d := l.timers.untilNext(l.now); d >= 0 {
					move(l.now + int64(d))
				}
			},
			"": func(t *rapid.T) {
				earliest := int64(math.MaxInt64)
				for _, a := range alarms {
					if a.set != a.timer.Set() {
						t.Fatalf("set is %v, want %v", a.timer.Set(), a.set)
					}
					// one that was set to the present may need the next move
					if a.set && a.due+ms <= l.now && last != l.now && a.due < last {
						t.Fatalf("due at %d, not fired at %d", a.due, l.now)
					}
					if a.set {
						earliest = min(earliest, a.due)
					}
				}
				d := l.timers.untilNext(l.now)
				if (d < 0) != (earliest == math.MaxInt64) {
					t.Fatalf("untilNext is %v", d)
				}
				if d > 0 && l.now+int64(d) >= max(earliest, l.now)+2*ms {
					t.Fatalf("untilNext is %v, and a timer is due in %v", d, time.Duration(earliest-l.now))
				}
			},
		})
	})
}

// Every timer fires in the turn of its millisecond, if there is one.
func TestTimersAreNeverEarlyAndOneMillisecondLateAtMost(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, start := range []int64{0, 63*ms + 7, 4095 * ms, ms<<36 - 2000*ms} {
		l := offline(start)
		left := 0
		for range 3000 {
			a := &alarm{fired: func(a *alarm) {
				if left--; l.now < a.due || l.now > a.due+ms {
					t.Errorf("due at %d, fired at %d", a.due, l.now)
				}
			}}
			d := rnd.Int64N(10_000 * ms)
			a.due = l.now + d
			l.Schedule(&a.timer, time.Duration(d), a)
			left++
		}
		for range 10_002 {
			l.forward(l.now + ms)
		}
		if left != 0 {
			t.Errorf("%d timers have not fired", left)
		}
	}
}

// One timer of the farthest kind must not hide the others of its level.
func TestFarTimersHideNoOther(t *testing.T) {
	start := 5*ms<<30 + 100*ms
	l := offline(start)
	var order []string
	note := func(s string) func(*alarm) { return func(*alarm) { order = append(order, s) } }
	far, near := &alarm{fired: note("far")}, &alarm{fired: note("near")}
	l.Schedule(&far.timer, time.Duration(ms<<36-ms), far)
	l.Schedule(&near.timer, time.Duration(ms<<30), near)
	if l.forward(start + ms<<30 + ms); len(order) != 1 || order[0] != "near" {
		t.Errorf("fired: %v", order)
	}
	if l.forward(start + ms<<36 - 2*ms); len(order) != 1 {
		t.Errorf("two years later, fired: %v", order)
	}
	if l.forward(start + ms<<36); len(order) != 2 {
		t.Errorf("after more than two years, fired: %v", order)
	}
}

func TestEndlessDelay(t *testing.T) {
	l := offline(time.Hour.Nanoseconds())
	a := &alarm{fired: func(*alarm) { t.Error("it fired") }}
	l.Schedule(&a.timer, math.MaxInt64, a)
	for range 10 {
		l.forward(l.now + int64(365*24*time.Hour))
	}
	if !a.timer.Set() {
		t.Error("it is no longer set")
	}
}

func TestTimersThatConcernEachOther(t *testing.T) {
	l := offline(0)
	var first, second, third *alarm
	fired := 0
	first = &alarm{fired: func(a *alarm) {
		fired++
		l.Cancel(&second.timer) // in the same slot
		if fired == 1 {
			l.Schedule(&third.timer, 0, third)
		}
		l.Schedule(&a.timer, time.Millisecond, a)
	}}
	second = &alarm{fired: func(a *alarm) { fired += 100; l.Cancel(&first.timer) }}
	third = &alarm{fired: func(*alarm) { fired += 1000 }}
	l.Schedule(&second.timer, 5*time.Millisecond, second)
	l.Schedule(&first.timer, 5*time.Millisecond, first) // the later of a slot comes first
	l.forward(5 * ms)
	if fired != 1 || second.timer.Set() || !first.timer.Set() || !third.timer.Set() {
		t.Errorf("fired %d", fired)
	}
	if l.forward(6 * ms); fired != 1002 {
		t.Errorf("fired %d", fired)
	}
	// One that sets itself to the present ends the round all the same.
	again := &alarm{fired: func(a *alarm) { fired++; l.Schedule(&a.timer, 0, a) }}
	l.Schedule(&again.timer, 0, again)
	l.Cancel(&first.timer)
	l.Cancel(&third.timer)
	before := fired
	if l.forward(1000 * ms); fired == before || fired > before+2 {
		t.Errorf("fired %d times in one round", fired-before)
	}
	l.Cancel(&again.timer)
	l.Cancel(&again.timer)
	if l.timers.untilNext(l.now) >= 0 {
		t.Error("something is left")
	}
}

func TestTimersAllocateNothing(t *testing.T) {
	l := offline(0)
	a := &alarm{fired: func(*alarm) {}}
	if n := testing.AllocsPerRun(1000, func() {
		l.Schedule(&a.timer, time.Second, a)
		l.Schedule(&a.timer, time.Millisecond, a)
		l.forward(l.now + 2*ms)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScheduleCancel(b *testing.B) {
	l := offline(0)
	a := &alarm{}
	b.ReportAllocs()
	for b.Loop() {
		l.Schedule(&a.timer, 30*time.Second, a)
		l.Cancel(&a.timer)
	}
}
