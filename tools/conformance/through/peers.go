package main

import (
	"io"
	"os"
	"os/exec"
)

// peer is one of the suite's programs.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func startPeer(command []string) (*peer, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{cmd, in, out}, cmd.Start()
}

// server passes on what kind of server is wanted, and weir's port in place of its own.
func (w *way) server(p *peer) error {
	request, err := readMessage(os.Stdin)
	if err != nil {
		return err
	}
	version, err := number(request, requestVersion)
	if err != nil {
		return err
	}
	if w.grpcWeb {
		if request, err = setNumber(request, requestProtocol, protocol); err == nil {
			request, err = setNumber(request, requestVersion, http2)
		}
		version = http2
	}
	if err == nil {
		err = writeMessage(p.in, request)
	}
	if err != nil {
		return err
	}
	p.in.Close()
	response, err := readMessage(p.out)
	if err != nil {
		return err
	}
	if response, err = w.redirect(response, responsePort, version); err != nil {
		return err
	}
	return writeMessage(os.Stdout, response)
}

// client passes on the calls that are to be made, to weir's port in place of the
// server's, and what came of them.
func (w *way) client(p *peer) error {
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(os.Stdout, p.out)
		over <- err
	}()
	for {
		request, err := readMessage(os.Stdin)
		if err == io.EOF {
			p.in.Close()
			return <-over
		}
		var version uint64
		if err == nil {
			version, err = number(request, clientVersion)
		}
		if err == nil {
			request, err = w.redirect(request, clientPort, version)
		}
		if err == nil {
			err = writeMessage(p.in, request)
		}
		if err != nil {
			return err
		}
	}
}

// redirect puts the port of a weir in the place of the server's.
func (w *way) redirect(message []byte, field, version uint64) ([]byte, error) {
	server, err := number(message, field)
	if err != nil {
		return nil, err
	}
	port, err := w.before(server, version)
	if err != nil {
		return nil, err
	}
	return setNumber(message, field, port)
}
