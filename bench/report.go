package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// connections is how many wrk keeps open, each with one request at a time.
const connections = 32

// sample is one measurement: requests a second, p50 and p99 in milliseconds, microseconds of the servers' processor time
// for a request, and the percentage of its core that wrk used.
type sample [5]float64

// judge reads what wrk and the shell's time printed and writes a sample. Accepting responses have good bytes; if bad is
// not 0, half of the responses refuse and have bad bytes. ticks are the servers' processor time in units of 10 ms. It fails on any
// other response, except for requests under way at the end, at most one for each connection.
func judge(in io.Reader, out io.Writer, good, bad, ticks int) error {
	output, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var requests, microseconds, bytes, refused, failed, p50, p99, user, system float64
	_, line, _ := strings.Cut(string(output), "\nmeasured ")
	if _, err := fmt.Sscanf(line, "%f %f %f %f %f %f %f\nused %f %f", &requests, &microseconds, &bytes, &refused, &failed, &p50, &p99, &user, &system); err != nil {
		return fmt.Errorf("wrk printed no measurement: %w: %s", err, output)
	}
	wanted, apart := 0.0, 0.0
	if bad > 0 {
		wanted, apart = requests/2, connections
	}
	size := (requests-refused)*float64(good) + refused*float64(bad)
	if requests == 0 || failed > 0 || math.Abs(refused-wanted) > apart || math.Abs(bytes-size) > float64(connections*max(good, bad)) {
		return fmt.Errorf("of %.0f answers %.0f were refused, not %.0f; they had %.0f bytes, not %.0f; %.0f requests failed", requests, refused, wanted, bytes, size, failed)
	}
	_, err = fmt.Fprintln(out, requests/microseconds*1e6, p50/1000, p99/1000, float64(ticks)*1e4/requests, (user+system)/microseconds*1e8)
	return err
}

// result is a row of the table: its name, the row that it is compared with, its goal, and a sample of each round.
type result struct {
	name, against, goal string
	samples             []sample
}

// report reads a line for each row and round, and prints medians over the rounds as a Markdown table.
func report(in io.Reader, out io.Writer) error {
	var results []*result
	named := map[string]*result{}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var s sample
		cells := append(strings.Split(lines.Text(), "|"), "", "", "")
		if _, err := fmt.Sscan(cells[3], &s[0], &s[1], &s[2], &s[3], &s[4]); err != nil {
			return fmt.Errorf("not a result: %q: %w", lines.Text(), err)
		}
		r := named[cells[0]]
		if r == nil {
			r = &result{cells[0], cells[1], cells[2], nil}
			results, named[r.name] = append(results, r), r
		}
		r.samples = append(r.samples, s)
	}
	table := tabwriter.NewWriter(out, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprint(table, "\n| row\t requests/s\t p50 ms\t p99 ms\t CPU µs\t wrk %\t throughput\t p99\t goal\t\n| ---\t"+strings.Repeat(" ---:\t", 7)+" ---\t\n")
	for _, r := range results {
		m := medians(r.samples)
		fmt.Fprintf(table, "| %s\t %.0f\t %.2f\t %.2f\t %.1f\t %.0f\t%s\n", r.name, m[0], m[1], m[2], m[3], m[4], r.compared(named[r.against]))
	}
	return table.Flush()
}

// compared are the cells for the medians of the rounds' ratios, of which both sides were measured within minutes, and
// whether they meet the goals.
func (r *result) compared(against *result) string {
	if against == nil {
		return " \t \t \t"
	}
	ratios := make([]sample, len(r.samples))
	for i := range ratios {
		for j := range ratios[i] {
			ratios[i][j] = r.samples[i][j] / against.samples[i][j]
		}
	}
	m, least, most := medians(ratios), 0.0, math.Inf(1)
	throughput, p99, goal := m[0], m[2], r.goal
	switch n, _ := fmt.Sscanf(goal, "≥ %f, p99 ≤ %f", &least, &most); {
	case n > 0 && throughput >= least && p99 <= most:
		goal += ": met"
	case n > 0:
		goal += ": missed"
	}
	return fmt.Sprintf(" %.2f\t %.2f\t %s\t", throughput, p99, goal)
}

func medians(samples []sample) (m sample) {
	for place := range m {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = s[place]
		}
		slices.Sort(values)
		m[place] = (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return m
}
