package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

func TestNoTokenPassesWhileTheDatabaseIsAway(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	path := filepath.Join(p.Folder, "tokentab.db")
	check := func(when string, ready, good int) {
		t.Helper()
		p.Clock.Move(10 * time.Second)
		p.Call(http.MethodGet, "/readyz", nil).Want(t, when+": readyz", ready)
		for _, endpoint := range []string{"/api/v1/validate", "/api/v1/ping", "/api/v1/account"} {
			p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Want(t, when+": "+endpoint, good)
		}
	}
	check("before", http.StatusOK, http.StatusOK)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	check("without the file", http.StatusServiceUnavailable, http.StatusServiceUnavailable)
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	check("with the file back", http.StatusOK, http.StatusOK)
}
