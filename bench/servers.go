package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// starts is how often tokentab is started to see how long that takes.
const starts = 5

// servers are the processes that are measured.
type servers struct {
	ours, bare *process
}

func (s *servers) stop() error { return errors.Join(s.ours.stop(), s.bare.stop()) }

// startServers starts tokentab on the data, and a bare server whose answers are as long as tokentab's.
func startServers(ctx context.Context, folder, binary, data string, filled secrets, cores cores, out io.Writer) (_ *servers, err error) {
	s := &servers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	good := requestFor(pathValidate, filled.good[0])
	var took []time.Duration
	for i := range starts {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		log := filepath.Join(folder, fmt.Sprintf("tokentab-%d.log", i))
		began := time.Now()
		if s.ours, err = start(ctx, address, log, cores.server(binary, "serve", "--data", data, "--listen", address)); err != nil {
			return nil, err
		}
		if err := s.ours.ready(ctx, good); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		if i < starts-1 {
			if err := s.ours.stop(); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(took)
	fmt.Fprintf(out, "From exec to the first right answer: %.0f ms (median of %d starts).\n", took[starts/2].Seconds()*1000, starts)
	if refused, err := ask(s.ours.address, requestFor(pathValidate, filled.bad[0])); err != nil || refused.status != http.StatusUnauthorized {
		return nil, fmt.Errorf("a bad token was answered %d, not 401 (%w)", refused.status, err)
	}
	s.bare, err = startBare(ctx, folder, s.ours.address, filled.good[0], cores, out)
	return s, err
}

// startBare starts the bare server with bodies that make its whole answers as long as those of tokentab.
func startBare(ctx context.Context, folder, ours, secret string, cores cores, out io.Writer) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	paths := []string{pathValidate, pathPing}
	wanted, body := make([]int, len(paths)), make([]int, len(paths))
	for i, path := range paths {
		a, err := ask(ours, requestFor(path, secret))
		if err != nil || a.status != http.StatusOK {
			return nil, fmt.Errorf("tokentab answered %d to %s (%w)", a.status, path, err)
		}
		wanted[i], body[i] = a.size, a.size/2
	}
	// How much stands around a body is known only after asking, and its length's digits count as well.
	for attempt := 0; ; attempt++ {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		bare, err := start(ctx, address, filepath.Join(folder, fmt.Sprintf("bare-%d.log", attempt)), cores.server(self, "-bare",
			"-bare-address", address, "-bare-validate", strconv.Itoa(body[0]), "-bare-ping", strconv.Itoa(body[1])))
		if err != nil {
			return nil, err
		}
		if err := bare.ready(ctx, requestFor(pathValidate, secret)); err != nil {
			return nil, errors.Join(err, bare.stop())
		}
		fits := true
		for i, path := range paths {
			a, err := ask(address, requestFor(path, secret))
			if err != nil {
				return nil, errors.Join(err, bare.stop())
			}
			fits = fits && a.size == wanted[i]
			body[i] += wanted[i] - a.size
		}
		if fits {
			fmt.Fprintf(out, "On the wire: requests of %d and %d bytes, answers of %d and %d bytes (validate and ping), the same for both servers.\n",
				len(requestFor(pathValidate, secret)), len(requestFor(pathPing, secret)), wanted[0], wanted[1])
			return bare, nil
		}
		if err := bare.stop(); err != nil {
			return nil, err
		}
		if attempt == 3 {
			return nil, errors.New("the bare server's answers can't be made as long as tokentab's")
		}
	}
}

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
