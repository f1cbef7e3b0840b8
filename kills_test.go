package main

import (
	"database/sql"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/store"
)

// journal is what clients know of the tokens that they created. A token has one status, or several while a change of it was
// asked for and not answered. A deleted token has the status "deleted".
type journal struct {
	mu      sync.Mutex
	states  map[string][]string // by id
	secrets map[string]string   // by id
	isMade  func()              // called for each new token
}

func (j *journal) set(id string, states ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states[id] = states
}

// make keeps a new token.
func (j *journal) make(id, secret string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states[id], j.secrets[id] = []string{"active"}, secret
	j.isMade()
}

// oneWith returns a token that surely has a status; empty for none.
func (j *journal) oneWith(status string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, states := range j.states {
		if len(states) == 1 && states[0] == status {
			j.states[id] = []string{status, "changing"} // no other client takes it
			return id
		}
	}
	return ""
}

// work changes tokens until the server is gone.
func (j *journal) work(s *server, manager string, random *rand.Rand) {
	moves := []struct{ from, move, to string }{
		{"active", "suspend", "suspended"}, {"suspended", "activate", "active"}, {"active", "revoke", "revoked"}, {"revoked", "", "deleted"},
	}
	for {
		move := moves[random.IntN(len(moves))]
		id := ""
		if random.IntN(2) == 0 {
			id = j.oneWith(move.from)
		}
		if id == "" {
			status, made, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
			if err != nil || status != http.StatusOK {
				return
			}
			j.make(made["details"].(map[string]any)["id"].(string), made["token"].(string))
			continue
		}
		method, path := http.MethodPost, "/api/v1/api_token/"+id+"/"+move.move
		if move.to == "deleted" {
			method, path = http.MethodDelete, "/api/v1/api_token/"+id
		}
		j.set(id, move.from, move.to) // the kill may come between the change and its response
		if status, _, err := s.call(method, path, manager, ""); err != nil || status != http.StatusOK {
			return
		}
		j.set(id, move.to)
	}
}

// check compares the database with the journal, and settles what was open. It returns how many tokens are not as acknowledged.
func (j *journal) check(t *testing.T, db *sql.DB) (lost int) {
	t.Helper()
	rows, err := db.Query("SELECT id, status FROM api_tokens")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var id, status string
		if err := rows.Scan(&id, &status); err != nil {
			t.Fatal(err)
		}
		found[id] = status
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for id, states := range j.states {
		is := found[id]
		if is == "" {
			is = "deleted"
		}
		if !slices.Contains(states, is) {
			t.Errorf("token %s is %s, acknowledged was %v", id, is, states)
			lost++
		}
		j.states[id] = []string{is}
	}
	return lost
}

// validates checks that exactly the active tokens are accepted.
func (j *journal) validates(t *testing.T, s *server) {
	t.Helper()
	for id, states := range j.states {
		status, _, err := s.call(http.MethodGet, "/api/v1/ping", j.secrets[id], "")
		if err != nil || (status == http.StatusOK) != (states[0] == "active") {
			t.Errorf("a token that is %s is answered %d %v", states[0], status, err)
		}
	}
}

// orphans are rows that no transaction may leave behind.
var orphans = []string{
	"SELECT count(*) FROM api_tokens t WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.subject_id = t.id AND e.action = 'api_token.created')",
	"SELECT count(*) FROM api_tokens t WHERE NOT EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = t.id)",
	"SELECT count(*) FROM api_tokens t WHERE status = 'revoked' AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.subject_id = t.id AND e.action = 'api_token.revoked')",
	"SELECT count(*) FROM pragma_foreign_key_check",
	"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
	"SELECT api_token_count - (SELECT count(*) FROM api_tokens) FROM accounts",
}

// TestPromise2RandomKillsUnderLoadLoseNothing kills the program at random moments: 8 times, or as often as -kills says
// with -torture.
func TestPromise2RandomKillsUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	kills, seed := 8, rand.Uint64()
	if backendtest.Torturing() {
		kills = backendtest.Kills()
	}
	folder, manager := setUp(t)
	built(t) // which is no part of the first start
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	j := &journal{states: map[string][]string{}, secrets: map[string]string{}}
	random := rand.New(rand.NewPCG(seed, 0))
	var ready []time.Duration
	lost := 0
	for kill := range kills {
		began := time.Now()
		s := serveIn(t, folder)
		ready = append(ready, time.Since(began))
		lost += j.check(t, db)
		after := time.Duration(random.IntN(150)) * time.Millisecond
		j.isMade = sync.OnceFunc(func() { time.AfterFunc(after, func() { _ = s.process.Process.Kill() }) })
		var clients sync.WaitGroup
		for client := range 4 {
			own := rand.New(rand.NewPCG(seed, uint64(kill*4+client+1)))
			clients.Go(func() { j.work(s, manager, own) })
		}
		clients.Wait()
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		for _, query := range orphans {
			var n int
			if err := db.QueryRow(query).Scan(&n); err != nil || n != 0 {
				t.Fatalf("seed %d, kill %d: %d of %s, %v", seed, kill, n, query, err)
			}
		}
	}
	s := serveIn(t, folder)
	lost += j.check(t, db)
	j.validates(t, s)
	s.stops(t)
	slices.Sort(ready)
	if lost > 0 || len(j.states) < kills {
		t.Errorf("seed %d: of %d tokens %d are not as acknowledged", seed, len(j.states), lost)
	}
	t.Logf("seed %d: %d kills, %d tokens, lost %d; ready after %s (median), %s (most)",
		seed, kills, len(j.states), lost, ready[len(ready)/2].Round(time.Millisecond), ready[len(ready)-1].Round(time.Millisecond))
}
