// Package transcoder is the stream filter transcoder: requests that come in one
// version of HTTP go on in the other, which upstream_protocol of a route or a proxy
// says as well. It is there because configurations of MOSN say it so. Start at
// [Config].
package transcoder
