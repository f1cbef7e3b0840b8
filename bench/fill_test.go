package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestAFilledDatabaseValidatesItsTokensAndNoOthers(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	p.Stop()
	const stored = 2*hotTokens + 1
	if err := fill(t.Context(), filepath.Join(p.Folder, "tokentab.db"), stored); err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	address := strings.TrimPrefix(p.URL, "http://")
	for _, path := range []string{pathValidate, pathPing} {
		for number, want := range map[int]int{
			0: http.StatusOK, stored - 1: http.StatusOK, caller(stored): http.StatusOK,
			stored + 1: http.StatusUnauthorized, firstBad: http.StatusUnauthorized,
		} {
			if a, err := ask(address, get(path).with(number)); err != nil || a.status != want {
				t.Errorf("%s answered %d (%v) to secret %d, want %d", path, a.status, err, number, want)
			}
		}
	}
}

func TestNumberedSecretsAreAboutAsLongAsIssuedOnes(t *testing.T) {
	p := backendtest.Start(t)
	_, account := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	as := backendtest.Bearer(account)
	agent := p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "Agent"}), as).Text(t, "details", "id")
	environment := p.Call(http.MethodGet, "/api/v1/environment", nil, as).JSON(t)["summaries"].([]any)[0].(map[string]any)["id"]
	issued := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{
		"token_scope": "agent_deployment", "agent_id": agent, "environment_id": environment,
	}), as).Text(t, "token")
	if ours := len(secret(0)); ours < len(issued)-40 || ours > len(issued)+40 {
		t.Errorf("the secrets of the bench have %d characters, an issued one %d", ours, len(issued))
	}
}
