//go:build race

package router

// raceDetector says that sync.Pool, from which package regexp takes its memory,
// forgets at random.
const raceDetector = true
