package backend_test

import (
	"fmt"
	"net/http"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestPromise1HoldsForEachTokenOfABulkChange(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "manager"})
	const tokens = 4
	var ids, secrets []string
	for range tokens {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "hammered"})
		ids, secrets = append(ids, made.ID.String()), append(secrets, secret)
	}
	entry := backendtest.EntryOf(t, secrets[0])
	var gates [tokens + 1]gate // the last is that of the status list
	var stops []func() (checks, wrong int64)
	for i, secret := range secrets {
		stops = append(stops, hammer(t, 1, &gates[i], func() bool {
			v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
			if err != nil {
				t.Error(err)
			}
			return v.Reason == token.Good
		}))
	}
	stops = append(stops, hammer(t, 1, &gates[tokens], func() bool {
		list, err := p.Tokens.StatusList(t.Context(), 1)
		if err != nil {
			t.Error(err)
			return false
		}
		return backendtest.ValueOf(t, string(list.JWT), entry) == 0
	}))
	change := func(round int, action string) {
		t.Helper()
		fields := map[string]any{"action": action}
		if round%2 == 0 {
			fields["ids"] = ids
		} else {
			fields["filter"] = map[string]any{"search": "hammered"}
			fields["idempotency_key"] = fmt.Sprintf("%s %d", action, round)
		}
		a := p.Call(http.MethodPost, "/api/v1/api_token/bulk", backendtest.Details(fields), backendtest.Bearer(manager))
		if a.Status != http.StatusOK || a.Get(t, "details", "done") != float64(tokens) {
			t.Fatalf("%s: %d %s", action, a.Status, a.Body)
		}
	}
	for round := range backendtest.Rounds(60) {
		change(round, "suspend")
		for i := range gates {
			gates[i].close()
		}
		for _, secret := range secrets {
			if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.IsSuspended {
				t.Fatalf("after a suspend: %v %v", v.Reason, err)
			}
		}
		for i := range gates {
			gates[i].open()
		}
		change(round, "activate")
	}
	change(0, "revoke")
	for i := range gates {
		gates[i].close()
	}
	change(0, "delete")
	for i, stop := range stops {
		if checks, wrong := stop(); wrong > 0 {
			t.Errorf("checker %d: %d of %d accepts began after the change had returned", i, wrong, checks)
		}
	}
}
