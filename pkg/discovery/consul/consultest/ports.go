package consultest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
)

// Ports come from below the range out of which systems serve connections, so that
// nobody gets one of them by chance between the look and the agent's start.
const (
	firstPort = 21000
	portRange = 10000
)

// freePorts returns n ports that nobody listens on, for TCP and UDP.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		if tries > 100*n {
			t.Fatal("no free ports")
		}
		if port := firstPort + rand.IntN(portRange); isFree(port) && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

func isFree(port int) bool {
	at := fmt.Sprintf("127.0.0.1:%d", port)
	tcp, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	defer udp.Close()
	return true
}
