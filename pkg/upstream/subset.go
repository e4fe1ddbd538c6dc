package upstream

import "github.com/weirproxy/weir/pkg/upstream/members"

// SubsetKey is the canonical form of a selection of labels, for [Choice]. It is made
// when a route is compiled; "" is no selection.
func SubsetKey(labels map[string]string) string { return members.SubsetKey(labels) }
