package buffer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGetGivesTheSmallestClassThatFits(t *testing.T) {
	for _, tc := range []struct{ size, want int }{
		{-1, 256}, {0, 256}, {1, 256}, {256, 256},
		{257, 1 << 10}, {1 << 10, 1 << 10},
		{1<<10 + 1, 4 << 10}, {4 << 10, 4 << 10},
		{4<<10 + 1, 16 << 10}, {16 << 10, 16 << 10},
		{16<<10 + 1, 64 << 10}, {64 << 10, 64 << 10},
		{64<<10 + 1, 128 << 10}, {1 << 30, 128 << 10},
	} {
		var p Pool
		s := p.Get(tc.size)
		if s.Cap() != tc.want || len(s.Bytes()) != tc.want {
			t.Errorf("Get(%d) has %d bytes, want %d", tc.size, s.Cap(), tc.want)
		}
		s.Release()
	}
}

func TestStatsFollowGetAndRelease(t *testing.T) {
	var p Pool
	a, b := p.Get(1), p.Get(MaxSlab)
	want := Stats{Live: 2, LiveBytes: MinSlab + MaxSlab}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Errorf("with two slabs in use: (-want +got)\n%s", diff)
	}
	a.Release()
	want = Stats{Live: 1, LiveBytes: MaxSlab, FreeBytes: MinSlab}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Errorf("with one: (-want +got)\n%s", diff)
	}
	b.Release()
	want = Stats{FreeBytes: MinSlab + MaxSlab}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Errorf("with none: (-want +got)\n%s", diff)
	}
	if c := p.Get(1); c != a {
		t.Error("a free slab was not used again")
	} else {
		c.Release()
	}
	p.Trim()
	if diff := cmp.Diff(Stats{}, p.Stats()); diff != "" {
		t.Errorf("after Trim: (-want +got)\n%s", diff)
	}
}

func TestFreeListsAreBounded(t *testing.T) {
	var p Pool
	var slabs []*Slab
	for range 2 * keepBytes / MaxSlab {
		slabs = append(slabs, p.Get(MaxSlab))
	}
	for _, s := range slabs {
		s.Release()
	}
	if got := p.Stats(); got.FreeBytes != keepBytes || got.Live != 0 {
		t.Errorf("after a burst: %+v, want %d free bytes", got, keepBytes)
	}
}

func TestSlabIsFreedWithItsLastReference(t *testing.T) {
	var p Pool
	s := p.Get(1)
	if s.Shared() {
		t.Error("a new slab is shared")
	}
	s.Retain()
	if !s.Shared() {
		t.Error("a slab with two references is not shared")
	}
	s.Release()
	if s.Shared() || p.Stats().Live != 1 {
		t.Error("the first release freed the slab")
	}
	s.Release()
	if p.Stats().Live != 0 {
		t.Error("the last release did not free the slab")
	}
}

func TestMisuseOfSlabsPanics(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(p *Pool)
	}{
		{"a double release", func(p *Pool) {
			s := p.Get(1)
			s.Release()
			s.Release()
		}},
		{"a double release of a slab that the pool did not keep", func(p *Pool) {
			var last *Slab
			for range keepBytes/MaxSlab + 1 {
				s := p.Get(MaxSlab)
				defer s.Release()
				last = s
			}
			last.Retain()
			last.Release()
			last.Release()
			last.Release()
		}},
		{"a retain after the release", func(p *Pool) {
			s := p.Get(1)
			s.Release()
			s.Retain()
		}},
		{"an append of a freed view", func(p *Pool) {
			s := p.Get(MaxSlab)
			v := ViewOf(s, 0, MaxSlab)
			s.Release()
			var c Chain
			c.Init(p)
			c.AppendView(v)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !panics(func() { tc.do(new(Pool)) }) {
				t.Error("passed unnoticed")
			}
		})
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestViewsShowTheirBytes(t *testing.T) {
	var p Pool
	s := p.Get(16)
	copy(s.Bytes(), "0123456789")
	v := ViewOf(s, 2, 8)
	for _, tc := range []struct {
		name string
		v    View
		want string
	}{
		{"ViewOf", v, "234567"},
		{"Slice", v.Slice(1, 3), "34"},
		{"From", v.From(4), "67"},
		{"From of a Slice", v.Slice(1, 5).From(2), "56"},
		{"From the end", v.From(6), ""},
		{"zero", View{}, ""},
	} {
		if got := string(tc.v.Bytes()); got != tc.want || tc.v.Len() != len(tc.want) {
			t.Errorf("%s: %q of length %d, want %q", tc.name, got, tc.v.Len(), tc.want)
		}
		if cap(tc.v.Bytes()) > 6 {
			t.Errorf("%s: appending to the view's bytes would write behind it", tc.name)
		}
	}
	s.Release()
}
