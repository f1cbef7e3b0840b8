package store_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/store"
	"tokentab/backend/token"
)

// failing counts the statements of all programs in this process, and makes one of them fail.
type failing struct{ left atomic.Int64 }

var failures failing

func init() { store.BeforeStatement(failures.before) }

var errInjected = errors.New("this statement fails")

func (f *failing) before(string) error {
	if f.left.Add(-1) == 0 {
		return errInjected
	}
	return nil
}

// on makes the n-th statement from now on fail, while do runs. It reports whether one has failed.
func (f *failing) on(n int64, do func()) (failed bool) {
	f.left.Store(n)
	do()
	return f.left.Swap(0) <= 0
}

// TestAFailureOfAnyStatementIsARefusalWithoutEffect makes each statement of each change fail in turn, on a token of its own.
// The token's record and a validation of its secret must agree on whether the change was made.
func TestAFailureOfAnyStatementIsARefusalWithoutEffect(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	db := p.Database()
	number := func(query string, args ...any) (n int) {
		t.Helper()
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const rotation = `{"details":{"overlap_seconds":0}}`
	for _, c := range []struct {
		name, method, path, body string
		made                     string // selects 1 once the change is made
		accepts                  bool   // whether the secret is accepted then
		revoked                  bool   // the token is revoked before
	}{
		{"create", http.MethodPost, "", `{"details":{"token_scope":"account","name":"of %s"}}`, "SELECT count(*) FROM api_tokens WHERE name = 'of ' || ?", true, false},
		{"suspend", http.MethodPost, "/%s/suspend", "", "SELECT count(*) FROM api_tokens WHERE status = 'suspended' AND id = ?", false, false},
		{"revoke", http.MethodPost, "/%s/revoke", "", "SELECT count(*) FROM api_tokens WHERE status = 'revoked' AND id = ?", false, false},
		{"rotate", http.MethodPost, "/%s/rotate", rotation, "SELECT count(*) FROM old_secrets WHERE token_id = ?", false, false},
		{"delete", http.MethodDelete, "/%s", "", "SELECT 1 - count(*) FROM api_tokens WHERE id = ?", false, true},
	} {
		tried := 0
		for failed := true; failed; {
			tried++
			of, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			id := of.ID.String()
			if c.revoked {
				p.Revoke(actor, of.ID)
			}
			var body any
			if c.body == rotation || c.body == "" {
				if c.body != "" {
					body = c.body
				}
			} else {
				body = fmt.Sprintf(c.body, id)
			}
			path := "/api/v1/api_token"
			if c.path != "" {
				path += fmt.Sprintf(c.path, id)
			}
			events := number("SELECT count(*) FROM audit_events")
			var answer backendtest.Answer
			caller := manager
			if c.name == "rotate" { // a token may rotate itself only
				caller = secret
			}
			failed = failures.on(int64(tried), func() { answer = p.Call(c.method, path, body, backendtest.Bearer(caller)) })
			isMade := number(c.made, id) == 1
			switch {
			case answer.Status == http.StatusOK && !isMade, answer.Status != http.StatusOK && isMade:
				t.Errorf("%s, statement %d: the answer is %d, and it is made: %v", c.name, tried, answer.Status, isMade)
			case answer.Status != http.StatusOK && answer.Status != http.StatusServiceUnavailable:
				t.Errorf("%s, statement %d: the answer is %d %s", c.name, tried, answer.Status, answer.Body)
			case isMade != (number("SELECT count(*) FROM audit_events") > events):
				t.Errorf("%s, statement %d: it is made: %v, and its event is not", c.name, tried, isMade)
			}
			want := http.StatusUnauthorized
			if !isMade && !c.revoked || isMade && c.accepts {
				want = http.StatusOK
			}
			p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Want(t, fmt.Sprintf("%s, statement %d: the secret", c.name, tried), want)
		}
		if tried < 4 {
			t.Errorf("%s took %d statements only", c.name, tried)
		}
	}

	of, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, of.ID)
	for n := range int64(6) {
		p.Tokens.ForgetAll()
		var answer backendtest.Answer
		failures.on(n+1, func() { answer = p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)) })
		if answer.Status != http.StatusUnauthorized && answer.Status != http.StatusServiceUnavailable {
			t.Errorf("statement %d: a revoked token gets %d", n, answer.Status)
		}
	}
}
