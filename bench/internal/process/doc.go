// Package process starts the programs of a measurement, ends them whatever happens, and reads from /proc what they cost: processor
// time and memory, of a process with all its descendants.
//
// Start reading at [Start]; [Family] is what the figures are taken of.
package process
