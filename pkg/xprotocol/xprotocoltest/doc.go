// Package xprotocoltest proves that a codec keeps the contract of
// [github.com/weirproxy/weir/pkg/xprotocol.Codec].
//
// Start at [Run], which every codec's tests call with frames that real peers have
// sent, and what each of them says; [Fuzz] is for the same frames. What a codec is
// for beyond the contract, its own tests look at, with a [Downstream] and an
// [Upstream], connections whose bytes the test feeds.
//
// Run it with -tags slabdebug as well, which overwrites freed memory, so that
// bytes kept longer than they were lent are found.
package xprotocoltest
