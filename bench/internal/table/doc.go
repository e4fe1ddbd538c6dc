// Package table turns samples of several rounds into the rows of a Markdown table, with the ratio to a reference, what is asked of
// it, and a verdict.
package table
