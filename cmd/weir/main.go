// Command weir is a multi-protocol RPC mesh proxy.
//
//	weir start -c FILE    run with a configuration; so does weir -c FILE
//	weir stop -c FILE     end the process that runs a configuration
//	weir reload -c FILE   make it load the configuration again
//	weir check -c FILE    tell what is wrong with a configuration
//	weir clusters         show the clusters and hosts of a running weir
//	weir events           show what happened to its hosts
//	weir demo             see it work, with nothing else installed
//	weir version
//
// Start reading at registry.go, which lists what this build is made of, and at
// start.go, the life of the process.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"
	"github.com/panjf2000/ants/v2"
)

// version is set by the linker.
var version = ""

// Exit codes.
const (
	exitFailed = 1 // it could not start, or the configuration is wrong
	exitUsage  = 2
	exitCut    = 3 // the drain ran out of time and cut requests off
	exitPanics = 4 // it ended itself after too many panics
)

type commands struct {
	Start    startCommand    `cmd:"" default:"withargs" help:"Run with a configuration. It is what weir does without a command."`
	Stop     stopCommand     `cmd:"" help:"End the weir that runs a configuration, and wait for its end."`
	Reload   reloadCommand   `cmd:"" help:"Make the weir that runs a configuration load it again."`
	Check    checkCommand    `cmd:"" help:"Tell what is wrong with a configuration, and open nothing."`
	Clusters clustersCommand `cmd:"" help:"Show the clusters and hosts of a running weir."`
	Events   eventsCommand   `cmd:"" help:"Show what happened to the hosts of a running weir."`
	Demo     demoCommand     `cmd:"" help:"See it work, with nothing else installed."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	PrintVersion kong.VersionFlag `name:"version" short:"v" help:"Print the version."`
}

func main() {
	ants.Release() // the default pool that importing the package starts
	var c commands
	parser := kong.Must(&c, kong.Name("weir"),
		kong.Description("A multi-protocol RPC mesh proxy. Signals: TERM drains and ends, INT ends, USR1 reopens log files, USR2 and HUP reload the configuration."),
		kong.Vars{"version": "weir " + buildVersion()},
		kong.UsageOnError(),
		kong.Exit(func(code int) {
			if code != 0 {
				code = exitUsage
			}
			os.Exit(code)
		}))
	ctx, err := parser.Parse(spelled(os.Args[1:]))
	parser.FatalIfErrorf(err)
	if err := ctx.Run(); err != nil {
		code := exitFailed
		if e := exitError(0); errors.As(err, &e) {
			code = int(e)
		} else {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}
}

// exitError ends the program with a code, all having been said.
type exitError int

// Error names the code.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("weir", buildVersion())
	return nil
}

// buildVersion is the linker's version, or what the Go toolchain knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
