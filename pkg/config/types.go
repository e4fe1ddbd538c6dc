package config

import "time"

// Config is a whole configuration file.
type Config struct {
	Source
	// The proxy itself: exactly one entry.
	Servers []Server `json:"servers"`
	// The clusters that routes send requests to.
	ClusterManager ClusterManager `json:"cluster_manager"`
	// The admin interface. Absent: no admin interface is opened.
	Admin *Admin `json:"admin"`
	// Where statistics go, and which of them are kept.
	Metrics Metrics `json:"metrics"`
	// Distributed tracing.
	Tracing Tracing `json:"tracing"`
	// This instance of weir.
	Node NodeConfig `json:"node"`
	// The Consul that clusters, registration and configuration use. Absent: clusters of type CONSUL use the agent at 127.0.0.1:8500.
	Consul Consul `json:"consul"`
	// true: the process does not hand its sockets to a successor. It is what weir does at present, either way.
	DisableUpgrade bool `json:"disable_upgrade"`
	// File that the process writes its number to, for weir stop and weir reload; relative to the configuration file. Absent:
	// ../logs/mosn.pid, if that folder exists; otherwise none is written.
	PID string `json:"pid"`
	// What becomes of keys that neither weir nor MOSN knows: error, or warn (they are ignored, as MOSN does; a key that is spelled wrong
	// is ignored too). It holds for the whole configuration, whatever files it is in.
	UnknownKeys UnknownKeys `json:"unknown_keys"`

	_ struct{} `ignored:"close_graceful: an old name of disable_upgrade"`
	_ struct{} `later:"inherit_old_mosnconfig: taking over a running process"`
	_ struct{} `later:"uds_dir: taking over a running process"`
	_ struct{} `later:"pprof: profiles on a port of their own"`
	_ struct{} `later:"plugin: out-of-process plugins"`
	_ struct{} `later:"third_part_codec: codecs loaded at run time"`
	_ struct{} `later:"extends: extensions (registries, tunnels)"`
	_ struct{} `later:"wasm_global_plugins: WebAssembly filters"`
	_ struct{} `later:"dynamic_resources: configuration by a control plane (xDS)"`
	_ struct{} `later:"static_resources: configuration by a control plane (xDS)"`
	_ struct{} `later:"service_registry: service registries"`
	_ struct{} `ignored:"stream_filters: they are a listener's"`
	_ struct{} `ignored:"layered_runtime, bootstrap_extensions, overload_manager, default_socket_interface, fatal_actions, header_prefix: Envoy's, as Istio writes it; MOSN does not read it either"`
	_ struct{} `ignored:"stats_config, stats_sinks, stats_flush_interval, stats_flush_on_admin, hds_config, flags_path, watchdog, watchdogs: Envoy's, as Istio writes it; MOSN does not read it either"`
}

// UnknownKeys says what becomes of keys that nobody knows.
type UnknownKeys string

// What may become of unknown keys.
const (
	UnknownKeysError UnknownKeys = "error"
	UnknownKeysWarn  UnknownKeys = "warn"
)

// Values lists what may become of unknown keys.
func (UnknownKeys) Values() []string { return []string{"error", "warn"} }

// Server is the one entry of servers[]: process-wide settings, listeners and routers.
type Server struct {
	Source
	// Name of this proxy, as it shows in logs and on the admin interface.
	Name string `json:"mosn_server_name"`
	// File of the process's own log, or stdout or stderr; a relative path starts where weir is started. Nothing waits for it to be written: up to 1 MiB does, and how many lines were lost beyond that is logged.
	LogPath string `json:"default_log_path"`
	// Least severe level logged: FATAL, ERROR, WARN, INFO, DEBUG or TRACE.
	LogLevel LogLevel `json:"default_log_level" other:"INFO"`
	// Rotation of every log file: "size=100,age=7,keep=10,time=24,compress=on" (MiB, days, files, hours), with commas or spaces.
	// Absent: no rotation.
	LogRoller LogRoller `json:"global_log_roller"`
	// How long requests in flight may take to finish once the process is asked to stop. Those that are left are answered in their protocol that the proxy is shutting down, and clients have a second more to take that. 0s means the default.
	GracefulTimeout time.Duration `json:"graceful_timeout"`
	// Number of workers, or "auto" for one per available core.
	Processor Processor `json:"processor"`
	// The sockets that downstream connections arrive on.
	Listeners []Listener `json:"listeners"`
	// The route tables that the proxies of the listeners name.
	Routers []RouterConfig `json:"routers"`

	_ struct{} `ignored:"use_netpoll_mode: every weir connection is served by an event loop"`
	_ struct{} `ignored:"optimize_local_write: a write never changes goroutine in weir"`
	_ struct{} `ignored:"network_filters, stream_filters: a name of MOSN's first versions, which it does not read any more: filters are a listener's"`
}

