package peer

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Nghttpx is nghttpx with HTTP/2 on both sides. Its users leave its windows as they are.
func Nghttpx() Spec { return nghttpx("nghttpx") }

// StandInNghttpx is Nghttpx in weir's place.
func StandInNghttpx() Spec { return nghttpx("stand-in") }

func nghttpx(name string) Spec {
	return Spec{Name: name, ready: answersH2, reload: syscall.SIGHUP, configure: func(at site) ([]string, error) {
		// Without a file, it would read one that the package brings.
		conf, err := at.writeFile("nghttpx.conf", "")
		if err != nil {
			return nil, err
		}
		argv := []string{
			"nghttpx", "--conf=" + conf, "-n" + strconv.Itoa(Workers), "-f" + nghttpAddress(at.address) + ";no-tls",
			"--no-via", "--no-add-x-forwarded-proto", "--accesslog-file=/dev/null", "--log-level=ERROR",
		}
		for _, h := range at.hosts {
			argv = append(argv, "-b"+nghttpAddress(h)+";;proto=h2;no-tls")
		}
		return argv, nil
	}}
}

// nghttpAddress is how an address is written with a comma.
func nghttpAddress(address string) string {
	host, port, _ := net.SplitHostPort(address) // it is one that was listened on
	return host + "," + port
}

// Nghttpd is a backend of one thread that answers with a file of 256 bytes.
func Nghttpd() Spec {
	return Spec{Name: "backend", ready: answersH2, configure: func(at site) ([]string, error) {
		root := filepath.Join(at.dir, "root")
		if err := os.MkdirAll(root, 0o755); err != nil {
			return nil, err
		}
		file := site{dir: root}
		if _, err := file.writeFile("index.html", strings.Repeat("0123456789abcdef", 256/16)); err != nil {
			return nil, err
		}
		host, port, err := net.SplitHostPort(at.address)
		return []string{"nghttpd", "--no-tls", "-d", root, "-n", "1", "-a", host, port}, err
	}}
}
