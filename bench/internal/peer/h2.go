package peer

import (
	"context"
	"fmt"
	"os"

	"github.com/weirproxy/weir/bench/internal/h2"
)

func answersH2(ctx context.Context, address string) error {
	_, err := h2.Get(ctx, address, h2.HelloPath)
	return err
}

// EchoH2 is a backend that speaks HTTP/2 and answers what [h2.Run] and its like ask: this program itself, as [Echo] is, with the same
// first argument and for the same reasons.
func EchoH2() Spec {
	return Spec{Name: "backend", ip: "127.0.0.2", ready: answersH2, configure: func(at site) ([]string, error) {
		program, err := os.Executable()
		return []string{program, EchoCommand, at.address}, err
	}}
}

// WeirH2 is weir that speaks HTTP/2 to clients, and HTTP/2 or HTTP/1 to the backends ("Http2", "Http1"). maxRequests is how many
// requests may be under way to them; 0 is weir's default. With every reload, its route table is another one: see [GenerationPath].
func WeirH2(binary, upstream string, maxRequests int) Spec {
	return weir("weir", binary, answersH2, func(at site) object {
		proxy := object{"downstream_protocol": "Http2", "upstream_protocol": upstream, "x_forwarded_for": "keep"}
		routes := list{routeTo("/")}
		if at.generation > 0 {
			answer := object{
				"match":           object{"path": GenerationPath(at.generation)},
				"direct_response": object{"status": 200, "body": "current"},
			}
			routes = list{answer, routes[0]}
		}
		return weirConfig(listener(at.address, proxy, list{}), routes, list{cluster("backend", at.hosts, maxRequests)})
	})
}

// GenerationPath is a path that [WeirH2] answers by itself as long as its configuration is of a generation that is not the first.
func GenerationPath(generation int) string { return fmt.Sprintf("/generation/%d", generation) }
