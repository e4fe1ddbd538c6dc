// Package variable knows the names under which facts about a request appear in
// access log formats and in routes: start_time, request_header_X, cookie_X, ...
//
// A name is looked up once, by [Parse]; what it returns is then asked per
// request, by [Variable.Append], without allocating. [ParseFormat] does the same
// for a text with several %names% in it. The names themselves are in table.go.
//
// Names and spellings are MOSN's, with a few of weir's own beside them.
package variable
