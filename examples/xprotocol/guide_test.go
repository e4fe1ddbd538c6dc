package main_test

import (
	"os"
	"strings"
	"testing"
)

// TestGuideIsCompiled holds the code in the author's guide against the example that
// it is taken from.
func TestGuideIsCompiled(t *testing.T) {
	var code string
	for _, name := range []string{"main.go", "memo/memo.go", "memo/memo_test.go", "remoting/remoting.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code += string(b)
	}
	guide, err := os.ReadFile("../../docs/xprotocol.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(code, block) {
			t.Errorf("this is not in the example:\n%s", block)
		}
	}
	if len(blocks) == 0 {
		t.Error("the guide shows no code")
	}
}

// TestCodecIsSmall holds the README to its word.
func TestCodecIsSmall(t *testing.T) {
	b, err := os.ReadFile("memo/memo.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "\n"); n > 150 {
		t.Errorf("the codec has %d lines", n)
	}
}
