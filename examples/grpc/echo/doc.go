// Package echo has the messages, the client and the server's interface of the
// service in echo.proto, which is the file to read. All else is generated from it
// by ./run generate.
package echo
