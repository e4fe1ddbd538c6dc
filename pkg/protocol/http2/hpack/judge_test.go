package hpack

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	judge "golang.org/x/net/http2/hpack"
)

// judged decodes a block with the judge.
func judged(d *judge.Decoder, block []byte) (fields []string, err error) {
	d.SetEmitFunc(func(f judge.HeaderField) {
		fields = append(fields, line(Field{Name: []byte(f.Name), Value: []byte(f.Value), Sensitive: f.Sensitive}))
	})
	if _, err = d.Write(block); err == nil {
		err = d.Close()
	}
	return fields, err
}

// input is what a fuzz function draws its decisions from; zeroes follow its end.
type input []byte

func (in *input) byte() byte {
	if len(*in) == 0 {
		return 0
	}
	c := (*in)[0]
	*in = (*in)[1:]
	return c
}

func (in *input) bytes(n int) []byte {
	n = min(n, len(*in))
	b := (*in)[:n]
	*in = (*in)[n:]
	return b
}

// checkTable checks a table against itself and its bounds.
func checkTable(t *testing.T, d *table) {
	t.Helper()
	var size uint32
	for i := range d.n {
		e := d.at(i)
		size += uint32(len(d.name(e))+len(d.value(e))) + overhead
	}
	if size != d.size || size > d.max {
		t.Fatalf("entries of %d bytes, counted as %d, of at most %d", size, d.size, d.max)
	}
	if cap(d.bytes) > 65536 || len(d.ring) > 2048 {
		t.Fatalf("%d bytes and %d entries of memory", cap(d.bytes), len(d.ring))
	}
}

