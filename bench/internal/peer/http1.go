package peer

import (
	"context"

	"github.com/weirproxy/weir/bench/internal/load"
)

// Paths of requests. The backend answers any path but the second with 256 bytes.
const (
	SmallPath = "/"
	LargePath = "/64k" // 64 KiB
	// RoutedPath matches the last but one of the routes of [WithFilters].
	RoutedPath = "/service-0999/item"
)

func answersHTTP(ctx context.Context, address string) error {
	return load.Ready(ctx, address, SmallPath)
}
