package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/standard"
)

type checkCommand struct {
	Config string `short:"c" required:"" env:"MOSN_CONFIG" placeholder:"FILE" help:"Configuration, JSON or YAML."`
}

// Run tells all that is wrong with a configuration.
func (c *checkCommand) Run() error {
	report, err := standard.Registry().Check(c.Config)
	problems := report.Problems()
	printProblems(problems)
	if err != nil {
		failed := 0
		for _, p := range problems {
			if p.Severity == config.Error {
				failed++
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", c.Config, count(failed, "error"))
		return exitError(exitFailed)
	}
	fmt.Printf("%s: ok\n", c.Config)
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printProblems(problems config.Problems) {
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
}

// configError says that a configuration is wrong, problem by problem.
func configError(err error) error {
	var problems config.Problems
	if errors.As(err, &problems) {
		printProblems(problems)
		return exitError(exitFailed)
	}
	return err
}