// FuzzDecode decodes the same blocks with the judge. The first byte says which
// table size is announced, then come the blocks, each behind its length.
func FuzzDecode(f *testing.F) {
	for i, c := range rfcExamples {
		seed := []byte{byte(i)}
		for _, b := range c.blocks {
			raw := unhex(f, b.block)
			seed = append(append(seed, byte(len(raw))), raw...)
		}
		f.Add(seed)
	}
	for _, s := range []string{
		"20 82", "3fe11f 82", "20 3f45 400161 0162 be", "3fe1ff03 be", "82 20", "ff80808000", "400161 81 18",
		"0085 fffffffc 0000", "7f00 0161", "400161 0162 7e 0163 bf 3f45",
	} {
		raw := unhex(f, s)
		f.Add(append([]byte{1, byte(len(raw))}, raw...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := input(data)
		limit := []uint32{4096, 65536}[in.byte()%2]
		d := NewDecoder(limit)
		theirs := judge.NewDecoder(4096, nil)
		theirs.SetAllowedMaxDynamicTableSize(limit)
		for len(in) > 0 {
			block := in.bytes(int(in.byte()))
			var got list
			err := d.Decode(block, &got)
			want, wantErr := judged(theirs, block)
			if (err != nil) != (wantErr != nil) {
				if knownDifference(err, wantErr) {
					return
				}
				t.Fatalf("%x: %v, want %v", block, err, wantErr)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(want, got.fields); diff != "" {
				t.Fatalf("%x (-want +got):\n%s", block, diff)
			}
			checkTable(t, &d.dynamic)
		}
		// Both know the same entries, and no more.
		for i := range d.dynamic.n + 1 {
			block := appendInteger(nil, 0x80, 0x7f, firstDynamic+i)
			var got list
			err := d.Decode(block, &got)
			want, wantErr := judged(theirs, block)
			if (err != nil) != (wantErr != nil) || err == nil && want[0] != got.fields[0] {
				t.Fatalf("entry %d of %d: %v, %v; want %v, %v", i, d.dynamic.n, got.fields, err, want, wantErr)
			}
		}
	})
}

// knownDifference tells where the judge judges by other rules: it takes size updates
// anywhere while its table is empty, one otherwise; and integers with any number of
// needless zeroes.
func knownDifference(err, wantErr error) bool {
	if err == nil {
		return strings.Contains(wantErr.Error(), "MUST occur at the beginning")
	}
	return errors.Is(err, ErrUpdatePlace) || errors.Is(err, ErrInteger)
}

// drawn is a field that a fuzz function drew.
type drawn struct {
	name, value []byte
	how         Indexing
}

func drawField(in *input) drawn {
	names := []string{
		":path", ":status", ":method", "content-type", "Content-Type", "user-agent", "x-request-id", "X-REQUEST-ID", "te",
		"a-long-name-of-more-than-eight-bytes", "A-Long-Name-Of-More-Than-Eight-Bytes", "", "x", "~~~~",
	}
	values := []string{"", "/", "200", "204", "POST", "application/grpc", "trailers", strings.Repeat("v", 100), strings.Repeat("~", 700)}
	f := drawn{how: Indexing(in.byte() % 8)}
	if f.how > Never {
		f.how = Index
	}
	if i := int(in.byte()); i < 8*len(names) {
		f.name = []byte(names[i%len(names)])
	} else {
		f.name = in.bytes(i % 40)
	}
	if i := int(in.byte()); i < 16*len(values) {
		f.value = []byte(values[i%len(values)])
	} else {
		f.value = in.bytes(i % 80)
	}
	return f
}

// FuzzRoundTrip sends blocks from our encoder to the judge's decoder and to ours,
// and from the judge's encoder to our decoder, over tables that change their sizes
// between blocks.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x03\x00\x01\x01\x00\x02\x02\x01\x03\x03\x00\x03\x00\x01\x01\x00\x02\x02\x01\x03\x03\x00"))
	f.Add(bytes.Repeat([]byte("\x05\x00\x06\xf8abcdefgh\x00\x09\x07\x00\x0a\x07\x02\x03\x01\x01\x03\x01"), 30))
	f.Add(bytes.Repeat([]byte("\x81\x10\x02\x00\x06\xf8abc\x00\x0a\x08"), 30))
	f.Add(bytes.Repeat([]byte("\x82\x00\xff\x01\x00\x06\x05\x40\x04\x00\x07\x07"), 30))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := input(data)
		ours, own, theirs := NewEncoder(), NewDecoder(4096), judge.NewDecoder(4096, nil)
		var buf bytes.Buffer
		theirEncoder, reverse := judge.NewEncoder(&buf), NewDecoder(4096)
		for len(in) > 0 {
			head := in.byte()
			for range head >> 7 * (1 + head&1) {
				n := uint32(in.byte()) << 5
				ours.SetMaxTable(n)
				theirEncoder.SetMaxDynamicTableSize(min(n, 4096))
			}
			dst := ours.Begin(nil)
			buf.Reset()
			var want []string
			for range head & 0x1f {
				field := drawField(&in)
				dst = ours.Append(dst, field.name, field.value, field.how)
				name := appendLower(nil, field.name)
				want = append(want, line(Field{Name: name, Value: field.value, Sensitive: field.how == Never}))
				_ = theirEncoder.WriteField(judge.HeaderField{Name: string(name), Value: string(field.value), Sensitive: field.how == Never})
			}
			byJudge, err := judged(theirs, dst)
			compare(t, "our encoder, their decoder", dst, want, byJudge, err)
			var got list
			err = own.Decode(dst, &got)
			compare(t, "our encoder, our decoder", dst, want, got.fields, err)
			got = list{}
			err = reverse.Decode(buf.Bytes(), &got)
			compare(t, "their encoder, our decoder", buf.Bytes(), want, got.fields, err)
			if diff := cmp.Diff(entries(&ours.dynamic), entries(&own.dynamic)); diff != "" {
				t.Fatalf("table (-encoder +decoder):\n%s", diff)
			}
			checkTable(t, &ours.dynamic)
		}
	})
}

func compare(t *testing.T, who string, block []byte, want, got []string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %x: %v", who, block, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: %x (-want +got):\n%s", who, block, diff)
	}
}

// Many connections' worth of ordinary requests, with values that come and go.
func TestLongConversation(t *testing.T) {
	e, own, theirs := NewEncoder(), NewDecoder(4096), judge.NewDecoder(4096, nil)
	for i := range 5000 {
		lines := []string{
			":method: POST", fmt.Sprintf(":path: /service/%d", i%7), ":authority: example.com", "content-type: application/grpc",
			fmt.Sprintf("x-request-id: %016x", i*0x9e3779b9), fmt.Sprintf("grpc-timeout: %dm", i%100), fmt.Sprintf("x-shard-%d: %d", i%60, i/300),
		}
		dst := block(e, Index, lines...)
		got, err := judged(theirs, dst)
		compare(t, "their decoder", dst, lines, got, err)
		var l list
		err = own.Decode(dst, &l)
		compare(t, "our decoder", dst, lines, l.fields, err)
	}
	if e.dynamic.seq < 300 {
		t.Errorf("only %d entries were made", e.dynamic.seq)
	}
}
