package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"syscall"

	cli "tokentab/backend/command"
)

// profiles is where profiles are written, to be looked at with go tool pprof.
const profiles = "bin"

// profileSeconds is how long a profile takes at least: it has a hundred samples a second, of both servers together.
const profileSeconds = 15

// takeProfile has a server that is profiled begin with it, and the second time end.
const takeProfile = syscall.SIGUSR1

// profiled does what it is given and writes where its processor time went between two signals to take a profile; without
// a file it only does it. The shipped program has no such door, so the bench itself serves while it is profiled.
func profiled(file string, do func() error) (err error) {
	if file == "" {
		return do()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	take, done := make(chan os.Signal, 1), make(chan error, 1)
	signal.Notify(take, takeProfile)
	go func() { done <- do() }()
	for _, step := range []func() error{
		func() error { return pprof.StartCPUProfile(out) },
		func() error { pprof.StopCPUProfile(); return nil },
	} {
		select {
		case <-take:
			if err := step(); err != nil {
				return err
			}
		case err := <-done:
			return errors.Join(err, errors.New("ended before its profile was taken"))
		}
	}
	return <-done
}

// serveOurs is tokentab with the arguments of its command line, without its page.
func serveOurs(ctx context.Context, args []string) error {
	std := cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, UI: embed.FS{}}
	if code := cli.Run(ctx, args, std); code != 0 {
		return fmt.Errorf("tokentab ended with %d", code)
	}
	return nil
}

// spent is the processor time of a server, in microseconds for a request, by what it was spent on.
type spent struct {
	server string
	file   string
	on     map[string]float64
}

// profile loads tokentab and the bare server with hot tokens, both at once while each writes a profile: their times are of
// one processor, and what slows that down for a while slows both.
func (s *stage) profile(ctx context.Context, l *load, set settings) (all []spent, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(profiles, 0o755); err != nil {
		return nil, err
	}
	hotTokens := row{server: ours, asked: "hot tokens", traffic: get(pathValidate).only(hot(s.tokens)...)}
	file := map[string]string{ours: filepath.Join(profiles, "validate.prof"), bare: filepath.Join(profiles, "bare.prof")}
	start := map[string]func(address string) []string{
		bare: func(address string) []string {
			return []string{self, "-profile-to", file[bare], "-bare", "-bare-address", address, "-bare-bodies", s.bodies}
		},
		ours: func(address string) []string {
			return []string{self, "-profile-to", file[ours], "-tokentab", "serve", "--data", s.data, "--listen", address, "--public-url", publicURL}
		},
	}
	var servers []*process
	defer func() {
		for _, p := range servers {
			err = errors.Join(err, p.stop())
		}
	}()
	names := []string{ours, bare}
	for _, name := range names {
		p, err := s.start(ctx, start[name])
		if err != nil {
			return nil, err
		}
		servers = append(servers, p)
		if err := p.ready(ctx, hotTokens.traffic.first()); err != nil {
			return nil, err
		}
	}
	if _, err := l.driveAll(ctx, hotTokens, servers, 1); err != nil { // warms up
		return nil, err
	}
	take := func() (err error) {
		for _, p := range servers {
			err = errors.Join(err, p.signal(takeProfile))
		}
		return err
	}
	if err := take(); err != nil {
		return nil, err
	}
	samples, err := l.driveAll(ctx, hotTokens, servers, max(set.seconds, profileSeconds))
	if err := errors.Join(err, take()); err != nil {
		return nil, err
	}
	for i, name := range names {
		p := servers[i]
		servers[i] = nil
		if err := p.stop(); err != nil { // its profile is whole now
			return nil, err
		}
		on, err := spentOn(ctx, file[name], samples[i].requests)
		if err != nil {
			return nil, err
		}
		all = append(all, spent{name, file[name], on})
	}
	return all, nil
}

// driveAll loads several servers at once.
func (l *load) driveAll(ctx context.Context, r row, servers []*process, seconds int) ([]sample, error) {
	samples, errs := make([]sample, len(servers)), make([]error, len(servers))
	var all sync.WaitGroup
	for i, p := range servers {
		all.Go(func() { samples[i], errs[i] = l.drive(ctx, r, p, seconds) })
	}
	all.Wait()
	return samples, errors.Join(errs...)
}
