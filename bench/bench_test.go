package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// The bench runs itself to send validations; then this program is the bench.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "validate" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestAFilledDatabaseValidatesItsTokensAndNoOthers(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	p.Stop()
	const stored = 2001
	if err := fill(filepath.Join(p.Folder, "tokentab.db"), stored); err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	for _, path := range []string{"/api/v1/validate", "/api/v1/ping"} {
		request := "GET " + path + " HTTP/1.1\r\nHost: tokens.example.com\r\nAuthorization: Bearer " + secretPrefix + "{number}\r\n\r\n"
		for number, want := range map[int]int{
			0: http.StatusOK, stored - 1: http.StatusOK, stored: http.StatusOK, // the last is the account token
			stored + 1: http.StatusUnauthorized, 1 << 40: http.StatusUnauthorized,
		} {
			if status, _, _, err := ask(strings.TrimPrefix(p.URL, "http://"), request, number); err != nil || status != want {
				t.Errorf("%s answered %d (%v) to secret %d, want %d", path, status, err, number, want)
			}
		}
	}
}

func TestNumberedSecretsAreAboutAsLongAsIssuedOnes(t *testing.T) {
	p := backendtest.Start(t)
	_, account := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	as := backendtest.Bearer(account)
	agent := p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "Agent"}), as).Text(t, "details", "id")
	environment := p.Call(http.MethodGet, "/api/v1/environment", nil, as).JSON(t)["summaries"].([]any)[0].(map[string]any)["id"]
	issued := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{
		"token_scope": "agent_deployment", "agent_id": agent, "environment_id": environment,
	}), as).Text(t, "token")
	if numbered := len(secret(0)); numbered < len(issued)-40 || numbered > len(issued)+40 {
		t.Errorf("the secrets of the bench have %d characters, an issued one %d", numbered, len(issued))
	}
}

func TestTheBareServerAnswersAsManyBytesAsTold(t *testing.T) {
	sizes := []int{556, 1000, 238}
	app := bare(sizes)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	for i, line := range []string{"GET /api/v1/validate", "GET /api/v1/ping", "POST /oauth/introspect"} {
		status, size, _, err := ask(listener.Addr().String(), line+" HTTP/1.1\r\nHost: tokens.example.com\r\nContent-Length: 0\r\n\r\n", 0)
		if err != nil || status != http.StatusOK || size != sizes[i] {
			t.Errorf("%s: %d with %d bytes (%v), want 200 with %d", line, status, size, err, sizes[i])
		}
	}
	if err := app.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
}

func TestAMeasurementWithAnUnexpectedAnswerFails(t *testing.T) {
	const used = "\nused 0.4 0.1\n"
	for name, c := range map[string]struct {
		printed   string
		good, bad int
		want      string // nothing if the measurement fails
	}{
		"as expected":           {"\nmeasured 1000 1000000 100000 0 0 250 900" + used, 100, 0, "1000 0.25 0.9 20 50\n"},
		"half refused":          {"\nmeasured 1000 1000000 75000 500 0 250 900" + used, 100, 50, "1000 0.25 0.9 20 50\n"},
		"one refused":           {"\nmeasured 1000 1000000 100000 1 0 250 900" + used, 100, 0, ""},
		"none of half refused":  {"\nmeasured 1000 1000000 100000 0 0 250 900" + used, 100, 50, ""},
		"a third refused":       {"\nmeasured 1000 1000000 83350 333 0 250 900" + used, 100, 50, ""},
		"another size":          {"\nmeasured 1000 1000000 110000 0 0 250 900" + used, 100, 0, ""},
		"another size of bad":   {"\nmeasured 1000 1000000 90000 500 0 250 900" + used, 100, 50, ""},
		"a failed request":      {"\nmeasured 1000 1000000 100000 0 1 250 900" + used, 100, 0, ""},
		"no answer":             {"\nmeasured 0 1000000 0 0 0 0 0" + used, 100, 0, ""},
		"no measurement":        {"unable to connect" + used, 100, 0, ""},
		"no time of wrk's":      {"\nmeasured 1000 1000000 100000 0 0 250 900\n", 100, 0, ""},
		"an unfinished reading": {"\nmeasured 1000 1000000", 100, 0, ""},
	} {
		var out bytes.Buffer
		if err := judge(strings.NewReader("Running 1s test"+c.printed), &out, c.good, c.bad, 2); out.String() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q (%v), want %q", name, out.String(), err, c.want)
		}
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	const measured = "bare, x||| 100 1 1 1 1\nours, x|bare, x|≥ 0.80, p99 ≤ 1.90| 80 1 2 1 1\nnew, x|bare, x|≥ 0.80| 80 1 2 1 1\n"
	var out bytes.Buffer
	// In the second round everything is slower.
	if err := report(strings.NewReader(measured+strings.NewReplacer(" 100 1 1", " 10 1 10", " 80 1 2", " 8 1 20").Replace(measured)+measured), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("it says\n%s", out.String())
	}
	for i, want := range map[int]string{
		2: "| bare, x | 100 | 1.00 | 1.00 | 1.0 | 1 | | | |",
		3: "| ours, x | 80 | 1.00 | 2.00 | 1.0 | 1 | 0.80 | 2.00 | ≥ 0.80, p99 ≤ 1.90: missed |",
		4: "| new, x | 80 | 1.00 | 2.00 | 1.0 | 1 | 0.80 | 2.00 | ≥ 0.80: met |",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("the table says %q, want %q", got, want)
		}
	}
}

func TestTheScriptLeavesNothingBehindWhenItStops(t *testing.T) {
	folder := t.TempDir()
	cmd := exec.Command("./bench.sh", "-only", "no such row")
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	output, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "no row matches no such row") {
		t.Errorf("it ended with %v and said %s", err, output)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}

func TestTheBenchOfIngestMeasuresTheProgramAndTheDisk(t *testing.T) {
	program, err := backendtest.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := benchIngest(&out, program, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var connections, spans int
	rows := strings.Split(out.String(), "\n")
	if n, err := fmt.Sscanf(rows[2], "%d connections, 50 in a bulk request: %d spans/s", &connections, &spans); n != 2 || connections != 8 || spans <= 0 || !strings.Contains(out.String(), "one commit each: ") {
		t.Errorf("%v: %s", err, &out)
	}
}
