package backend_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/store"
	"tokentab/backend/token"
)

// TestANewTokenNeverGetsTheEntryOfOneThatARestoreForgot restores a backup over data with newer tokens.
func TestANewTokenNeverGetsTheEntryOfOneThatARestoreForgot(t *testing.T) {
	pgtest.OnSQLite(t, "restored copies of its file")
	folder, clock := t.TempDir(), backendtest.NewClock()
	path := filepath.Join(folder, store.FileName)
	order := token.Order{Scope: token.ScopeAccount}
	p := backendtest.StartIn(t, folder, clock)
	actor := p.Found()
	_, before := p.Issue(actor, order)
	list := backendtest.EntryOf(t, before).URI
	number := list[strings.LastIndex(list, "/"):]
	p.Stop()
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	listOf := func(secret string) string {
		uri := backendtest.EntryOf(t, secret).URI
		return uri[strings.LastIndex(uri, "/"):]
	}
	p = backendtest.StartIn(t, folder, clock)
	_, since := p.Issue(actor, order)
	if listOf(since) != number {
		t.Errorf("a clean restart begins the list %s", listOf(since))
	}
	p.Stop()
	used := map[string]bool{number: true}
	for round := range 3 {
		// Write into the same file, as cp does.
		if err := os.WriteFile(path, backup, 0o600); err != nil {
			t.Fatal(err)
		}
		p = backendtest.StartIn(t, folder, clock)
		_, secret := p.Issue(actor, order)
		if used[listOf(secret)] {
			t.Errorf("restore %d: the list %s is used again", round, listOf(secret))
		}
		used[listOf(secret)] = true
		if p.Listed(backendtest.EntryOf(t, secret)) != 0 || !accepted(p, secret) || accepted(p, since) {
			t.Errorf("restore %d: the new token is not good, or a forgotten one is", round)
		}
		if lists := p.Call("GET", "/status-lists", nil).Body; strings.Count(lists, "/status-lists/") != 2 || !strings.Contains(lists, fmt.Sprintf("%s\"", listOf(secret))) {
			t.Errorf("restore %d: %s", round, lists)
		}
		p.Stop()
	}
}

// TestADatabaseThatLostChangesIsServedLikeARestoredOneOnceSomeoneConfirmsIt takes back the last changes of a Postgres, as a
// restore or a failover does.
func TestADatabaseThatLostChangesIsServedLikeARestoredOneOnceSomeoneConfirmsIt(t *testing.T) {
	pgtest.OnPostgres(t)
	p := backendtest.Start(t)
	actor := p.Found()
	order := token.Order{Scope: token.ScopeAccount}
	kept, before := p.Issue(actor, order)
	var number int64
	if err := p.Database().QueryRow("SELECT MAX(number) FROM token_changes").Scan(&number); err != nil {
		t.Fatal(err)
	}
	p.Revoke(actor, kept.ID)
	gone, since := p.Issue(actor, order)
	_, cookie := startSession(t, p, actor)
	active := func(cookie backendtest.Header) string {
		t.Helper()
		a := p.Call("GET", "/api/v1/api_token?status=active", nil, cookie)
		a.Must(t, 200)
		return a.Body
	}
	if !accepted(p, since) || accepted(p, before) || listed(t, p, since) != 0 || strings.Contains(active(cookie), kept.ID.String()) {
		t.Fatal("the tokens are not as they were made")
	}
	lose := fmt.Sprintf(`SET session_replication_role = replica; UPDATE api_tokens SET status = 'active' WHERE id = '%s'; DELETE FROM api_tokens WHERE id = '%s';
		DELETE FROM token_changes WHERE number > %d; RESET session_replication_role`, kept.ID, gone.ID, number)
	p.Exec(lose)
	if a := p.Call("GET", "/api/v1/api_token", nil, cookie); a.Status != 503 || !strings.Contains(a.Body, "database confirm") {
		t.Errorf("a database that lost changes: %d %s", a.Status, a.Body)
	}
	if err := p.ConfirmDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !accepted(p, before) || listed(t, p, before) != 0 {
			t.Error("a known token is not valid")
		}
		if accepted(p, since) || listed(t, p, since) != listedInvalid {
			t.Error("a forgotten token is not invalid")
		}
	}
	if _, fresh := p.Issue(actor, order); listed(t, p, fresh) != 0 || backendtest.EntryOf(t, fresh).URI == backendtest.EntryOf(t, before).URI {
		t.Error("a new token is invalid, or may have the entry of a forgotten one")
	}
	p.Call("GET", "/api/v1/backup", nil, cookie).Want(t, "a session that may have ended since", 401)
	_, cookie = startSession(t, p, actor)
	if !strings.Contains(active(cookie), kept.ID.String()) {
		t.Error("a list shows a status that the database has lost")
	}
	restore := func() any {
		return p.Call("GET", "/api/v1/backup", nil, cookie).Get(t, "details", "restore")
	}
	if r, _ := restore().(map[string]any); r["made_at"] != nil || r["reviewed"] != false {
		t.Errorf("admin users are asked %v", r)
	}
	p.Call("POST", "/api/v1/backup/review_restore", nil, cookie, backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}).Want(t, "the request", 200)
	if r, _ := restore().(map[string]any); r["reviewed"] != true {
		t.Errorf("after the review: %v", r)
	}
}
