package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

func TestAFilledDatabaseValidatesItsTokensAndNoOthers(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	filled, err := fill(t.Context(), filepath.Join(p.Folder, "tokentab.db"), 2*hotTokens)
	if err != nil {
		t.Fatal(err)
	}
	if len(filled.good) != hotTokens || len(filled.bad) != hotTokens {
		t.Fatalf("%d good and %d bad secrets, want %d of each", len(filled.good), len(filled.bad), hotTokens)
	}
	address := strings.TrimPrefix(p.URL, "http://")
	for secrets, want := range map[*[]string]int{&filled.good: http.StatusOK, &filled.bad: http.StatusUnauthorized} {
		for _, secret := range []string{(*secrets)[0], (*secrets)[hotTokens-1]} {
			for _, path := range []string{pathValidate, pathPing} {
				if a, err := ask(address, requestFor(path, secret)); err != nil || a.status != want {
					t.Errorf("%s answered %d (%v), want %d", path, a.status, err, want)
				}
			}
		}
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	bare := result{testCase{name: "bare"}, []sample{{perSecond: 100, p99: 1}, {perSecond: 10, p99: 10}, {perSecond: 100, p99: 1}}}
	ours := result{testCase{name: "ours", against: "bare"}, []sample{{perSecond: 80, p99: 2}, {perSecond: 8, p99: 20}, {perSecond: 80, p99: 2}}}
	var out bytes.Buffer
	printTable(&out, []result{bare, ours})
	if line := strings.Split(out.String(), "\n")[3]; strings.Join(strings.Fields(line), " ") != "ours 80 0.00 2.00 0.0 0.80 2.00" {
		t.Errorf("the table says %q", line)
	}
}
