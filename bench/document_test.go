package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestResultsAreWrittenBetweenTheMarksOfThePage(t *testing.T) {
	folder := t.TempDir()
	shipped, err := os.ReadFile("../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, page), shipped, 0o600); err != nil {
		t.Fatal(err)
	}
	measured := []line{{row: row{server: ours, asked: "a <b> & c"}, perSecond: 12345}}
	profiles := []spent{{server: ours, on: map[string]float64{rest: 1.5}}}
	for range 2 { // the second time in place of the first
		if err := write(settings{write: folder}, &facts{tokens: 2000}, measured, profiles); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, page))
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(shipped), pageBegin)
	_, after, _ := strings.Cut(string(shipped), pageEnd)
	if got := string(text); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || strings.Count(got, "12,345") != 1 || strings.Count(got, "| other | 1.50 |") != 1 {
		t.Errorf("the page is\n%s", got)
	}
	drawn, err := os.Open(filepath.Join(folder, picture))
	if err != nil {
		t.Fatal(err)
	}
	defer drawn.Close()
	for d := xml.NewDecoder(drawn); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is not well-formed: %v", err)
		}
	}
}

func TestAProfileIsSharedAmongPurposesByTheInnermostNamedFunction(t *testing.T) {
	const traces = `File: bench
Type: cpu
-----------+-------------------------------------------------------
      10ms   runtime.memmove
             crypto/internal/fips140/sha256.(*Digest).Write
             tokentab/backend/token.HashOf (inline)
             tokentab/backend/web.(*Server).validate
-----------+-------------------------------------------------------
       1.50s   main.main
             runtime.main
-----------+-------------------------------------------------------
`
	got := stacks(traces)
	if len(got) != 2 || got[0].took != 10*time.Millisecond || got[1].took != 1500*time.Millisecond {
		t.Fatalf("read %v", got)
	}
	if first, second := purpose(got[0].functions), purpose(got[1].functions); first != "know the secret (GMAC, SHA-256)" || second != rest {
		t.Errorf("they are %q and %q", first, second)
	}
}

func TestWithoutTheCheckTheShippedNginxFileNamesNothingOfIt(t *testing.T) {
	shipped, err := os.ReadFile("../" + nginxFile)
	if err != nil {
		t.Fatal(err)
	}
	if text := withoutCheck(string(shipped)); strings.Contains(text, "auth_request") || strings.Contains(text, "$token_id") || !strings.Contains(text, "proxy_pass http://application") {
		t.Errorf("it is\n%s", text)
	}
	for _, text := range []string{string(shipped), overSocket(string(shipped), "/s")} {
		if _, err := placed(text, "1", "a", "b", t.TempDir()); err != nil {
			t.Error(err)
		}
	}
	text := overSocket(string(shipped), "/s")
	if !strings.Contains(text, "\n        server unix:/s; #") || strings.Contains(text, "\n        server 127.0.0.1:8080;") {
		t.Errorf("over the socket it is\n%s", text)
	}
}
