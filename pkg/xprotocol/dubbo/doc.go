// Package dubbo is the codec of Dubbo's own protocol, which its URLs call dubbo and
// its documentation dubbo2.
//
// A frame is a header of 16 bytes and a body, whose values are in one of many
// serializations; the header says which. Two of them are read, Hessian 2 and
// fastjson2, and only as far as needed: the strings that a request begins with,
// which become the head and its attributes, and the map of attachments that it
// ends with, which becomes the tail and its fields. The arguments between them are
// stepped over and pass as they came, and so does every body in another
// serialization. Start at codec.go; request.go and response.go take bodies apart,
// append.go puts them together again.
//
// # What is known of a message
//
// The attributes of a request are what its strings say: the interface, also where
// the service is exported under another path; its version; the method, of a
// generic call the one that is called; and the group, from the attachments. A body
// that cannot be read costs the connection nothing: the request goes where
// requests without attributes go. If only the arguments cannot be stepped over,
// because they are broken, nested too deep, or more than a quarter of a million
// values, the strings still count, and the group and the fields are missing.
//
// Attachments that are not strings have no text in the frame, and neither have
// strings that are sent in pieces, or in fastjson2 not in UTF-8. They are no
// fields, and stay in the frame however else it is changed.
//
// # Answers
//
// An answer of weir's own is an error in Dubbo's sense, and Java's consumer retries
// those. It is written in the request's serialization if that is one of the two,
// and else in Hessian 2: a consumer of any version and serialization reads that,
// while an empty or unreadable text would make it report a broken answer in place
// of the status.
package dubbo
