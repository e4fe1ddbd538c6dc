package config

// hostsFile is a file of hosts that is an object.
type hostsFile struct {
	Source
	Hosts []Host `json:"hosts"`
}

// ParseHosts reads the text of a file of hosts (see HostsFile), as strictly as a configuration: a list of hosts, or an object with
// that list under hosts. It is YAML if the name ends in .yaml or .yml, otherwise JSON. The name is named in problems.
//
// The error is that of the report: not nil means that the text must not be used, and then there are no hosts. The report is never nil.
func ParseHosts(name string, data []byte) ([]Host, *Report, error) {
	r := new(Report)
	root := parseTree(name, data, r)
	if root == nil {
		return nil, r, r.Err()
	}
	var f hostsFile
	switch root.Kind() {
	case List:
		root.DecodeInto(&f.Hosts, r)
	case Object:
		root.DecodeInto(&f, r)
		if root.Get("hosts").Kind() == Null {
			r.Errorf(root, "hosts is missing")
		}
	default:
		r.Errorf(root, "must be a list of hosts, or an object with that list under hosts, is %s", root.Kind())
	}
	v := validator{report: r}
	v.checkHosts(&Cluster{Type: ClusterFile, Hosts: f.Hosts})
	if err := r.Err(); err != nil {
		return nil, r, err
	}
	return f.Hosts, r, nil
}
