// Package moving has no code of its own, only tests: MOSN's configurations that
// weir takes, and what it says of them. Each script in testdata is a line of the
// table in docs/moving-from-mosn.md, section "What loads", and holds that line to
// what a build of weir with everything in it does.
//
// The files are made for the tests; they have the shapes of files in use.
package moving
