package race

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// PrintPlace says what is measured where: the figures of another machine, or of other versions, are others. versions are the commands
// that print those of weir's peers and of the tools.
func (o Options) PrintPlace(ctx context.Context, w io.Writer, versions ...[]string) error {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "- machine: %d cores, %s, Linux %s\n", runtime.NumCPU(), processor(), strings.TrimSpace(string(kernel)))
	if busy, err := os.ReadFile("/proc/loadavg"); err == nil {
		one, _, _ := strings.Cut(string(busy), " ")
		fmt.Fprintf(w, "- load average before the run: %s\n", one)
	}
	if o.StandIn {
		fmt.Fprintln(w, "- weir: **not measured; a second run of a peer stands in for it**")
	} else {
		versions = append([][]string{{o.Weir, "version"}}, versions...)
	}
	for _, argv := range versions {
		// wrk exits with 1 after printing its version, so only a program that does not start is an error.
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
		if len(out) == 0 && err != nil {
			return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		fmt.Fprintln(w, "-", line)
	}
	return nil
}

// processor is the model's name, if the kernel tells it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
