package hpack

const (
	// staticSize is the number of entries in the static table.
	staticSize = 61
	// firstDynamic is the index of the newest entry in the dynamic one.
	firstDynamic = staticSize + 1
)

// staticEntry is an entry of the static table.
type staticEntry struct{ name, value []byte }

// staticTable is the static table (RFC 7541, appendix A), by index; 0 is none.
var staticTable = [staticSize + 1]staticEntry{
	1:  {[]byte(":authority"), nil},
	2:  {[]byte(":method"), []byte("GET")},
	3:  {[]byte(":method"), []byte("POST")},
	4:  {[]byte(":path"), []byte("/")},
	5:  {[]byte(":path"), []byte("/index.html")},
	6:  {[]byte(":scheme"), []byte("http")},
	7:  {[]byte(":scheme"), []byte("https")},
	8:  {[]byte(":status"), []byte("200")},
	9:  {[]byte(":status"), []byte("204")},
	10: {[]byte(":status"), []byte("206")},
	11: {[]byte(":status"), []byte("304")},
	12: {[]byte(":status"), []byte("400")},
	13: {[]byte(":status"), []byte("404")},
	14: {[]byte(":status"), []byte("500")},
	15: {[]byte("accept-charset"), nil},
	16: {[]byte("accept-encoding"), []byte("gzip, deflate")},
	17: {[]byte("accept-language"), nil},
	18: {[]byte("accept-ranges"), nil},
	19: {[]byte("accept"), nil},
	20: {[]byte("access-control-allow-origin"), nil},
	21: {[]byte("age"), nil},
	22: {[]byte("allow"), nil},
	23: {[]byte("authorization"), nil},
	24: {[]byte("cache-control"), nil},
	25: {[]byte("content-disposition"), nil},
	26: {[]byte("content-encoding"), nil},
	27: {[]byte("content-language"), nil},
	28: {[]byte("content-length"), nil},
	29: {[]byte("content-location"), nil},
	30: {[]byte("content-range"), nil},
	31: {[]byte("content-type"), nil},
	32: {[]byte("cookie"), nil},
	33: {[]byte("date"), nil},
	34: {[]byte("etag"), nil},
	35: {[]byte("expect"), nil},
	36: {[]byte("expires"), nil},
	37: {[]byte("from"), nil},
	38: {[]byte("host"), nil},
	39: {[]byte("if-match"), nil},
	40: {[]byte("if-modified-since"), nil},
	41: {[]byte("if-none-match"), nil},
	42: {[]byte("if-range"), nil},
	43: {[]byte("if-unmodified-since"), nil},
	44: {[]byte("last-modified"), nil},
	45: {[]byte("link"), nil},
	46: {[]byte("location"), nil},
	47: {[]byte("max-forwards"), nil},
	48: {[]byte("proxy-authenticate"), nil},
	49: {[]byte("proxy-authorization"), nil},
	50: {[]byte("range"), nil},
	51: {[]byte("referer"), nil},
	52: {[]byte("refresh"), nil},
	53: {[]byte("retry-after"), nil},
	54: {[]byte("server"), nil},
	55: {[]byte("set-cookie"), nil},
	56: {[]byte("strict-transport-security"), nil},
	57: {[]byte("transfer-encoding"), nil},
	58: {[]byte("user-agent"), nil},
	59: {[]byte("vary"), nil},
	60: {[]byte("via"), nil},
	61: {[]byte("www-authenticate"), nil},
}

// staticSlots is a hash table of the names in the static table: each with its
// first index, in the first free slot from the one that its hash says.
var staticSlots = buildStaticSlots()

func buildStaticSlots() (slots [256]uint8) {
	for i := staticSize; i > 0; i-- {
		name := staticTable[i].name
		if string(staticTable[i-1].name) == string(name) {
			continue
		}
		h, _ := hashName(name)
		for slots[uint8(h)] != 0 {
			h++
		}
		slots[uint8(h)] = uint8(i)
	}
	return slots
}

// staticName returns the first index of a name whose hash is h; 0 if there is
// none.
func staticName(name []byte, h uint64) uint8 {
	for {
		i := staticSlots[uint8(h)]
		if i == 0 || string(staticTable[i].name) == string(name) {
			return i
		}
		h++
	}
}

// staticField returns the index of a field with a value, for the first index of
// its name; 0 if there is none.
func staticField(name uint8, value []byte) uint8 {
	var last uint8
	switch name {
	case 2, 4, 6: // :method, :path, :scheme
		last = name + 1
	case 8: // :status
		last = 14
	case 16: // accept-encoding
		last = 16
	}
	for i := name; i <= last; i++ {
		if string(staticTable[i].value) == string(value) {
			return i
		}
	}
	return 0
}
