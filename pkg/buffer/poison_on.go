//go:build slabdebug

package buffer

import "fmt"

// poisonByte is what a freed slab is filled with. It is neither a printable
// character nor the first byte of any protocol that weir speaks.
const poisonByte = 0xdb

func poison(b []byte) {
	for i := range b {
		b[i] = poisonByte
	}
}

func checkPoison(b []byte) {
	for i, c := range b {
		if c != poisonByte {
			panic(fmt.Sprintf("buffer: byte %d of a freed slab of %d bytes was written after it was freed", i, len(b)))
		}
	}
}
