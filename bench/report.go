package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// printTable prints the medians over the rounds. CPU is the server's own processor time for a request, which a busy
// machine disturbs less than the rest. A ratio is the median of the rounds' ratios: both of its sides were
// measured within the same half minute.
func printTable(out io.Writer, results []result) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "target\trequests/s\tp50 ms\tp99 ms\tCPU µs\tthroughput to bare\tp99 to bare\t")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t%.1f\t", r.name, median(r.samples, perSecond), median(r.samples, p50), median(r.samples, p99), median(r.samples, processor))
		i := slices.IndexFunc(results, func(other result) bool { return other.name == r.against })
		if i < 0 {
			fmt.Fprint(table, "\t\t\n")
			continue
		}
		fmt.Fprintf(table, "%.2f\t%.2f\t\n", ratio(r, results[i], perSecond), ratio(r, results[i], p99))
	}
	table.Flush()
}

func perSecond(s sample) float64 { return s.perSecond }
func p50(s sample) float64       { return s.p50 }
func p99(s sample) float64       { return s.p99 }
func processor(s sample) float64 { return s.processor }

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return middle(values)
}

func ratio(r, against result, of func(sample) float64) float64 {
	values := make([]float64, len(r.samples))
	for i := range r.samples {
		values[i] = of(r.samples[i]) / of(against.samples[i])
	}
	return middle(values)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
