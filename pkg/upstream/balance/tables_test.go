package balance

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// ports returns members whose keys are 127.0.0.1:90, :91 and so on.
func ports(weights ...uint32) []Member {
	members := hosts(weights...)
	for i := range members {
		members[i].Key = fmt.Sprintf("127.0.0.1:%d", 90+i)
	}
	return members
}

// These tables are Envoy's, too: processes agree on them, weir or not.
func TestMaglevTables(t *testing.T) {
	for _, test := range []struct {
		members []Member
		size    uint32
		want    []int32
	}{
		{ports(1, 1, 1, 1, 1, 1), 7, []int32{2, 4, 0, 1, 5, 0, 3}},
		{ports(1, 2), 17, []int32{1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1}},
		{ports(100, 200), 17, []int32{1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1}},
		{ports(5, 5), 17, []int32{1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1}},
	} {
		o := options(config.LBMaglev)
		o.TableSize = test.size
		p := New(test.members, o).Picker(&newWorld(1, 0).Worker)
		var got []int32
		for hash := range uint64(test.size) {
			got = append(got, p.Pick(hash, true))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%d entries (-want +got):\n%s", test.size, diff)
		}
	}
}

// A table has at least as many entries as members, and is prime.
func TestMaglevTableSize(t *testing.T) {
	for _, test := range []struct {
		size    uint32
		members int
		want    uint64
	}{
		{65537, 10, 65537}, {65536, 10, 65537}, {0, 2, 2}, {1, 3, 5}, {7, 7, 7}, {7, 8, 17}, {5_000_011, 2, 5_000_011},
	} {
		if got := tableSize(test.size, test.members); got != test.want {
			t.Errorf("tableSize(%d, %d) = %d, want %d", test.size, test.members, got, test.want)
		}
	}
	m := newMaglev(byKey(equal(100)), 2)
	seen := make(map[int32]bool)
	for _, owner := range m.owners {
		seen[owner] = true
	}
	if len(seen) != 100 || seen[-1] {
		t.Errorf("%d of 100 members have entries", len(seen))
	}
}

// checksum sums up which key some hashes go to.
func checksum(members []Member, o *Options) uint64 {
	sum := fnv.New64a()
	for _, key := range assign(members, o, samples(10_000)) {
		sum.Write([]byte(key))
	}
	return sum.Sum64()
}

// Hashes go where they always went: in a rolling update, old and new processes agree.
func TestTablesAreWhatTheyWere(t *testing.T) {
	for _, test := range []struct {
		name    string
		lb      config.LBType
		members []Member
		want    uint64
	}{
		{"ring", config.LBRingHash, equal(10), 0x32ee696002ac7523},
		{"ring by weight", config.LBRingHash, hosts(100, 250, 12_800, 33), 0x2e7632038a4f8109},
		{"maglev", config.LBMaglev, equal(10), 0x1f8d304558d5649},
		{"maglev by weight", config.LBMaglev, hosts(100, 250, 12_800, 33), 0x960ec10efece2526},
	} {
		if got := checksum(test.members, options(test.lb)); got != test.want {
			t.Errorf("%s: the checksum is %#x, want %#x", test.name, got, test.want)
		}
	}
}

func TestRingSize(t *testing.T) {
	for _, test := range []struct {
		name        string
		weights     []uint32
		least, most uint32
		want        []int // entries of the first members
	}{
		{"two", []uint32{1, 1}, 1024, 8 << 20, []int{512, 512}},
		{"many", same(100, 7), 1024, 8 << 20, []int{512, 512, 512}},
		{"odd", []uint32{1, 1}, 7, 100, []int{4, 4}},
		{"odd of three", []uint32{1, 1, 1}, 7, 100, []int{4, 4, 4}},
		{"by weight", []uint32{100, 50, 50}, 1024, 8 << 20, []int{512, 256, 256}},
		{"with less, there would not be enough", []uint32{128, 1, 1, 1}, 1024, 8 << 20, []int{1001, 8, 8, 8}},
		{"no more than most", same(10, 1), 1024, 1024, []int{102, 102}},
		{"all have one", same(10, 1), 1, 5, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"light ones have one", []uint32{12_800, 1}, 10, 10, []int{9, 1}},
		{"roomy", same(4096, 1), 1024, 8 << 20, []int{64, 64}},
		{"larger than roomy", same(4096, 1), 2 << 20, 8 << 20, []int{512, 512}},
	} {
		t.Run(test.name, func(t *testing.T) {
			members := hosts(test.weights...)
			r := newRing(members, test.least, test.most)
			got := make([]int, len(members))
			for _, e := range r.entries {
				got[e.owner]++
			}
			if diff := cmp.Diff(test.want, got[:len(test.want)]); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// A hash belongs to the first entry that is not less than it, as a search through all
// of them finds it.
func TestRingFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := byKey(hosts(rapid.SliceOfN(rapid.Uint32Range(1, 9), 2, 20).Draw(t, "weights")...))
		least := rapid.Uint32Range(1, 300).Draw(t, "least")
		r := newRing(members, least, 500)
		hashes, owners := ringEntries(members, entriesOfHeaviest(members, uint64(least), 500))
		order := make([]int, len(hashes))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmpUint(hashes[a], hashes[b]) })

		asked := []uint64{0, 1<<64 - 1, hashes[order[0]], hashes[order[len(order)-1]]}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range 200 {
			asked = append(asked, random.Uint64(), hashes[random.IntN(len(hashes))])
		}
		for _, hash := range asked {
			at := sort.Search(len(order), func(i int) bool { return hashes[order[i]] >= hash }) % len(order)
			if got, want := r.owner(r.find(hash)), owners[order[at]]; got != want {
				t.Fatalf("hash %#x is of member %d, want %d", hash, got, want)
			}
		}
	})
}

func cmpUint(a, b uint64) int {
	if a < b {
		return -1
	}
	return 1
}

func TestMulDiv(t *testing.T) {
	for _, test := range []struct {
		a, b, c uint64
		up      bool
		want    uint64
	}{
		{10, 1, 3, false, 3}, {10, 1, 3, true, 4}, {9, 1, 3, true, 3}, {1 << 23, 1 << 60, 1 << 60, true, 1 << 23}, {7, 1 << 62, 1 << 63, true, 4},
	} {
		if got := mulDiv(test.a, test.b, test.c, test.up); got != test.want {
			t.Errorf("mulDiv(%d, %d, %d, %v) = %d, want %d", test.a, test.b, test.c, test.up, got, test.want)
		}
	}
}
