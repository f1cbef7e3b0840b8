package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The page of results, its picture, and the marks in the page between which the results stand.
const (
	page      = "performance.md"
	picture   = "performance.svg"
	pageBegin = "<!-- make bench writes what follows -->\n"
	pageEnd   = "<!-- up to here -->\n"
)

// write puts the results into the page, between its marks, and draws the picture beside it.
func write(s settings, f *facts, measured []line, profiles []spent) error {
	file := filepath.Join(s.write, page)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), pageBegin)
	_, after, ok2 := strings.Cut(rest, pageEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s does not have the marks between which the results stand", file)
	}
	return errors.Join(
		os.WriteFile(file, []byte(before+pageBegin+results(s, f, measured, profiles)+pageEnd+after), 0o644),
		os.WriteFile(filepath.Join(s.write, picture), []byte(draw(measured)), 0o644),
	)
}

// results are the tables and facts of a run in Markdown.
func results(s settings, f *facts, measured []line, profiles []spent) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n![Requests per second of each row](%s)\n\n", picture)
	fmt.Fprintf(&b, "%s. %s. %s Medians over rounds (%d) of %d s.\n\n", f.machine, f.programs, f.pinned, s.rounds, s.seconds)
	table := [][]string{{"server", "asked", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs", "throughput", "p99", "goal"}}
	for _, l := range measured {
		throughput, tail := l.compared()
		table = append(table, []string{l.server, l.asked, l.rate(), fmt.Sprintf("%.2f", l.p50), fmt.Sprintf("%.2f", l.p99),
			fmt.Sprintf("%.2f", l.p999), fmt.Sprintf("%.1f", l.processor), throughput, tail, l.goal()})
	}
	markdown(&b, table, 2)
	if strings.Contains(b.String(), "*") {
		fmt.Fprintf(&b, "\n\\%s\n", tableNote)
	}
	b.WriteString("\n### Start, memory and size\n\n")
	for _, sentence := range f.sentences() {
		fmt.Fprintf(&b, "- %s\n", sentence)
	}
	fmt.Fprintf(&b, "\n### Where the time goes\n\nProcessor time for a validation, %s hot tokens, by profiles of both servers:\n\n", thousands(hotTokens))
	markdown(&b, spentTable(profiles), 1)
	b.WriteString("\n")
	return b.String()
}

// markdown writes a table whose first row is its header. All columns from a number on are aligned to the right.
func markdown(b *strings.Builder, table [][]string, numbers int) {
	for i, cells := range table {
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", numbers) + strings.Repeat(" ---: |", len(cells)-numbers) + "\n")
		}
	}
}
