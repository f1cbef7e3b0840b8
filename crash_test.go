package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokentab/backend/pfid"
	"tokentab/backend/store"
)

// Tokens are used without a pause, so that every flush has something to write.
func TestPromise6ACrashTakesNoLastUseThatWasFlushed(t *testing.T) {
	t.Parallel()
	folder, manager := setUp(t)
	s := serveIn(t, folder)
	const tokens = 30
	ids, secrets := make([]string, tokens), make([]string, tokens)
	for i := range tokens {
		status, made, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
		if err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
		ids[i], secrets[i] = made["details"].(map[string]any)["id"].(string), made["token"].(string)
	}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	var users sync.WaitGroup
	for i := range tokens {
		users.Go(func() {
			for ctx.Err() == nil {
				if status, _, err := s.call(http.MethodGet, "/api/v1/ping", secrets[i], ""); ctx.Err() == nil && (err != nil || status != http.StatusOK) {
					t.Errorf("%d %v", status, err)
					return
				}
			}
		})
	}

	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	// The first flush writes all of them, and the next one writes all again.
	began := time.Now()
	later := began.Add(2 * time.Second)
	for _, since := range []time.Time{began, later} {
		for written := -1; written < tokens; {
			select {
			case <-look.C:
			case <-ctx.Done():
				t.Fatalf("of %d tokens in use, the last uses of %d are written after all this time", tokens, written)
			}
			if err := db.QueryRow("SELECT count(*) FROM token_uses WHERE last_used_at >= ?", since.UnixMilli()).Scan(&written); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	users.Wait()

	s = serveIn(t, folder)
	for _, id := range ids {
		status, found, err := s.call(http.MethodGet, "/api/v1/api_token/"+id, manager, "")
		if err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
		at, _ := found["details"].(map[string]any)["last_used_at"].(string)
		if used, err := time.Parse(time.RFC3339, at); err != nil || used.Before(later.Truncate(time.Millisecond)) {
			t.Errorf("token %s was last used at %q after the crash, and a use after %s was written before it", id, at, later.UTC())
		}
	}
}

func TestPromise2AKillWhileVeryManyTokensEndTakesNothingBack(t *testing.T) {
	t.Parallel()
	folder, manager := setUp(t)
	s := serveIn(t, folder)
	_, listed, err := s.call(http.MethodGet, "/api/v1/environment", manager, "")
	if err != nil {
		t.Fatal(err)
	}
	environment := listed["summaries"].([]any)[0].(map[string]any)
	const tokens = 1200
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	account, err := pfid.Parse(environment["account_id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range tokens {
		hash := sha256.Sum256(fmt.Append(nil, "secret ", i))
		id, err := pfid.New(now, account.Partition(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, environment_id, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, '', 'environment', 'active', ?, ?, 1, 1)`, id, account, hash[:], environment["id"], now.Add(time.Hour).UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	count := func(of string) (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM " + of).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	good := func() (n int) {
		t.Helper()
		for i := range tokens {
			status, _, err := s.call(http.MethodGet, "/api/v1/ping", fmt.Sprint("secret ", i), "")
			if err != nil {
				t.Fatal(err)
			}
			if status == http.StatusOK {
				n++
			}
		}
		return n
	}
	if n := good(); n != tokens {
		t.Fatalf("%d of %d tokens are good", n, tokens)
	}
	status, deleted, err := s.call(http.MethodDelete, "/api/v1/environment/"+environment["id"].(string)+"", manager, "")
	if err != nil || status != http.StatusOK || deleted["revoked_api_token_count"] != float64(tokens) {
		t.Fatal(status, deleted, err)
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	if n := count("api_tokens WHERE status = 'active' AND token_scope = 'environment'"); n == 0 {
		t.Fatal("the kill came after all was done")
	}
	s = serveIn(t, folder)
	if n := good(); n > 0 {
		t.Errorf("%d tokens came back after the kill", n)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for count("token_moves") > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatal("the records of the tokens were not written after all this time")
		}
	}
	if revoked, events := count("api_tokens WHERE status = 'revoked'"), count("audit_events WHERE action = 'api_token.revoked'"); revoked != tokens || events != tokens {
		t.Errorf("%d of %d tokens are revoked, with %d events", revoked, tokens, events)
	}
	if n := good(); n > 0 {
		t.Errorf("%d tokens came back in the end", n)
	}
}
