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
