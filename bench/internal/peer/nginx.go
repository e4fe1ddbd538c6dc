package peer

import (
	"fmt"
	"strings"
)

// Nginx is nginx as its users set it up for keep-alive to upstreams. The buffers hold a whole answer of 64 KiB, so that none of it is
// written to a file, which with nginx's defaults happens when the client is slower than the backend.
func Nginx() Spec {
	return Spec{"nginx", func(dir string, port, backend int) ([]string, error) {
		return nginx(dir, Workers, fmt.Sprintf(`
  upstream backend { server 127.0.0.1:%d; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:%d reuseport backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_buffers 20 4k;
      proxy_busy_buffers_size 72k;
    }
  }`, backend, port))
	}}
}

// backend is an nginx of one process that answers from memory.
func backend(dir string, port, _ int) ([]string, error) {
	return nginx(dir, 1, fmt.Sprintf(`
  server {
    listen 127.0.0.1:%d reuseport backlog=4096;
    default_type text/plain;
    set $kib "%s";
    location / { return 200 "%s"; }
    location = %s { return 200 "%s"; }
  }`, port, strings.Repeat("0123456789abcdef", 1024/16), strings.Repeat("0123456789abcdef", 256/16), LargePath, strings.Repeat("$kib", 64)))
}

// nginx writes the configuration around the servers that one nginx has.
func nginx(dir string, workers int, servers string) ([]string, error) {
	conf, err := writeFile(dir, "nginx.conf", fmt.Sprintf(`daemon off;
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
`, workers, dir, servers))
	return []string{"nginx", "-p", dir, "-e", "stderr", "-c", conf}, err
}
