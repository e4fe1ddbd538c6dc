package grpc

import "strconv"

// Code is the status of a call, as grpc-status numbers it. Numbers without a name
// are possible: they are what a peer sent.
type Code uint32

// The codes that gRPC defines.
const (
	OK                 Code = 0
	Cancelled          Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
	Unauthenticated    Code = 16
)

var codes = [...]struct{ name, digits string }{
	OK:                 {"OK", "0"},
	Cancelled:          {"CANCELLED", "1"},
	Unknown:            {"UNKNOWN", "2"},
	InvalidArgument:    {"INVALID_ARGUMENT", "3"},
	DeadlineExceeded:   {"DEADLINE_EXCEEDED", "4"},
	NotFound:           {"NOT_FOUND", "5"},
	AlreadyExists:      {"ALREADY_EXISTS", "6"},
	PermissionDenied:   {"PERMISSION_DENIED", "7"},
	ResourceExhausted:  {"RESOURCE_EXHAUSTED", "8"},
	FailedPrecondition: {"FAILED_PRECONDITION", "9"},
	Aborted:            {"ABORTED", "10"},
	OutOfRange:         {"OUT_OF_RANGE", "11"},
	Unimplemented:      {"UNIMPLEMENTED", "12"},
	Internal:           {"INTERNAL", "13"},
	Unavailable:        {"UNAVAILABLE", "14"},
	DataLoss:           {"DATA_LOSS", "15"},
	Unauthenticated:    {"UNAUTHENTICATED", "16"},
}

// String returns the code's name; of one without a name, its number, which
// allocates.
func (c Code) String() string {
	if int64(c) < int64(len(codes)) {
		return codes[c].name
	}
	return "CODE_" + strconv.FormatUint(uint64(c), 10)
}

// digits is the code as grpc-status has it.
func (c Code) digits() string {
	if int64(c) < int64(len(codes)) {
		return codes[c].digits
	}
	return strconv.FormatUint(uint64(c), 10)
}

// parseCode reads the value of grpc-status. What is not a number means Unknown to
// clients.
func parseCode(b []byte) Code {
	if len(b) == 0 || len(b) > 10 {
		return Unknown
	}
	n := uint64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return Unknown
		}
		n = n*10 + uint64(c-'0')
	}
	if n > 1<<32-1 {
		return Unknown
	}
	return Code(n)
}
