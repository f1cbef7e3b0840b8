package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// starts is how often tokentab is started to see how long that takes.
const starts = 5

// stage starts servers, all on one core.
type stage struct {
	folder, binary, data string // where everything is, the program, and its data
	tokens               int    // stored
	cores                cores
	out                  io.Writer
	facts                *facts
	running              map[string]*process
	bodies               string // of the bare server
	started              int
}

// open starts the servers that the rows ask, each once. The caller closes the stage, also after an error.
func (s *stage) open(ctx context.Context, rows []row) error {
	if err := s.startOurs(ctx); err != nil {
		return err
	}
	if err := s.startBare(ctx); err != nil {
		return err
	}
	others := map[string]func() error{
		plain:          func() error { return s.startNginx(ctx, plain) },
		checking:       func() error { return s.startNginx(ctx, checking) },
		checkingSocket: func() error { return s.startNginx(ctx, checkingSocket) },
		pocketBase:     func() error { return s.startPocketBase(ctx) },
		betterAuth:     func() error { return s.startBetterAuth(ctx) },
	}
	for _, r := range rows {
		if s.running[r.server] == nil {
			if err := others[r.server](); err != nil {
				return fmt.Errorf("%s: %w", r.server, err)
			}
		}
	}
	return nil
}

// socket is where Tokentab listens besides its address.
func (s *stage) socket() string { return filepath.Join(s.folder, "tokentab.sock") }

// close stops all servers, in no order.
func (s *stage) close() (err error) {
	for _, p := range s.running {
		err = errors.Join(err, p.stop())
	}
	clear(s.running)
	return err
}

// start runs one server on a free address, with a log of its own.
func (s *stage) start(ctx context.Context, args func(address string) []string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.started++
	return start(ctx, address, filepath.Join(s.folder, fmt.Sprintf("server-%d.log", s.started)), s.cores.server(args(address)...))
}

// startOurs starts tokentab several times and keeps the last.
func (s *stage) startOurs(ctx context.Context) error {
	var took []time.Duration
	for i := range starts {
		began := time.Now()
		p, err := s.start(ctx, func(address string) []string {
			return []string{s.binary, "serve", "--data", s.data, "--listen", address, "--socket", s.socket(), "--public-url", publicURL}
		})
		if err != nil {
			return err
		}
		s.running[ours] = p
		if err := p.ready(ctx, get(pathValidate).with(0)); err != nil {
			return err
		}
		took = append(took, time.Since(began))
		if i < starts-1 {
			delete(s.running, ours)
			if err := p.stop(); err != nil {
				return err
			}
		}
	}
	slices.Sort(took)
	s.facts.start, s.facts.memoryAtStart = took[starts/2], s.running[ours].memory()
	fmt.Fprintf(s.out, "From exec to the first right answer: %.0f ms (median of %d starts).\n", milliseconds(s.facts.start), starts)
	for _, path := range []string{pathValidate, pathPing} {
		if a, err := ask(s.running[ours].address, get(path).with(firstBad)); err != nil || a.status != http.StatusUnauthorized {
			return fmt.Errorf("%s answered a bad token %d, not 401 (%v)", path, a.status, err)
		}
	}
	return nil
}

// startBare starts the bare server with bodies that make its whole answers as long as those of tokentab.
func (s *stage) startBare(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	doors := doors(s.tokens)
	wanted, bodies := make([]int, len(doors)), make([]int, len(doors))
	for i, d := range doors {
		a, err := ask(s.running[ours].address, d.traffic.with(0))
		if err != nil || a.status != http.StatusOK {
			return fmt.Errorf("tokentab answered %d to %s (%v)", a.status, d.path, err)
		}
		wanted[i], bodies[i] = a.size, a.size/2
	}
	// How much stands around a body is known only after asking, and its length's digits count as well.
	for range 4 {
		s.bodies = strings.Trim(fmt.Sprint(bodies), "[]")
		p, err := s.start(ctx, func(address string) []string {
			return []string{self, "-bare", "-bare-address", address, "-bare-bodies", s.bodies}
		})
		if err != nil {
			return err
		}
		s.running[bare] = p
		if err := p.ready(ctx, doors[0].traffic.with(0)); err != nil {
			return err
		}
		fits := true
		for i, d := range doors {
			a, err := ask(p.address, d.traffic.with(0))
			if err != nil {
				return err
			}
			fits = fits && a.size == wanted[i]
			bodies[i] += wanted[i] - a.size
		}
		if fits {
			for i, d := range doors {
				fmt.Fprintf(s.out, "%s: requests of %d bytes, answers of %d, the same for both servers.\n", d.path, len(d.traffic.with(0)), wanted[i])
			}
			return nil
		}
		delete(s.running, bare)
		if err := p.stop(); err != nil {
			return err
		}
	}
	return errors.New("the bare server's answers can't be made as long as tokentab's")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
