package transcoder_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/transcoder"
)

func TestMake(t *testing.T) {
	tests := []struct{ config, want, problem string }{
		{`{"type": "httpTohttp2"}`, "Http2", ""},
		{`{"type": "http2Tohttp"}`, "Http1", ""},
		{`{}`, "", "1:1: type is missing: it says which conversion"},
		{``, "", "type is missing: it says which conversion"},
		{`{"type": "httpToHttp3"}`, "", `1:10: type: "httpToHttp3" is not one of httpTohttp2, http2Tohttp (did you mean "httpTohttp2"?)`},
	}
	for _, tt := range tests {
		f, problems := filtertest.TryMake(transcoder.Make, tt.config)
		got := ""
		for _, p := range problems {
			got += p.String()
		}
		if got != tt.problem {
			t.Errorf("%s: %s, want %s", tt.config, got, tt.problem)
		}
		if c, ok := f.(filter.Converter); got == "" && (!ok || c.Converts() != tt.want) {
			t.Errorf("%s makes %v", tt.config, f)
		}
	}
}

// TestChain: what the last of a chain says counts.
func TestChain(t *testing.T) {
	link := func(config string) filter.Link {
		f, _ := filtertest.TryMake(transcoder.Make, config)
		return filter.NewLink("transcoder", f)
	}
	one, two := link(`{"type": "httpTohttp2"}`), link(`{"type": "http2Tohttp"}`)
	if got := (filter.Chain{}).Converts(); got != "" {
		t.Errorf("an empty chain converts to %q", got)
	}
	if got := (filter.Chain{one, two}).Converts(); got != "Http1" {
		t.Errorf("converts to %q", got)
	}
}
