package hpack

import (
	"bytes"
	"strconv"
	"testing"

	judge "golang.org/x/net/http2/hpack"
)

// sample is a field as it is offered to an encoder.
type sample struct {
	name, value string
	how         Indexing
}

// samples are requests as they are seen in practice, and one with the names as
// HTTP/1 writes them.
var samples = []struct {
	name   string
	fields []sample
}{
	{"gRPC", []sample{
		{":method", "POST", Index},
		{":scheme", "http", Index},
		{":path", "/helloworld.Greeter/SayHello", Index},
		{":authority", "greeter.default.svc.cluster.local:50051", Index},
		{"content-type", "application/grpc", Index},
		{"user-agent", "grpc-go/1.71.0", Index},
		{"te", "trailers", Index},
		{"grpc-accept-encoding", "gzip", Index},
		{"grpc-timeout", "998765u", NoIndex},
	}},
	{"browser", []sample{
		{":method", "GET", Index},
		{":authority", "shop.example.com", Index},
		{":scheme", "https", Index},
		{":path", "/api/v2/products/48213/reviews?page=3&sort=newest", NoIndex},
		{"sec-ch-ua-platform", `"Linux"`, Index},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", Index},
		{"sec-ch-ua", `"Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138"`, Index},
		{"sec-ch-ua-mobile", "?0", Index},
		{"accept", "application/json, text/plain, */*", Index},
		{"sec-fetch-site", "same-origin", Index},
		{"sec-fetch-mode", "cors", Index},
		{"sec-fetch-dest", "empty", Index},
		{"referer", "https://shop.example.com/products/48213", Index},
		{"accept-encoding", "gzip, deflate, br, zstd", Index},
		{"accept-language", "en-GB,en;q=0.9,de;q=0.8", Index},
		{"cookie", "session=8f14e45fceea167a5a36dedd4bea2543", Index},
		{"cookie", "theme=dark", Index},
		{"priority", "u=1, i", Index},
	}},
	{"HTTP1 names", []sample{
		{":method", "GET", Index},
		{":authority", "shop.example.com", Index},
		{":scheme", "http", Index},
		{":path", "/api/v2/products/48213", NoIndex},
		{"User-Agent", "curl/8.5.0", Index},
		{"Accept", "*/*", Index},
		{"X-Forwarded-For", "192.0.2.17", Index},
		{"X-Forwarded-Proto", "http", Index},
		{"X-Request-Id", "5f1c0c7e-93c5-4c0a-bd0b-5d3c3c1c2f4a", Index},
	}},
	{"all literal", []sample{
		{":path", "/api/v2/products/48213/reviews?page=3&sort=newest", NoIndex},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", NoIndex},
		{"referer", "https://shop.example.com/products/48213", NoIndex},
		{"cookie", "session=8f14e45fceea167a5a36dedd4bea2543", NoIndex},
		{"x-request-id", "5f1c0c7e-93c5-4c0a-bd0b-5d3c3c1c2f4a", NoIndex},
	}},
}

// encode appends a block of fields.
func encode(e *Encoder, dst []byte, names, values [][]byte, fields []sample) []byte {
	dst = e.Begin(dst)
	for i := range fields {
		dst = e.Append(dst, names[i], values[i], fields[i].how)
	}
	return dst
}

func asBytes(fields []sample) (names, values [][]byte) {
	for _, f := range fields {
		names = append(names, []byte(f.name))
		values = append(values, []byte(f.value))
	}
	return names, values
}

// judgeFields are fields as the judge's encoder takes them: it has no literals
// without indexing but sensitive ones.
func judgeFields(fields []sample) (all []judge.HeaderField) {
	for _, f := range fields {
		lower := string(appendLower(nil, []byte(f.name)))
		all = append(all, judge.HeaderField{Name: lower, Value: f.value, Sensitive: f.how != Index})
	}
	return all
}

type counter struct{ fields, bytes int }

func (c *counter) Field(f Field) bool {
	c.fields++
	c.bytes += len(f.Name) + len(f.Value)
	return true
}

func BenchmarkEncode(b *testing.B) {
	for _, s := range samples {
		names, values := asBytes(s.fields)
		b.Run(s.name, func(b *testing.B) {
			e := NewEncoder()
			dst := encode(e, nil, names, values, s.fields)
			b.ReportAllocs()
			for b.Loop() {
				dst = encode(e, dst[:0], names, values, s.fields)
			}
			b.ReportMetric(float64(len(dst)), "bytes")
		})
		b.Run(s.name+"/judge", func(b *testing.B) {
			var dst bytes.Buffer
			e := judge.NewEncoder(&dst)
			fields := judgeFields(s.fields)
			b.ReportAllocs()
			for b.Loop() {
				dst.Reset()
				for _, f := range fields {
					_ = e.WriteField(f)
				}
			}
			b.ReportMetric(float64(dst.Len()), "bytes")
		})
	}
}

// Both decode what our encoder makes of the second and every further request.
func BenchmarkDecode(b *testing.B) {
	for _, s := range samples {
		e := NewEncoder()
		names, values := asBytes(s.fields)
		first := encode(e, nil, names, values, s.fields)
		next := encode(e, nil, names, values, s.fields)
		b.Run(s.name, func(b *testing.B) {
			d := NewDecoder(4096)
			var c counter
			if err := d.Decode(first, &c); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(next, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/judge", func(b *testing.B) {
			var c counter
			d := judge.NewDecoder(4096, func(f judge.HeaderField) {
				c.fields++
				c.bytes += len(f.Name) + len(f.Value)
			})
			if _, err := d.Write(first); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Write(next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The first requests of a connection, with the memory that it comes to hold.
func BenchmarkFirstRequest(b *testing.B) {
	for _, s := range samples[:2] {
		names, values := asBytes(s.fields)
		block := encode(NewEncoder(), nil, names, values, s.fields)
		b.Run(s.name+"/decode", func(b *testing.B) {
			var c counter
			b.ReportAllocs()
			for b.Loop() {
				if err := NewDecoder(4096).Decode(block, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/encode", func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = encode(NewEncoder(), dst[:0], names, values, s.fields)
			}
		})
	}
}

func BenchmarkHuffman(b *testing.B) {
	for _, s := range []string{"998765u", "/helloworld.Greeter/SayHello", samples[3].fields[1].value} {
		code := make([]byte, len(s)+huffmanSlack)
		code = code[:encodeHuffman(code, []byte(s))]
		text := []byte(s)
		name := "bytes=" + strconv.Itoa(len(s))
		b.Run("decode/"+name, func(b *testing.B) {
			dst := make([]byte, 0, huffmanRoom(len(code)))
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				if _, err := decodeHuffman(dst, code); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("encode/"+name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				dst = appendText(dst[:0], text)
			}
		})
	}
}
