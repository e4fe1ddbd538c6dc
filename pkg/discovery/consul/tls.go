package consul

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/weirproxy/weir/pkg/config"
)

// clientTLS makes the settings of TLS to an agent. weir's own certificate is read for
// each connection, so that one that was renewed is used without a restart.
func clientTLS(c *config.ConsulTLS) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkip}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("consul: tls.ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("consul: tls.ca_file: %s holds no certificate", c.CAFile)
		}
	}
	if c.CertFile == "" && c.KeyFile == "" {
		return t, nil
	}
	if c.CertFile == "" || c.KeyFile == "" {
		return nil, errors.New("consul: tls.cert_file and tls.key_file need each other")
	}
	own := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("consul: tls.cert_file: %w", err)
		}
		return &cert, nil
	}
	if _, err := own(); err != nil {
		return nil, err
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own() }
	return t, nil
}
