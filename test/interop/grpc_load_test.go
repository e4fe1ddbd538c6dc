//go:build interop

package interop_test

import "testing"

// goLoads are those of tools/peers/grpcload.
var goLoads = []load{
	{"down", 150, 20},
	{"down", 1500, 20},
	{"down", 0, 20},
	{"up", 150, 20},
	{"up", 1500, 20},
	{"up", 0, 20},
	{"echo", 150, 20},
	{"echo", 1500, 20},
	{"echo", 0, 20},
	{"down", 0, 64 << 10},
	{"up", 0, 64 << 10},
	{"echo", 0, 64 << 10},
	{"cancel", 80, 20},
	{"cancel", 500, 20},
	{"deadline", 80, 100},
	{"deadline", 200, 1000},
	{"hedge", 100, 20},
}

// manyLoads are those of the other stacks: messages of a MiB and thousands of small ones a second, calls that are cancelled, one by one
// and all at once at their deadline, and calls that are made twice, or five times at once.
var manyLoads = []load{
	{"down", 0, 1 << 20},
	{"up", 0, 1 << 20},
	{"echo", 0, 1 << 20},
	{"down", 3000, 20},
	{"up", 3000, 20},
	{"echo", 3000, 20},
	{"cancel", 300, 20},
	{"deadline", 200, 500},
	{"burst", 500, 300},
	{"hedge", 100, 20},
	{"quick", 300, 8},
}

// mixedLoads are enough to try a stack's server with another one's client.
var mixedLoads = []load{
	{"echo", 0, 64 << 10},
	{"echo", 1500, 20},
	{"cancel", 300, 20},
}

// TestGRPCLoad has stacks of gRPC, with their defaults, move as much as they can through weir, both ways, and make calls that end
// early. Their measurements of the bandwidth, and their resets, are none of an attacker's.
func TestGRPCLoad(t *testing.T) {
	through(t, []pair{
		{grpcGo(), grpcGo(), goLoads},
		{grpcJava(), grpcJava(), manyLoads},
		{grpcGo(), grpcJava(), mixedLoads},
		{inNode("grpc-js", "grpc"), grpcGo(), manyLoads},
	})
}
