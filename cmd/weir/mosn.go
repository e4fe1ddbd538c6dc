package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/weirproxy/weir/pkg/server"
)

// mosnConfig is where MOSN looks for its configuration if nobody says where it is.
const mosnConfig = "configs/mosn_config.json"

// mosnGroup is the group of the flags without effect.
const mosnGroup = "mosn"

// mosnFlags are the flags that MOSN, or the Istio that starts it, has and weir has no
// use for. They are taken, so that what starts the one starts the other.
type mosnFlags struct {
	ServiceCluster  string   `short:"s" hidden:"" group:"mosn"`
	ServiceNode     string   `short:"n" hidden:"" group:"mosn"`
	ServiceType     string   `short:"p" hidden:"" group:"mosn"`
	ServiceMeta     []string `aliases:"sm" hidden:"" group:"mosn"`
	ServiceLables   []string `aliases:"sl" hidden:"" group:"mosn"`
	ClusterDomain   []string `aliases:"domain" hidden:"" group:"mosn"`
	FeatureGates    string   `short:"f" hidden:"" group:"mosn"`
	PodNamespace    string   `aliases:"pns" hidden:"" group:"mosn"`
	PodName         string   `aliases:"pn" hidden:"" group:"mosn"`
	PodIP           string   `name:"pod-ip" aliases:"pi" hidden:"" group:"mosn"`
	LogFormat       string   `aliases:"lf" hidden:"" group:"mosn"`
	ComponentLog    []string `name:"component-log-level" aliases:"lc" hidden:"" group:"mosn"`
	IPVersion       string   `name:"local-address-ip-version" hidden:"" group:"mosn"`
	RestartEpoch    int      `hidden:"" group:"mosn"`
	DrainTime       int      `name:"drain-time-s" hidden:"" group:"mosn"`
	ParentShutdown  string   `name:"parent-shutdown-time-s" hidden:"" group:"mosn"`
	MaxObjNameLen   int      `hidden:"" group:"mosn"`
	Concurrency     int      `hidden:"" group:"mosn"`
	LogFormatPrefix int      `name:"log-format-prefix-with-location" hidden:"" group:"mosn"`
	BootstrapVers   int      `name:"bootstrap-version" hidden:"" group:"mosn"`
	DrainStrategy   string   `hidden:"" group:"mosn"`
	DisableHot      bool     `name:"disable-hot-restart" hidden:"" group:"mosn"`
}

// withoutEffect returns the flags of MOSN's that are given.
func withoutEffect(flags []*kong.Flag) []string {
	var all []string
	for _, f := range flags {
		if f.Set && f.Group != nil && f.Group.Key == mosnGroup {
			all = append(all, "--"+f.Name)
		}
	}
	return all
}

// unknownGates returns the names of feature gates that MOSN has not: there, they end
// the start.
func (f *mosnFlags) unknownGates() []string {
	known := []string{"auto_config", "XdsMtlsEnable", "PayLoadLimitEnable", "MultiTenantMode"}
	var all []string
	for gate := range strings.SplitSeq(f.FeatureGates, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(gate), "=")
		if name != "" && !slices.Contains(known, name) {
			all = append(all, name)
		}
	}
	return all
}

// mosnLevel returns a log level by MOSN's flag and environment, nil if it is none of
// those. Nothing is as severe as what is logged with off.
func mosnLevel(name string) *slog.Level {
	levels := map[string]slog.Level{
		"trace": slog.LevelDebug - 4, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn,
		"error": slog.LevelError, "critical": slog.LevelError, "off": server.LevelOff,
	}
	if l, ok := levels[strings.ToLower(name)]; ok {
		return &l
	}
	return nil
}

// configOr returns the path of the configuration: what is given, or else where MOSN
// looks for it.
func configOr(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if _, err := os.Stat(mosnConfig); err != nil {
		fmt.Fprintf(os.Stderr, "weir: no configuration: give one with --config=FILE or in $MOSN_CONFIG (and there is no %s); weir --help lists the commands\n", mosnConfig)
		return "", exitError(exitUsage)
	}
	return mosnConfig, nil
}

// spelled returns arguments with two dashes before the long names that MOSN takes
// with one.
func spelled(args []string) []string {
	long := []string{
		"config", "service-cluster", "service-node", "service-type", "service-meta", "sm", "service-lables", "sl", "cluster-domain", "domain",
		"feature-gates", "pod-namespace", "pns", "pod-name", "pn", "pod-ip", "pi", "log-level", "log-format", "lf", "component-log-level", "lc",
		"local-address-ip-version", "restart-epoch", "drain-time-s", "parent-shutdown-time-s", "max-obj-name-len", "concurrency",
		"log-format-prefix-with-location", "bootstrap-version", "drain-strategy", "disable-hot-restart", "version", "help",
	}
	all := slices.Clone(args)
	for i, arg := range all {
		if arg == "--" {
			break
		}
		name, ok := strings.CutPrefix(arg, "-")
		name, _, _ = strings.Cut(name, "=")
		if ok && slices.Contains(long, name) {
			all[i] = "-" + arg
		}
	}
	return all
}
