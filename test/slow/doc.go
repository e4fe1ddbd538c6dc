// Package slow has no code of its own, only tests: peers that take or send 30 KB a
// second, for two minutes, over each protocol, in each direction, through a weir
// with its default limits and timeouts. Whoever moves is not cut off.
//
// It takes as long as it says, and so it has a build tag:
//
//	go test -tags slow ./test/slow
//	go test -tags slow ./test/slow -for 10s -run '/bolt'
package slow
