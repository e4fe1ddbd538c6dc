// Package router finds the route of a request: virtual hosts, the conditions of
// their routes, and what a route asks for: a cluster, rewrites, retries, a
// redirect or a fixed response.
//
// Start at [Compile], which turns a configuration into a [Table], once; then
// [Table.Match], which every request passes through; then [Route], the answer.
// A Table and its Routes never change, and any number of workers share them. A
// [Request] is the small part that does change, and belongs to one worker.
//
// # Which virtual host
//
// The first that there is, of: a domain with exactly this host and port; this
// host with any port; the longest wildcard (*.example) with this port; the
// longest wildcard with any port; the default (*). "Any port" is said by :*, or by
// giving no port at all; of the two, :* comes first for a request that names a
// port. Hosts are compared without regard to case.
//
// # Which route
//
// The first in the order of the configuration whose conditions all hold. A path
// is compared without its query: a prefix byte by byte, a whole path without
// regard to ASCII case. A regular expression, of a path or of any other value,
// has to match the whole of it. Of a header or query parameter that is given
// several times, the first value counts. Variables are joined from left to right,
// "and" binding closer than "or"; a variable without a value meets no condition.
//
// Of some RPC requests not all could be read that conditions ask for. Such a request
// takes a route only if it would take it whatever else there were in it; otherwise the
// first that takes every request.
//
// # Which cluster
//
// The one that the route names, or the request, by a header or variable. A name
// that starts with consul: is that of a cluster on demand, which need not be there
// yet. Which service it is made of may be the request's to say (consul:*, or a
// header); then it must be one of those that the configuration lists, because
// whoever may send requests could otherwise have them sent to anything in Consul.
//
// # How it is found
//
// Nobody tries the routes one after the other. Those with a whole path are found
// in a hash map, those with a prefix, or a regular expression that starts with
// plain text, on the way down a radix tree; and where many share a path, by hash
// maps of the header values they ask for. Each candidate carries its place in
// the configuration, the lowest whose remaining conditions hold wins, and
// whatever can only hold higher ones is not looked at.
package router
