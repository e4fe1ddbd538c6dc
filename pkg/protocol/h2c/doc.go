// Package h2c lets clients of HTTP/1 ask, in the first request of a connection, to
// go on in HTTP/2 (RFC 7540, section 3.2), as Java's HttpClient and curl do. RFC 9113
// has given the mechanism up, so it is only there where a configuration allows it.
// Start at [Protocol].
package h2c