// LogLevel is a level of the process's own log.
type LogLevel string

// The log levels, most severe first.
const (
	LogFatal LogLevel = "FATAL"
	LogError LogLevel = "ERROR"
	LogWarn  LogLevel = "WARN"
	LogInfo  LogLevel = "INFO"
	LogDebug LogLevel = "DEBUG"
	LogTrace LogLevel = "TRACE"
)

// Values lists the accepted levels.
func (LogLevel) Values() []string {
	return []string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"}
}

// Processor is a number of workers. Zero means one per available core ("auto").
type Processor int

// LogRoller says when a log file is rotated and what is kept. A zero field means without that limit; a zero LogRoller means
// never rotated.
type LogRoller struct {
	MaxSize  int64         // bytes in one file
	MaxAge   time.Duration // age at which a rotated file is removed
	Keep     int           // rotated files kept
	Interval time.Duration // age at which a file is rotated
	Compress bool          // rotated files are gzipped
}

// Admin is the admin interface.
type Admin struct {
	Source
	// Where the admin interface listens.
	Address AdminAddress `json:"address"`

	_ struct{} `ignored:"access_log_path: the admin interface writes no access log"`
}

// AdminAddress wraps the socket address, as MOSN's schema does.
type AdminAddress struct {
	Source
	// The socket address of the admin interface.
	SocketAddress SocketAddress `json:"socket_address"`
}

// SocketAddress is an IP address and a port.
type SocketAddress struct {
	Source
	// IP address, or localhost; an address other than loopback is warned about, because the admin interface asks for no credentials.
	Address string `json:"address"`
	// TCP port; 0 takes any free one.
	Port uint16 `json:"port_value" alias:"text"`

	_ struct{} `ignored:"protocol: the admin interface is HTTP over TCP"`
}

// Metrics says where statistics go and which of them are kept.
type Metrics struct {
	Source
	// Where statistics are published.
	Sinks []Sink `json:"sinks"`
	// Which statistics are left out.
	StatsMatcher StatsMatcher `json:"stats_matcher"`

	_ struct{} `later:"shm_zone: statistics that survive a restart"`
	_ struct{} `later:"shm_size: statistics that survive a restart"`
	_ struct{} `ignored:"flush_mosn: the process's own statistics are always published"`
	_ struct{} `ignored:"lazy_flush: statistics are collected when somebody asks for them"`
	_ struct{} `ignored:"sample: weir keeps whole histograms, not samples"`
	_ struct{} `ignored:"ewma: see lbconfig of a cluster"`
	_ struct{} `ignored:"flush_interval: statistics are collected when somebody asks for them"`
}

// StatsMatcher leaves statistics out.
type StatsMatcher struct {
	Source
	// true: no statistics at all.
	RejectAll bool `json:"reject_all"`
	// Label names whose statistics are left out.
	ExclusionLabels []string `json:"exclusion_labels"`
	// Statistic names that are left out.
	ExclusionKeys []string `json:"exclusion_keys"`
}

// Sink is one place where statistics are published.
type Sink struct {
	Source
	// prometheus.
	Type string `json:"type"`
	// Settings of this type of sink.
	Config *Node `json:"config"`

	// Prometheus is Config decoded, for a sink of type prometheus; otherwise nil.
	Prometheus *PrometheusSink `json:"-"`

	_ struct{} `later:"go_plugin_config: sinks loaded from shared objects"`
}

// PrometheusSink is a page of statistics in Prometheus's text format.
type PrometheusSink struct {
	Source
	// TCP port of the page; 0 serves it on the admin interface only.
	Port uint16 `json:"port"`
	// Path of the page.
	Endpoint string `json:"endpoint"`
	// true: leaves out the statistics of the operating system's process.
	DisableCollectProcess bool `json:"disable_collect_process"`
	// true: leaves out the statistics of the Go runtime.
	DisableCollectGo bool `json:"disable_collect_go"`

	_ struct{} `later:"export_url: pushing statistics"`
	_ struct{} `ignored:"percentiles: times are published as histograms, from which any percentile can be asked"`
}

// Tracing is distributed tracing, which weir does not have yet: enabling it is warned about.
type Tracing struct {
	Source
	// true: asks for tracing.
	Enable bool `json:"enable"`
	// Name of the tracer.
	Driver string `json:"driver"`
	// Settings of the tracer.
	Config *Node `json:"config"`

	_ struct{} `ignored:"tracer, http: old names of driver and its config"`
}
