// Package httprule has the rules of HTTP that both of its versions' codecs keep: what
// is a host, and which fields may not be removed, or come in trailers. One text for
// both, because what one lets pass the other must not read in another way.
package httprule
