// Package config is weir's configuration: MOSN's JSON schema, in JSON or YAML, loaded strictly and with exact positions.
//
// Start reading at Load (load.go). A file goes through four steps, each in files of its own:
//
//   - a text becomes a tree of Nodes that know their line and column (json.go, yaml.go, node.go);
//   - the tree is decoded into the structs of types_*.go (decode.go), over the defaults of defaults.go;
//   - what one key cannot say alone is checked across the whole (validate_*.go);
//   - every problem found on the way is collected in a Report (report.go), so that one run names all of them.
//
// Keys match without regard to case. A key that nobody defines is an error. A key that MOSN defines and weir does not use is a
// blank field of its struct, tagged `ignored:"key: reason"` (weir does not need it) or `later:"key: what"` (weir does not have it
// yet), and is warned about. The field comments of types_*.go are the reference of the configuration: configs/README.md is made from them.
//
// What is said about protocols is theirs to decode (protocols.go): the loader knows their names, and which object is whose.
//
// A Config is read-only once loaded, and may be shared between goroutines.
package config
