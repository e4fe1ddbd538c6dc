// Package repotest holds the repository's tests of itself: which package may import which, what every package has to have, and what
// no file may contain. It has no code of its own; the rules are tables at the head of each test file, each with its reason.
//
// Start reading at imports_test.go, whose list of layers is the architecture in order.
package repotest
