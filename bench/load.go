package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// connections is how many wrk keeps open, each with one request at a time.
	connections = 32
	// connectionsBeside is how many send what is asked beside a row.
	connectionsBeside = 8
	// longest is the time, in seconds, in which a sequence has to end.
	longest = 3600
)

// load drives servers with wrk.
type load struct {
	generator string // path of wrk
	cores     cores
	folder    string // for scripts
	out       io.Writer
	scripts   atomic.Int64
}

// sample is one measurement.
type sample struct {
	requests  int
	perSecond float64
	p50, p99  float64 // milliseconds
	p999      float64
	processor float64 // microseconds of processor time that the server took for a request
	generator float64 // the share of its core that wrk used
}

// result is the samples of a row: one for each round, but one in all for a sequence.
type result struct {
	row
	samples []sample
}

// run measures every row once a round, so that what disturbs the machine for a while disturbs all of them. Sequences
// come first and once; loaded is called after them.
func (l *load) run(ctx context.Context, s settings, rows []row, servers map[string]*process, loaded func()) ([]result, error) {
	results := make([]result, len(rows))
	for i, r := range rows {
		results[i].row = r
		if err := check(r, servers[r.server]); err != nil {
			return nil, err
		}
	}
	// Tokentab goes on writing last uses for a while after it was asked for very many tokens. It stands still while the
	// processor that it shares is measured with others, and is done with what others left before it is measured itself.
	defer func() { _ = servers[ours].signal(syscall.SIGCONT) }()
	for round := range s.rounds {
		for i, r := range rows {
			if r.traffic.sequence > 0 && round > 0 {
				continue
			}
			to := syscall.SIGSTOP
			if r.server == ours || r.server == checking || r.server == checkingSocket {
				to = syscall.SIGCONT
			}
			if err := servers[ours].signal(to); err != nil {
				return nil, err
			}
			if to == syscall.SIGCONT {
				if err := settle(ctx, servers[ours]); err != nil {
					return nil, err
				}
			}
			seconds := s.seconds
			if r.traffic.sequence > 0 {
				seconds = longest
			} else if _, err := l.drive(ctx, r, servers[r.server], 1); err != nil { // warms up
				return nil, err
			}
			measured, err := l.drive(ctx, r, servers[r.server], seconds)
			if err != nil {
				return nil, err
			}
			results[i].samples = append(results[i].samples, measured)
			fmt.Fprintf(l.out, "Round %d of %d: %s: %.0f requests/s.\n", round+1, s.rounds, r.name(), measured.perSecond)
			if r.traffic.sequence > 0 {
				loaded()
			}
		}
	}
	return results, nil
}

// settle waits until a server that is asked for nothing does next to nothing.
func settle(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for quiet, before := 0, p.processorTime(); quiet < 2; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not come to rest: %w", p.cmd, ctx.Err())
		}
		now := p.processorTime()
		if quiet++; now-before > 30*time.Millisecond {
			quiet = 0
		}
		before = now
	}
	return nil
}

// check asks for one answer before a server is loaded.
func check(r row, p *process) error {
	if a, err := ask(p.address, r.traffic.as(p.credential).first()); err != nil || a.status != http.StatusOK {
		return fmt.Errorf("%s was answered %d, not 200 (%v)", r.name(), a.status, err)
	}
	return nil
}

// drive loads a server for some seconds. Any answer that is not expected fails it.
func (l *load) drive(ctx context.Context, r row, p *process, seconds int) (sample, error) {
	expected, err := ask(p.address, r.traffic.as(p.credential).first())
	if err != nil {
		return sample{}, err
	}
	if r.beside != nil {
		stop, err := l.start(ctx, *r.beside, p, seconds+1, connectionsBeside)
		if err != nil {
			return sample{}, err
		}
		defer stop()
	}
	cmd, err := l.command(ctx, r.traffic, p, seconds, connections)
	if err != nil {
		return sample{}, err
	}
	before := p.processorTime()
	output, err := cmd.CombinedOutput()
	took := p.processorTime() - before
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, output)
	}
	m, err := parse(string(output))
	if err != nil {
		return sample{}, err
	}
	wanted := r.refused * float64(m.requests)
	// Requests that were sent but not answered at the end leave the two kinds of answers a little out of step.
	if r.refused > 0 && math.Abs(float64(m.refused)-wanted) > connections || r.refused == 0 && m.refused > 0 {
		return sample{}, fmt.Errorf("%s: %d of %d requests were refused, %.0f had to be", r.name(), m.refused, m.requests, wanted)
	}
	if m.failed > 0 || m.requests == 0 {
		return sample{}, fmt.Errorf("%s: %d requests were answered, %d failed", r.name(), m.requests, m.failed)
	}
	// Answers that were on their way at the end may be counted in bytes alone.
	if r.refused == 0 && math.Abs(float64(m.bytes-m.requests*expected.size)) > float64(connections*expected.size) {
		return sample{}, fmt.Errorf("%s: %d answers had %d bytes, not %d each", r.name(), m.requests, m.bytes, expected.size)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{
		requests: m.requests, perSecond: float64(m.requests) / m.seconds, p50: m.p50 / 1000, p99: m.p99 / 1000, p999: m.p999 / 1000,
		processor: float64(took.Microseconds()) / float64(m.requests), generator: used.Seconds() / m.seconds,
	}, nil
}

// measured is what wrk printed; latencies in microseconds.
type measured struct {
	requests, bytes, refused, failed int
	seconds, p50, p99, p999          float64
}

func parse(output string) (m measured, err error) {
	_, line, _ := strings.Cut(output, "\nmeasured ")
	var microseconds float64
	if _, err := fmt.Sscan(line, &m.requests, &microseconds, &m.bytes, &m.refused, &m.failed, &m.p50, &m.p99, &m.p999); err != nil {
		return m, fmt.Errorf("wrk printed what can't be read: %w: %s", err, output)
	}
	m.seconds = microseconds / 1e6
	return m, nil
}

// command is wrk with a script of its own.
func (l *load) command(ctx context.Context, t traffic, p *process, seconds, connections int) (*exec.Cmd, error) {
	script := filepath.Join(l.folder, fmt.Sprintf("load-%d.lua", l.scripts.Add(1)))
	if err := os.WriteFile(script, []byte(t.as(p.credential).script(time.Now().UnixNano())), 0o600); err != nil {
		return nil, err
	}
	args := l.cores.generator(l.generator, "--threads", "1", "--connections", strconv.Itoa(connections),
		"--duration", strconv.Itoa(seconds)+"s", "--timeout", "5s", "--script", script, "http://"+p.address)
	return exec.CommandContext(ctx, args[0], args[1:]...), nil
}

// start loads a server meanwhile; stop ends that.
func (l *load) start(ctx context.Context, t traffic, p *process, seconds, connections int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd, err := l.command(ctx, t, p, seconds, connections)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}, nil
}
