package protocol

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/detection.md anew")

const document = "../../docs/detection.md"

// TestDocumentation keeps the tables of docs/detection.md in step with the code.
func TestDocumentation(t *testing.T) {
	have, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := fill(t, string(have), "signatures", signatureTable(t))
	want = fill(t, want, "meetings", meetingTable())
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := cmp.Diff(want, string(have)); d != "" {
		t.Errorf("docs/detection.md differs (-want +have); -update writes it:\n%s", d)
	}
}

// fill puts a table between the comments that mark its place in a text.
func fill(t *testing.T, text, mark, table string) string {
	place := regexp.MustCompile(`(?s)(<!-- ` + mark + `:[^\n]*-->\n).*?(<!-- end -->)`)
	at := place.FindStringSubmatchIndex(text)
	if at == nil {
		t.Fatalf("there is no place for the %s", mark)
	}
	return text[:at[3]] + "\n" + table + "\n" + text[at[4]:]
}

func signatureTable(t *testing.T) string {
	begins := map[string][]string{}
	for _, s := range samples() {
		begins[s.name] = s.begins
	}
	out := "| protocol | first bytes | decided at |\n|---|---|---|\n"
	for _, s := range every() {
		if s.Pattern == "" {
			out += fmt.Sprintf("| %s | none | never |\n", s.Name)
			continue
		}
		first, last := MaxSignature, 0
		for _, b := range begins[s.Name] {
			_, at := verdicts(t, s.Match, b)
			first, last = min(first, at), max(last, at)
		}
		decided := fmt.Sprint(last)
		if first != last {
			decided = fmt.Sprintf("%d-%d", first, last)
		}
		out += fmt.Sprintf("| %s | `%s` | %s |\n", s.Name, s.Pattern, decided)
	}
	return out
}

func meetingTable() string {
	out := "| between | first bytes | means | decided at |\n|---|---|---|---|\n"
	for _, m := range meetings {
		shown := fmt.Sprintf("% x", m.bytes[:m.at])
		if quoted := strconv.QuoteToASCII(m.bytes[:m.at]); !strings.Contains(quoted, `\x`) && !strings.Contains(quoted, `\u`) {
			shown = quoted
		}
		out += fmt.Sprintf("| %s | `%s` | %s | %d |\n", strings.ReplaceAll(m.between, "|", ", "), shown, m.want, m.at)
	}
	return out
}
