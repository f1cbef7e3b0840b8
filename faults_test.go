//go:build unix

package main

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/store"
)

// TestALockedDatabaseIsValidatedAgainstAndRecovers lets another process hold the lock for writing.
func TestALockedDatabaseIsValidatedAgainstAndRecovers(t *testing.T) {
	t.Parallel()
	folder, manager := setUp(t)
	s := serveIn(t, folder)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	const create = `{"details":{"token_scope":"account"},"idempotency_key":"one-try"}`
	answered := make(chan int, 1)
	go func() {
		status, _, _ := s.call(http.MethodPost, "/api/v1/api_token", manager, create)
		answered <- status
	}()
	for changing := true; changing; {
		for secret, want := range map[string]int{manager: http.StatusOK, "made up": http.StatusUnauthorized} {
			if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != want {
				t.Fatalf("while the database is locked a validation answers %d %v %v", status, answer, err)
			}
		}
		select {
		case status := <-answered:
			if changing = false; status != http.StatusServiceUnavailable {
				t.Errorf("while the database is locked a change answers %d", status)
			}
		default:
		}
	}
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := s.call(http.MethodPost, "/api/v1/api_token", manager, create); err != nil || status != http.StatusOK {
		t.Errorf("afterwards a change answers %d %v %v", status, answer, err)
	}
	var tokens int
	if err := db.QueryRow("SELECT count(*) FROM api_tokens").Scan(&tokens); err != nil || tokens != 2 {
		t.Errorf("there are %d tokens, %v; the refused change must have none", tokens, err)
	}
}

// TestTooFewDescriptorsRefuseAndRecover takes all connections that the limit on open files allows.
func TestTooFewDescriptorsRefuseAndRecover(t *testing.T) {
	folder, manager := setUp(t)
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command("sh", "-c", `ulimit -n 60 && exec tokentab serve --data "$0" --listen "$1"`, folder, s.address)
	s.start(t)
	var idle []net.Conn
	for range 150 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		idle = append(idle, c)
	}
	for range 20 {
		status, answer, err := s.call(http.MethodGet, "/api/v1/ping", manager, "")
		if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("with all connections taken a validation answers %d %v", status, answer)
		}
	}
	for _, c := range idle {
		_ = c.Close()
	}
	if err := waitFor(s.address); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", manager, ""); err != nil || status != http.StatusOK {
		t.Errorf("afterwards a validation answers %d %v %v", status, answer, err)
	}
	if status, answer, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`); err != nil || status != http.StatusOK {
		t.Errorf("afterwards a change answers %d %v %v", status, answer, err)
	}
}
