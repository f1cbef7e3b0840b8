package main

import (
	"context"
	"database/sql"
	"errors"
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
	// The first flush brings the uses to their rows as well, and then drops its piece; the next ones only keep pieces.
	for _, reached := range []func(inRows, pieces int) bool{
		func(inRows, _ int) bool { return inRows == tokens },
		func(_, pieces int) bool { return pieces == 0 },
		func(_, pieces int) bool { return pieces > 0 },
	} {
		for inRows, pieces := -1, -1; !reached(inRows, pieces); {
			select {
			case <-look.C:
			case <-ctx.Done():
				t.Fatalf("of %d tokens in use, the last uses of %d are in rows after all this time, and %d pieces", tokens, inRows, pieces)
			}
			err1 := db.QueryRow("SELECT count(*) FROM token_uses WHERE last_used_at >= ?", began.UnixMilli()).Scan(&inRows)
			err2 := db.QueryRow("SELECT count(*) FROM noted_uses").Scan(&pieces)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
		}
	}
	var newest int64
	if err := db.QueryRow("SELECT max(last_used_at) FROM token_uses").Scan(&newest); err != nil {
		t.Fatal(err)
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
		if used, err := time.Parse(time.RFC3339, at); err != nil || used.UnixMilli() <= newest {
			t.Errorf("token %s was last used at %q after the crash, and before it was kept after %s", id, at, time.UnixMilli(newest).UTC())
		}
	}
}
