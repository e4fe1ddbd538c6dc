// Package configs holds the configurations of this folder, for programs that
// start with one of them wherever they run.
package configs

import "embed"

// Files are the configurations, by their names.
//
//go:embed *.json *.yaml
var Files embed.FS
