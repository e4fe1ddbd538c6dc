// Package bolt is the codec of SofaRPC's bolt, versions 1 and 2, which may take
// turns on one connection, frame by frame.
//
// Start at [Spec]; frame.go draws the frame and says what its fields mean, parse.go
// takes one apart, append.go puts a changed one together again, answer.go has the
// proxy's own answers and what Java and Node clients make of them.
package bolt
