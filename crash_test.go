package main

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokentab/backend/store"
)

// Tokens are used without a pause, so that a flush always has something to write while others go on.
func TestPromise6ACrashTakesNoLastUseThatWasFlushed(t *testing.T) {
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
	began := time.Now()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
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
	flushed := 0
	for flushed < tokens && ctx.Err() == nil {
		<-look.C
		if err := db.QueryRow("SELECT count(*) FROM token_uses WHERE last_used_at >= ?", began.UnixMilli()).Scan(&flushed); err != nil {
			t.Fatal(err)
		}
	}
	if flushed < tokens {
		t.Fatalf("of %d tokens in use, the last use of %d was written within a minute", tokens, flushed)
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
		if used, err := time.Parse(time.RFC3339, at); err != nil || used.Before(began.Truncate(time.Millisecond)) {
			t.Errorf("token %s was last used at %q after the crash, and before it after %s", id, at, began)
		}
	}
}
