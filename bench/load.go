package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// connections is how many wrk keeps open, each with one request at a time.
const connections = 32

// bench runs the cases.
type bench struct {
	settings
	generator string // path of wrk
	cores     cores
	folder    string // for scripts
	out       io.Writer
}

// sample is one measurement.
type sample struct {
	perSecond float64
	p50, p99  float64 // milliseconds
	processor float64 // microseconds of processor time that the server took for a request
}

// result is the samples of a case, one for each round.
type result struct {
	testCase
	samples []sample
}

// run measures every case once a round, so that what disturbs the machine for a while disturbs all of them.
func (b *bench) run(ctx context.Context, all []testCase) ([]result, error) {
	results := make([]result, len(all))
	scripts := make([]string, len(all))
	for i, c := range all {
		var err error
		if scripts[i], err = b.script(i, c); err != nil {
			return nil, err
		}
		results[i].testCase = c
	}
	for round := range b.rounds {
		for i, c := range all {
			if _, err := b.drive(ctx, c, scripts[i], 1); err != nil { // warms up
				return nil, err
			}
			s, err := b.drive(ctx, c, scripts[i], b.seconds)
			if err != nil {
				return nil, err
			}
			results[i].samples = append(results[i].samples, s)
			fmt.Fprintf(b.out, "Round %d of %d: %s: %.0f requests/s.\n", round+1, b.rounds, c.name, s.perSecond)
		}
	}
	return results, nil
}

// lua reads the requests from a file, since a script may not hold so many constants. Its last line is for drive.
const lua = `local file = assert(io.open(%[1]q, "rb"))
local all, requests = file:read("*a"), {}
file:close()
for at = 1, #all, %[2]d do
	requests[#requests + 1] = all:sub(at, at + %[2]d - 1)
end
if #requests == 1 then
	wrk.format = function() return requests[1] end
else
	local n = 0
	request = function()
		n = n %% #requests + 1
		return requests[n]
	end
end
done = function(summary, latency)
	local e = summary.errors
	io.write(string.format("measured %%d %%d %%d %%d %%d %%d\n", summary.requests, summary.duration, e.status,
		e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`

// script writes the requests of a case and the script that sends them.
func (b *bench) script(n int, c testCase) (path string, err error) {
	var requests bytes.Buffer
	size := 0
	for i, secret := range c.secrets {
		request := requestFor(c.path, secret)
		if i > 0 && len(request) != size {
			return "", fmt.Errorf("%s: the requests are not of one size", c.name)
		}
		size = len(request)
		requests.WriteString(request)
	}
	data := filepath.Join(b.folder, fmt.Sprintf("case-%d.requests", n))
	path = filepath.Join(b.folder, fmt.Sprintf("case-%d.lua", n))
	return path, errors.Join(os.WriteFile(data, requests.Bytes(), 0o600), os.WriteFile(path, fmt.Appendf(nil, lua, data, size), 0o600))
}

// drive loads a server for some seconds. Any answer that is not expected fails it.
func (b *bench) drive(ctx context.Context, c testCase, script string, seconds int) (sample, error) {
	args := b.cores.generator(b.generator, "--threads", "1", "--connections", strconv.Itoa(connections),
		"--duration", strconv.Itoa(seconds)+"s", "--timeout", "5s", "--script", script, "http://"+c.server.address+c.path)
	before := c.server.processorTime()
	output, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, output)
	}
	_, line, _ := strings.Cut(string(output), "\nmeasured ")
	var requests, microseconds, refused, failed int
	var p50, p99 float64
	if _, err := fmt.Sscan(line, &requests, &microseconds, &refused, &failed, &p50, &p99); err != nil {
		return sample{}, fmt.Errorf("wrk printed what can't be read: %w: %s", err, output)
	}
	expected := c.refused * float64(requests)
	// Requests that were sent but not answered at the end leave the two kinds of answers a little out of step.
	if c.refused > 0 && math.Abs(float64(refused)-expected) > connections || c.refused == 0 && refused > 0 {
		return sample{}, fmt.Errorf("%s: %d of %d requests were refused, %.0f had to be", c.name, refused, requests, expected)
	}
	if failed > 0 || requests == 0 {
		return sample{}, fmt.Errorf("%s: %d requests were answered, %d failed", c.name, requests, failed)
	}
	return sample{
		perSecond: float64(requests) / float64(microseconds) * 1e6, p50: p50 / 1000, p99: p99 / 1000,
		processor: float64((c.server.processorTime() - before).Microseconds()) / float64(requests),
	}, nil
}

// findGenerator returns the path of wrk, and installs Debian's package of it where it may.
func findGenerator(ctx context.Context, out io.Writer) (string, error) {
	const name = "wrk"
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", errors.New("the load generator wrk is not installed: install it, on Debian and Ubuntu with: sudo apt-get install wrk")
	}
	fmt.Fprintln(out, "Installing the load generator wrk.")
	if err := command(ctx, nil, "apt-get", "update"); err != nil {
		return "", err
	}
	if err := command(ctx, nil, "apt-get", "install", "-y", "--no-install-recommends", name); err != nil {
		return "", err
	}
	return exec.LookPath(name)
}
