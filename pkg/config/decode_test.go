package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ignoreSources compares what configurations say, not where they say it.
func ignoreSources() cmp.Option { return cmpopts.IgnoreTypes(Source{}) }

type colour string

func (colour) Values() []string { return []string{"Red", "Green"} }

// filterConfig is what a filter's package might declare.
type filterConfig struct {
	Source
	Percentage float64           `json:"percentage" min:"0" max:"100"`
	Delay      time.Duration     `json:"fixed_delay"`
	Colour     colour            `json:"colour"`
	Names      []string          `json:"names"`
	Labels     map[string]string `json:"labels"`
	Inner      *innerConfig      `json:"inner"`
	Count      int8              `json:"count"`
	Free       *Node             `json:"free"`

	_ struct{} `later:"soon: the next release"`
}

type innerConfig struct {
	Status int `json:"status"`
}

func (c *filterConfig) SetDefaults() { c.Percentage, c.Names = 50, []string{"default"} }
func (c *innerConfig) SetDefaults()  { c.Status = 503 }

func TestDecodeInto(t *testing.T) {
	tests := []struct {
		name, text string
		want       filterConfig
	}{
		{"an empty object has the defaults", `{}`, filterConfig{Percentage: 50, Names: []string{"default"}}},
		{"null is not given", `{"percentage": null, "names": null}`, filterConfig{Percentage: 50, Names: []string{"default"}}},
		{"a zero is given", `{"percentage": 0, "names": []}`, filterConfig{Names: []string{}}},
		{"keys and values of a set do not mind case", `{"PerCentage": 1, "COLOUR": "gREEN", "Names": ["a"]}`,
			filterConfig{Percentage: 1, Colour: "Green", Names: []string{"a"}}},
		{"durations", `{"fixed_delay": "1m0.5s", "percentage": 1e1}`,
			filterConfig{Percentage: 10, Delay: 60500 * time.Millisecond, Names: []string{"default"}}},
		{"a pointer inside has its own defaults", `{"inner": {}, "count": -128}`,
			filterConfig{Percentage: 50, Names: []string{"default"}, Inner: &innerConfig{Status: 503}, Count: -128}},
		{"labels that differ in case are two", `{"labels": {"a": "1", "A": "2"}}`,
			filterConfig{Percentage: 50, Names: []string{"default"}, Labels: map[string]string{"a": "1", "A": "2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got filterConfig
			if err := mustParse(t, "a.json", tt.text).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, ignoreSources(), cmpopts.IgnoreUnexported(filterConfig{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeIntoRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{`[]`, `a.json:1:1: must be an object, is a list`},
		{`{"fixed_dely": 1}`, `a.json:1:2: fixed_dely: unknown key (did you mean "fixed_delay"?)`},
		{`{"private": 1}`, `a.json:1:2: private: unknown key`},
		{`{"names": [1]}`, `a.json:1:12: names[0]: must be a string, is a number (put it in quotes)`},
		{`{"names": [null]}`, `a.json:1:12: names[0]: is null`},
		{`{"names": "a"}`, `a.json:1:11: names: must be a list, is a string`},
		{`{"labels": {"a.b": {}}}`, `a.json:1:20: labels."a.b": must be a string, is an object`},
		{`{"labels": []}`, `a.json:1:12: labels: must be an object, is a list`},
		{`{"percentage": 100.5}`, `a.json:1:16: percentage: must be from 0 to 100, is 100.5`},
		{`{"percentage": 1e999}`, `a.json:1:16: percentage: the number 1e999 is out of range`},
		{`{"percentage": "1"}`, `a.json:1:16: percentage: must be a number, is a string`},
		{`{"count": 128}`, `a.json:1:11: count: the number 128 is out of range`},
		{`{"count": 1.0}`, `a.json:1:11: count: must be a whole number, is 1.0`},
		{`{"colour": "rde"}`, `a.json:1:12: colour: "rde" is not one of Red, Green (did you mean "Red"?)`},
		{`{"fixed_delay": 5}`, `a.json:1:17: fixed_delay: a duration needs a unit (write "5s" for seconds)`},
		{`{"fixed_delay": true}`, `a.json:1:17: fixed_delay: must be a string, is a boolean (put it in quotes)`},
		{`{"fixed_delay": "-1s"}`, `a.json:1:17: fixed_delay: a duration must not be negative, is -1s`},
		{`{"inner": {"statsu": 1}}`, `a.json:1:12: inner.statsu: unknown key (did you mean "status"?)`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var c filterConfig
			err := mustParse(t, "a.json", tt.text).Decode(&c)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeIntoWarnsAndPlaces(t *testing.T) {
	var c filterConfig
	var r Report
	n := mustParse(t, "a.json", "{\"soon\": 1,\n \"free\": {\"x\": [1]},\n \"Colour\": \"red\"}")
	n.DecodeInto(&c, &r)
	if got, want := r.Problems().Error(), "a.json:1:2: soon: warning: not there yet: the next release"; got != want || r.Err() != nil {
		t.Errorf("got %q, error %v, want %q and no error", got, r.Err(), want)
	}
	if got := c.Free.Get("X").Items()[0].Path(); got != "free.x[0]" {
		t.Errorf("a free value does not know its path: %q", got)
	}
	r.Errorf(c.At("colour"), "too red")
	r.Errorf(c.At("fixed_delay"), "missing")
	want := "a.json:1:1: missing\na.json:1:2: soon: warning: not there yet: the next release\na.json:3:12: Colour: too red"
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestNilNode(t *testing.T) {
	var n *Node
	var c filterConfig
	if err := n.Decode(&c); err != nil || c.Percentage != 50 {
		t.Errorf("a nil node must set the defaults: %v, %+v", err, c)
	}
	if n.Kind() != Null || n.Path() != "" || n.Get("a") != nil || n.Text() != "" || n.Members() != nil || n.Items() != nil {
		t.Error("a nil node must be like a null without a place")
	}
	var r Report
	r.Errorf(Source{}.At("x"), "wrong")
	if got := r.Problems().Error(); got != "wrong" {
		t.Errorf("a problem without a place: %q", got)
	}
}

func TestNodeEqual(t *testing.T) {
	const base = `{"a": [1, "x", true, null], "b": {"c": {}}}`
	n := mustParse(t, "a.json", base)
	if !n.Equal(mustParse(t, "b.json", "{\n\"b\": {\"c\": {}}, \"a\": [1,\"x\",true,null]}")) {
		t.Error("the same value, written differently, must be equal")
	}
	for _, other := range []string{
		`{"a": [1, "x", true], "b": {"c": {}}}`, `{"a": ["1", "x", true, null], "b": {"c": {}}}`,
		`{"a": [1, "x", true, null]}`, `{"a": [1, "x", true, null], "b": {"c": []}}`, `{"A": [1, "x", true, null], "b": {"c": {}}}`, `null`,
	} {
		if o := mustParse(t, "b.json", other); n.Equal(o) || o.Equal(n) {
			t.Errorf("%s must differ from %s", other, base)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"address", "access_logs", "name", "type"}
	tests := []struct{ written, want string }{
		{"adress", "address"}, {"ADDRES", "address"}, {"acces_log", "access_logs"}, {"nmae", "name"}, {"tpye", "type"},
		{"zebra", ""}, {"", ""}, {"x", ""}, {strings.Repeat("address", 20), ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.written, names); got != tt.want {
			t.Errorf("nearest to %q is %q, want %q", tt.written, got, tt.want)
		}
	}
	if got := DidYouMean("nam", names); got != `did you mean "name"?` {
		t.Errorf("hint %q", got)
	}
}
