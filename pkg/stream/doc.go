// Package stream is the model that codecs, filters and the proxy share: one
// request, or its response, is a head, any number of pieces of data, perhaps
// trailers, or a reset; in both directions, as it streams.
//
// Start at [Sink], the four parts as calls; then [End], what a codec and the
// proxy are to each other; [Codec], what runs a connection's protocol over bytes
// without doing I/O; and [Head] and [Header], the parsed form.
//
// Everything here runs on the worker that owns the connection.
package stream
