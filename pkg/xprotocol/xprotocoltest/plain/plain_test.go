package plain_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

func frames() (fs []xprotocoltest.Frame) {
	for _, m := range plain.Samples() {
		fs = append(fs, xprotocoltest.Frame{
			Name: m.Name, Bytes: m.Bytes(), Kind: m.Kind, ID: m.ID,
			Service: m.Service, Method: m.Method, Timeout: m.Timeout(), Status: m.Status(), Content: m.Content,
		})
	}
	return fs
}

func TestConformance(t *testing.T) { xprotocoltest.Run(t, plain.Spec(), frames()...) }

func FuzzFrames(f *testing.F) { xprotocoltest.Fuzz(f, plain.Spec(), frames()...) }
