package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// purposes are what processor time is spent on. Of a stack, from the innermost function on, the first that is named
// here decides.
var purposes = []struct {
	name     string
	function *regexp.Regexp
}{
	{"read from and write to sockets", regexp.MustCompile(`^internal/poll\.\(\*FD\)\.(Read|Write)`)},
	{"wait for sockets, schedule", regexp.MustCompile(`^runtime\.(netpoll|schedule|findRunnable|mcall|park_m|goready|futex|usleep|sysmon|mstart|systemstack_switch)|^internal/poll\.runtime_`)},
	{"HTTP (fasthttp, Fiber)", regexp.MustCompile(`^github.com/(valyala/fasthttp|gofiber/fiber)`)},
	{"headers and answer of the door", regexp.MustCompile(`^tokentab/backend/web\.`)},
	{"know the secret (GMAC, SHA-256)", regexp.MustCompile(`^crypto/`)},
	{"cache, verdict, count of uses", regexp.MustCompile(`^tokentab/backend/token\.`)},
	{"database", regexp.MustCompile(`^modernc\.org/|^database/sql|^tokentab/backend/store\.`)},
	{"collect garbage", regexp.MustCompile(`^runtime\.(gcBgMarkWorker|gcStart|bgsweep|bgscavenge|gcAssist)`)},
}

// rest is what all other stacks spent.
const rest = "other"

// spentOn reads a profile and shares it among the purposes, in microseconds for one of so many requests.
func spentOn(ctx context.Context, file string, requests int) (map[string]float64, error) {
	output, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	on := map[string]float64{}
	for _, s := range stacks(string(output)) {
		on[purpose(s.functions)] += float64(s.took.Nanoseconds()) / 1000 / float64(requests)
	}
	return on, nil
}

// stack is where a profile found the program for some time, the innermost function first.
type stack struct {
	took      time.Duration
	functions []string
}

// stacks reads what pprof prints as traces: below a line of dashes the time and the innermost function, then one
// function a line.
func stacks(text string) (all []stack) {
	begins := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "---"):
			begins = true
		case begins && len(words) >= 2:
			if took, err := time.ParseDuration(words[0]); err == nil {
				all = append(all, stack{took, words[1:2]})
				begins = false
			}
		case !begins && len(words) > 0 && len(all) > 0:
			last := &all[len(all)-1]
			last.functions = append(last.functions, words[0])
		}
	}
	return all
}

func purpose(functions []string) string {
	for _, f := range functions {
		for _, p := range purposes {
			if p.function.MatchString(f) {
				return p.name
			}
		}
	}
	return rest
}

// spentTable has a line for each purpose, and the sum.
func spentTable(all []spent) [][]string {
	header := []string{"µs for a request"}
	sums := []string{"all"}
	for _, s := range all {
		header = append(header, s.server)
		sum := 0.0
		for _, µs := range s.on {
			sum += µs
		}
		sums = append(sums, fmt.Sprintf("%.2f", sum))
	}
	table := [][]string{header}
	names := []string{}
	for _, p := range purposes {
		names = append(names, p.name)
	}
	for _, name := range append(names, rest) {
		cells := []string{name}
		for _, s := range all {
			cells = append(cells, fmt.Sprintf("%.2f", s.on[name]))
		}
		if slices.ContainsFunc(all, func(s spent) bool { return s.on[name] >= 0.005 }) {
			table = append(table, cells)
		}
	}
	return append(table, sums)
}

// printProfiles prints where the time goes, side by side, and how to see more.
func printProfiles(ctx context.Context, out io.Writer, all []spent) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "\nProcessor time for a validation, %s hot tokens:\n", thousands(hotTokens))
	for _, cells := range spentTable(all) {
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	table.Flush()
	for _, s := range all {
		top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=25", s.file).Output()
		if err != nil {
			return fmt.Errorf("go tool pprof: %w", err)
		}
		fmt.Fprintf(out, "\n%s: %s. To look at it, with flame graphs: go tool pprof -http 127.0.0.1: %[2]s\n%s", s.server, s.file, top)
	}
	return nil
}
