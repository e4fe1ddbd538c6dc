// Package http1 is weir's HTTP/1.0 and HTTP/1.1: bytes in, parts of messages
// out, and the reverse, by RFC 9110 and RFC 9112. It does no I/O, reads no clock
// and starts no goroutine.
//
// Start at [ServerConn], the side that reads requests, and [ClientConn], the side
// that reads responses. Both are a reader, which takes a message apart line by
// line (request.go, response.go, fields.go, body.go), and a writer, which puts one
// together (write.go, write_body.go). A connection that is between two messages
// holds its struct and nothing else: heads and slabs come from the worker's pools
// with the first line of a message and go back with the last call to the sink.
//
// # Strictness
//
// One message must look the same to weir and to everybody behind it, so whatever
// can be read in two ways is refused: Content-Length beside Transfer-Encoding,
// lengths that differ, any transfer coding but one chunked, bare CR or LF, folded
// lines, names that are no tokens, a missing or repeated Host. A server answers with
// the status that the [Error] carries, and closes; a client resets the stream with
// [stream.ProtocolError].
//
// What can be read in one way only is taken, and written anew in its clean form:
// blanks behind the size of a chunk, before an extension or none, as old servers and
// clients pad it; and in responses, where a broken peer is old and not hostile,
// blanks before a colon (RFC 9112, 5.1: a proxy removes them) and a Content-Length
// that says the same again, in a field of its own or in a list (RFC 9110, 8.6). In a
// request these two are refused.
//
// A request may ask for an upgrade and have a body of a length: it goes before what
// the tunnel carries. One in chunks is an ordinary request.
//
// The length of a line has no limit of its own: a head may be as large as
// [Config.MaxHeaderBytes] says, in however many lines. Only a request line has
// [Config.MaxLine], because it is answered in its own way.
//
// Choices that the standards leave open:
//
//   - A request target is visible ASCII without '#'. Characters that RFC 3986
//     wants encoded but browsers send (such as | and ^) pass; others are 400.
//   - A Host is a host of RFC 3986 with an optional port up to 65535; zone
//     identifiers and IPvFuture are 400, and so is an empty one. Its letters are
//     lower-cased and an empty port is dropped.
//   - HTTP/1.2 to 1.9 are read as 1.1. Any other major version is 505.
//   - A status line may end behind the code, without a space.
//   - The Transfer-Encoding of one hop does not reach the next, and of its TE only
//     that trailers are taken: weir passes them on, but for those that frame, route
//     or authorise a message.
//   - Trailers go behind chunks: a message whose length is known is sent in chunks
//     if it announces trailers, or is gRPC's. The head of a message of length 0 that
//     is not over with its head is ended by what comes next: nothing, or trailers.
//   - Any number of informational responses may precede a response, at an honest rate;
//     a client that takes them slowly keeps the host waiting.
//   - A response that announces content where there can be none, such as a 204 with a
//     length, is the last on its connection.
//
// # How calls nest
//
// A sink may answer, pause or reset the stream inside any call. [stream.Link]
// must not call Feed from inside Resume or Pause, and EOF is not called while the
// link is paused, but once it was resumed and the rest was offered. Reset ends both directions of
// a stream: the one who called it is not called again. When a response is over
// before its request is, the server resets the request's sink with
// [stream.Cancelled].
//
// # Responses that do not wait for their request
//
// The rest of such a request is read by the same rules and thrown away, up to 256 KiB
// of it, and the connection goes on with the next request (RFC 9112, 9.3: a server
// reads the whole request, or closes). A response says Connection: close if it is
// known with its head that this will not be: the client waits for a 100 (Continue)
// that it does not get, and may send its body or the next request; more than that is
// to come, and the response does not stream; or it is a 408, or a 413 to a body of
// unknown length. A rest that proves too long, or wrong, is not answered once more:
// the connection is closed.
package http1
