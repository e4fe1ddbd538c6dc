package peer

import (
	"fmt"
	"strings"
)

// Nginx is nginx as its users set it up for keep-alive to upstreams. The buffers hold a whole answer of 64 KiB, so that none of it is
// written to a file, which with nginx's defaults happens when the client is slower than the backend.
func Nginx() Spec {
	return Spec{Name: "nginx", ready: answersHTTP, configure: func(at site) ([]string, error) {
		return nginx(at, Workers, fmt.Sprintf(`
  upstream backend { server %s; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen %s reuseport backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_buffers 20 4k;
      proxy_busy_buffers_size 72k;
    }
  }`, at.hosts[0], at.address))
	}}
}

// Backend is an nginx of one process that answers from memory.
func Backend() Spec {
	return Spec{Name: "backend", ready: answersHTTP, configure: func(at site) ([]string, error) {
		kib, small := strings.Repeat("0123456789abcdef", 1024/16), strings.Repeat("0123456789abcdef", 256/16)
		return nginx(at, 1, fmt.Sprintf(`
  server {
    listen %s reuseport backlog=4096;
    default_type text/plain;
    set $kib "%s";
    location / { return 200 "%s"; }
    location = %s { return 200 "%s"; }
  }`, at.address, kib, small, LargePath, strings.Repeat("$kib", 64)))
	}}
}

// nginx writes the configuration around the servers that one nginx has.
func nginx(at site, workers int, servers string) ([]string, error) {
	conf, err := at.writeFile("nginx.conf", fmt.Sprintf(`daemon off;
worker_processes %d;
worker_rlimit_nofile 20000;
pid %s/pid;
error_log stderr;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path %[2]s/client;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600;%[3]s
}
`, workers, at.dir, servers))
	return []string{"nginx", "-p", at.dir, "-e", "stderr", "-c", conf}, err
}
