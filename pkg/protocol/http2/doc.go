// Package http2 is weir's HTTP/2: bytes in, parts of messages out, and the
// reverse, by RFC 9113, RFC 8441 (extended CONNECT) and package hpack. It does no
// I/O, reads no clock but its link's and starts no goroutine.
//
// Start at [ServerConn], the side that reads requests, and [ClientConn], the side
// that sends them. Both are a conn (conn.go), which takes frames off the bytes
// (read.go), deals with each kind of them (control.go, data.go), and is made of parts
// that know their own state only:
//
//   - frameWriter writes frames (writer.go) and heads (write.go).
//   - headerReader collects header blocks (headers.go, block.go), of which a fieldReader
//     makes heads and trailers (fields.go, request.go, response.go).
//   - streams finds streams by their numbers (streams.go, table.go), and remembers how
//     those ended that are over (closed.go).
//   - receiver passes on the data that comes (receive.go), sender sends that of the
//     streams, in turns (send.go). Both keep to the windows (window.go), of which the
//     connection and each stream have one each way.
//   - budget bounds what the peer can make a connection do for nothing (budget.go).
//
// A stream (stream.go) knows of its message in (data.go) and of its message out
// (send.go), and decides when it is over. It is, to its other end, a responder or a
// requester.
//
// A connection without streams holds its structs, the tables of the compression as
// far as they were used, and a small table of streams: heads and slabs are borrowed
// while a message passes.
//
// # Strictness
//
// A message that breaks a rule resets its stream, before its end was passed on; bytes
// that break a rule of the connection end it with GOAWAY. So one message looks the
// same here and behind weir, where it may go on as HTTP/1: field names are lower-case
// tokens, values have no control characters nor blanks around them, fields of HTTP/1
// connections are errors, and the data is as long as Content-Length says.
//
// Choices that the standards leave open:
//
//   - The scheme of a request is that of the connection, whatever :scheme says, which
//     must be http or https.
//   - :authority must be a host of RFC 3986 with an optional port. Its letters are
//     lower-cased and an empty port is dropped. A Host field that says the same is
//     dropped, one that says something else is an error, and it stands in for
//     :authority if there is none.
//   - A head that is over a limit is answered 431, a body 413, CONNECT 405 unless it is
//     allowed, an unknown expectation 417, an unknown :protocol 501.
//   - Priorities are ignored; nothing is pushed, and a push is an error.
//   - Trailers reach the next hop but for those that frame, route or authorise a
//     message.
//
// # Flow control is back-pressure
//
// Data goes to a stream's other end as it comes. Its window is given back once the
// other end has it, unless it has said Pause: so at most a window's worth of data is
// ever on its way. Of a request whose response is there, and waits for its client, a
// bounded rest is taken. In the other direction, data that the peer's windows, or its
// socket, do not take waits in its stream, whose source is paused; when they open,
// the streams that wait take turns, a frame each.
//
// # Hostile peers
//
// Whatever a peer can make a connection do for nothing is counted by its budget
// (budget.go), which lists the limits. What is collected or kept for it is bounded
// by [Config]: a header block, the window of the connection, and for each of the
// streams a head and a window.
//
// # How calls nest
//
// A sink may answer, pause or reset the stream inside any call. [stream.Link] must
// not call Feed from inside Resume or Pause. When a response is over before its
// request is, a server resets the request's sink with [stream.Cancelled]; a client
// gives the stream up, and ignores what its other end still sends. Streams are used
// again after both their messages are over: nobody may call them any more.
package http2
