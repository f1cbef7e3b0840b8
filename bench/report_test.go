package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestRatiosAreOfTheSameRound(t *testing.T) {
	compared := result{row{server: "bare", asked: "x"}, []sample{{perSecond: 100, p99: 1}, {perSecond: 10, p99: 10}, {perSecond: 100, p99: 1}}}
	measured := result{row{server: "ours", asked: "x", against: "bare, x", least: 0.8, most: 1.9}, []sample{{perSecond: 80, p99: 2}, {perSecond: 8, p99: 20}, {perSecond: 80, p99: 2}}}
	var out bytes.Buffer
	printTable(&out, lines([]result{compared, measured}))
	want := "ours, x 80 0.00 2.00 0.00 0.0 0.80 2.00 ≥ 0.80, p99 ≤ 1.90: missed"
	if line := strings.Split(out.String(), "\n")[3]; strings.Join(strings.Fields(line), " ") != want {
		t.Errorf("the table says %q", line)
	}
}

func TestARowBringsAlongWhatItIsComparedWithAndWhatItNeeds(t *testing.T) {
	all := rows(5 * hotTokens)
	names := map[string]bool{}
	for _, r := range all {
		names[r.name()] = true
	}
	for _, r := range all {
		kept := map[string]bool{}
		for _, k := range selected(rows(5*hotTokens), regexp.MustCompile("^"+regexp.QuoteMeta(r.name())+"$")) {
			kept[k.name()] = true
		}
		for _, name := range append(r.needs, r.name(), r.against) {
			if name != "" && (!names[name] || !kept[name]) {
				t.Errorf("%s needs %s, which is not measured with it", r.name(), name)
			}
		}
	}
}
