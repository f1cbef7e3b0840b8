package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"time"
)

// answered is what a raw connection saw of an answer.
type answered struct {
	status int
	size   int // bytes on the wire, headers and body
}

// ask sends one request over a connection of its own.
func ask(address, request string) (answered, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return answered{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return answered{}, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return answered{}, err
	}
	var wire bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &wire))
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return answered{}, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return answered{}, err
	}
	return answered{status: response.StatusCode, size: wire.Len() - reader.Buffered()}, response.Body.Close()
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
