package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// line is a row of the table: medians over the rounds. CPU is the server's own processor time for a request, which a
// busy machine disturbs less than the rest. A ratio is the median of the rounds' ratios: both of its sides were measured
// within the same few minutes.
type line struct {
	row
	perSecond, p50, p99, p999, processor float64

	throughput, tail float64 // times those of the row that it is compared with; 0 for none
	generatorIsLimit bool    // wrk had no time left
}

func lines(results []result) []line {
	all := make([]line, len(results))
	for i, r := range results {
		l := line{row: r.row}
		l.perSecond = median(r.samples, func(s sample) float64 { return s.perSecond })
		l.p50 = median(r.samples, func(s sample) float64 { return s.p50 })
		l.p99 = median(r.samples, p99)
		l.p999 = median(r.samples, func(s sample) float64 { return s.p999 })
		l.processor = median(r.samples, func(s sample) float64 { return s.processor })
		l.generatorIsLimit = median(r.samples, func(s sample) float64 { return s.generator }) > 0.97
		if against := slices.IndexFunc(results, func(other result) bool { return other.name() == r.against }); against >= 0 {
			l.throughput, l.tail = ratio(r, results[against], perSecond), ratio(r, results[against], p99)
		}
		all[i] = l
	}
	return all
}

// compared says the ratios as the table shows them; empty where there are none.
func (l line) compared() (throughput, tail string) {
	if l.throughput == 0 {
		return "", ""
	}
	return fmt.Sprintf("%.2f", l.throughput), fmt.Sprintf("%.2f", l.tail)
}

// goal says what the row has to reach and whether it does; empty for no goal.
func (l line) goal() string {
	var goals []string
	met := true
	if l.least > 0 {
		goals = append(goals, fmt.Sprintf("≥ %.2f", l.least))
		met = met && l.throughput >= l.least
	}
	if l.most > 0 {
		goals = append(goals, fmt.Sprintf("p99 ≤ %.2f", l.most))
		met = met && l.tail <= l.most
	}
	switch {
	case len(goals) == 0:
		return ""
	case met:
		return strings.Join(goals, ", ") + ": met"
	default:
		return strings.Join(goals, ", ") + ": missed"
	}
}

// rate is the throughput, marked where the generator and not the server is its limit.
func (l line) rate() string {
	text := thousands(int(l.perSecond + 0.5))
	if l.generatorIsLimit {
		text += "*"
	}
	return text
}

const tableNote = "* wrk itself had no time left: the server could do more."

// printTable prints what was measured.
func printTable(out io.Writer, all []line) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "row\trequests/s\tp50 ms\tp99 ms\tp99.9 ms\tCPU µs\tthroughput\tp99\tgoal\t")
	for _, l := range all {
		throughput, tail := l.compared()
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.1f\t%s\t%s\t%s\t\n", l.name(), l.rate(), l.p50, l.p99, l.p999, l.processor, throughput, tail, l.goal())
	}
	table.Flush()
	if slices.ContainsFunc(all, func(l line) bool { return l.generatorIsLimit }) {
		fmt.Fprintln(out, tableNote)
	}
	fmt.Fprintln(out)
}

// printFacts prints what was measured beside the rows.
func printFacts(out io.Writer, f *facts) {
	fmt.Fprintf(out, "%s\n", strings.Join(f.sentences(), "\n"))
}

// sentences are the facts that a reader wants to know, one after the other.
func (f *facts) sentences() []string {
	all := []string{
		fmt.Sprintf("%s tokens stored: a database of %d MiB.", thousands(f.tokens), f.database>>20),
		fmt.Sprintf("From exec to the first right answer: %.0f ms.", milliseconds(f.start)),
		fmt.Sprintf("Resident memory after the first answer: %.0f MiB.", f.memoryAtStart),
	}
	if f.memoryLoaded > 0 {
		all = append(all, fmt.Sprintf("Resident memory with %s tokens in the cache: %.0f MiB.", thousands(min(f.tokens, cacheTokens)), f.memoryLoaded))
	}
	return append(all, fmt.Sprintf("Resident memory after the run: %.0f MiB.", f.memoryAtEnd))
}

func perSecond(s sample) float64 { return s.perSecond }
func p99(s sample) float64       { return s.p99 }

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return middle(values)
}

func ratio(r, against result, of func(sample) float64) float64 {
	values := make([]float64, min(len(r.samples), len(against.samples)))
	for i := range values {
		values[i] = of(r.samples[i]) / of(against.samples[i])
	}
	return middle(values)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
