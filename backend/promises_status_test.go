package backend_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

// TestPromise1HoldsInTheStatusLists changes tokens while 64 readers look them up in their list.
func TestPromise1HoldsInTheStatusLists(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	must := func(_ token.Listed, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		entry := backendtest.EntryOf(t, secret)
		var g gate
		var unpacked sync.Map // validity of the token, by list
		stop := hammer(t, 64, &g, func() bool {
			list, err := p.Tokens.StatusList(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			valid, ok := unpacked.Load(list.Digest)
			if !ok {
				valid = backendtest.ValueOf(t, string(list.JWT), entry) == 0
				unpacked.Store(list.Digest, valid)
			}
			return valid.(bool)
		})
		for range 10 {
			must(p.Tokens.Suspend(t.Context(), actor, made.ID))
			g.close()
			if got := p.Listed(entry); got != 2 {
				t.Fatalf("suspended, it is listed as %d", got)
			}
			g.open()
			must(p.Tokens.Activate(t.Context(), actor, made.ID))
			if got := p.Listed(entry); got != 0 {
				t.Fatalf("active, it is listed as %d", got)
			}
		}
		must(p.Tokens.Revoke(t.Context(), actor, made.ID))
		g.close()
		must(p.Tokens.Delete(t.Context(), actor, made.ID))
		if got := p.Listed(entry); got != 1 {
			t.Errorf("deleted, it is listed as %d", got)
		}
		if reads, wrong := stop(); wrong > 0 {
			t.Errorf("%d of %d looks that began after the change had returned found the token valid", wrong, reads)
		}
	}
}

func TestPromise3NoStatusListIsMadeUp(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := strings.TrimPrefix(backendtest.EntryOf(t, secret).URI, p.URL)
	p.Exec("ALTER TABLE deleted_status_entries RENAME TO gone")
	if a := p.Call(http.MethodGet, path, nil); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("with a store that fails: %d %s", a.Status, a.Body)
	}
	if _, err := p.Accounts.Delete(t.Context(), audit.Actor{AccountID: actor.AccountID}, "Acme"); err == nil {
		t.Error("tokens were deleted though their lists can't be told")
	}
	p.Exec("ALTER TABLE gone RENAME TO deleted_status_entries")
	p.Call(http.MethodGet, path, nil).Want(t, "the failure was remembered", http.StatusOK)
}

// drawn is a source of randomness that draws the first entry of a status list a given number of times. Only status
// entries read three bytes.
type drawn struct {
	first atomic.Int64
}

func (d *drawn) Read(b []byte) (int, error) {
	if len(b) == 3 && d.first.Add(-1) >= 0 {
		clear(b)
		return len(b), nil
	}
	return rand.Read(b)
}

func TestATokenWhoseEntryIsTakenGetsAnotherOne(t *testing.T) {
	random := &drawn{}
	p := backendtest.Start(t, func(_ *config.Config, w *backend.World) { w.Random = random })
	actor := p.Found()
	random.first.Store(5)
	_, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, second := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	one, another := backendtest.EntryOf(t, first), backendtest.EntryOf(t, second)
	if one.Index != 0 || another.Index == 0 || random.first.Load() > 0 {
		t.Errorf("%+v %+v, %d draws left", one, another, random.first.Load())
	}
	random.first.Store(1 << 40)
	if _, _, err := p.Tokens.Issue(t.Context(), actor, token.Order{Scope: token.ScopeAccount}); err == nil {
		t.Error("two tokens have one entry")
	}
	random.first.Store(0)
	if a := p.Call(http.MethodGet, "/api/v1/api_token", nil, backendtest.Bearer(second)); strings.Count(a.Body, `"token_scope"`) != 2 {
		t.Errorf("a token that was not issued is there: %s", a.Body)
	}
}

func TestTheNextListBeginsWhenHalfOfOneIsTaken(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, first := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Exec(fmt.Sprintf("UPDATE status_lists SET taken = %d", token.StatusListFill))
	_, second := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	one, two := backendtest.EntryOf(t, first), backendtest.EntryOf(t, second)
	if one.URI != p.URL+"/status-lists/1" || two.URI != p.URL+"/status-lists/2" {
		t.Fatalf("%+v %+v", one, two)
	}
	if a := p.Call(http.MethodGet, "/status-lists", nil); a.Body != fmt.Sprintf(`{"status_lists":["%s","%s"]}`, one.URI, two.URI) {
		t.Errorf("%s", a.Body)
	}
	p.Revoke(actor, made.ID)
	if p.Listed(one) != 1 || p.Listed(two) != 0 {
		t.Errorf("revoked is listed as %d, active as %d", p.Listed(one), p.Listed(two))
	}
}
