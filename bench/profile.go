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
	"syscall"

	cli "tokentab/backend/command"
)

// profiles is where profiles are written, to be looked at with go tool pprof.
const profiles = "bin"

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

// profile loads tokentab and the bare server with hot tokens, one after the other, while each writes a profile.
func (s *stage) profile(ctx context.Context, l *load, set settings) ([]spent, error) {
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
	var all []spent
	for _, server := range []string{ours, bare} {
		p, err := s.start(ctx, start[server])
		if err != nil {
			return nil, err
		}
		requests, err := l.driveFor(ctx, hotTokens, p, set.seconds)
		if err := errors.Join(err, p.stop()); err != nil {
			return nil, err
		}
		on, err := spentOn(ctx, file[server], requests)
		if err != nil {
			return nil, err
		}
		all = append(all, spent{server, file[server], on})
	}
	return all, nil
}

// driveFor waits for a server, warms it up, and returns how many requests it answered in some seconds of its profile.
func (l *load) driveFor(ctx context.Context, r row, p *process, seconds int) (requests int, err error) {
	if err := p.ready(ctx, r.traffic.first()); err != nil {
		return 0, err
	}
	if _, err := l.drive(ctx, r, p, 1); err != nil {
		return 0, err
	}
	if err := p.signal(takeProfile); err != nil {
		return 0, err
	}
	measured, err := l.drive(ctx, r, p, seconds)
	return measured.requests, errors.Join(err, p.signal(takeProfile))
}
