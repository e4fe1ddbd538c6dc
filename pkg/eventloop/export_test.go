package eventloop

// What tests of transports, which stand outside because the toy does, have in common
// with the others.
var (
	NewLoop  = newLoop
	On       = on
	Turns    = turns
	Until    = until
	Pattern  = pattern
	Pair     = pair
	Networks = networks
)

// Patience is how long a test waits for what must happen.
const Patience = patience

// Clock is a time that tests move.
type Clock = clock

var (
	ClockTime    = (*clock).time
	ClockForward = (*clock).forward
)
