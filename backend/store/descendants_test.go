package store_test

import (
	"math"
	"net/http"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// TestALongLineOfTokensIsRevokedInFewStatements covers a program that renews its token by creating the next one.
func TestALongLineOfTokensIsRevokedInFewStatements(t *testing.T) {
	p := backendtest.Start(t)
	owner := p.Found()
	root, secret := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	_, manager := p.Issue(owner, token.Order{Scope: token.ScopeAccount})
	const length = 60
	for range length {
		a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(secret))
		secret = a.Text(t, "token")
	}
	failures.left.Store(math.MaxInt64)
	a := p.Call(http.MethodPost, "/api/v1/api_token/"+root.ID.String()+"/revoke?with_descendants=true", nil, backendtest.Bearer(manager))
	if n := math.MaxInt64 - failures.left.Swap(0); n > length {
		t.Errorf("it took %d statements", n)
	}
	if a.Status != http.StatusOK || a.Get(t, "revoked_descendant_count") != float64(length) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Want(t, "the last of the line", http.StatusUnauthorized)
}
