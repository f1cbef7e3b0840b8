package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"

	cli "tokentab/backend/command"
)

// profiles is where profiles are written, to be looked at with go tool pprof.
const profiles = "bin"

// profiled does what it is given and writes where its processor time went; without a file it only does it. The shipped
// program has no such door, so the bench itself serves while it is profiled.
func profiled(file string, do func() error) (err error) {
	if file == "" {
		return do()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
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

// driveFor waits for a server, loads it twice, the second time for some seconds, and returns how many requests it
// answered in all.
func (l *load) driveFor(ctx context.Context, r row, p *process, seconds int) (requests int, err error) {
	if err := p.ready(ctx, r.traffic.first()); err != nil {
		return 0, err
	}
	for _, seconds := range []int{1, seconds} {
		measured, err := l.drive(ctx, r, p, seconds)
		if err != nil {
			return 0, err
		}
		requests += measured.requests
	}
	return requests, nil
}
