package backend_test

import (
	"net/http"
	"sync"
	"testing"

	"tokentab/backend/agent"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/token"
)

func TestPromise1HoldsWhenAnAgentIsRetiredAndReinstated(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	ours := fill(t, p, actor)
	for _, endpoint := range []string{"/api/v1/ping", "/api/v1/validate"} {
		t.Run(endpoint, func(t *testing.T) {
			_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: ours.environment})
			asks := func() int { return p.Call(http.MethodGet, endpoint, nil, backendtest.Bearer(secret)).Status }
			var g gate
			stop := hammer(t, 8, &g, func() bool { return asks() == http.StatusOK })
			move := func(action string) {
				t.Helper()
				p.Call(http.MethodPost, "/api/v1/agent/"+ours.agent.String()+"/"+action, nil, backendtest.Bearer(ours.secret)).Must(t, http.StatusOK)
			}
			for range 25 {
				move("retire")
				g.close()
				if s := asks(); s != http.StatusUnauthorized {
					t.Fatalf("retired: %d", s)
				}
				g.open()
				move("reinstate")
				if s := asks(); s != http.StatusOK {
					t.Fatalf("reinstated: %d", s)
				}
			}
			if checks, wrong := stop(); wrong > 0 {
				t.Errorf("%d of %d accepts began after the retirement had returned", wrong, checks)
			}
		})
	}
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: ours.environment})
	var g gate
	stop := hammer(t, 8, &g, func() bool {
		return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status == http.StatusOK
	})
	if _, _, err := p.Agents.Delete(t.Context(), actor, ours.agent, false); err != nil {
		t.Fatal(err)
	}
	g.close()
	if s := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Status; s != http.StatusUnauthorized {
		t.Errorf("deleted: %d", s)
	}
	if checks, wrong := stop(); wrong > 0 {
		t.Errorf("%d of %d accepts began after the delete had returned", wrong, checks)
	}
}

func TestNoTokenSlipsInBehindARetirement(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	ours := fill(t, p, actor)
	for range 20 {
		var secrets []string
		var mu sync.Mutex
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				_, secret, err := p.Tokens.Issue(t.Context(), actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: ours.environment})
				if err != nil && fault.KindOf(err) != fault.InvalidAction {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					secrets = append(secrets, secret)
				}
			})
		}
		a, _, err := p.Agents.Retire(t.Context(), actor, ours.agent)
		if err != nil || a.Status != agent.Retired {
			t.Fatalf("%v, %v", a.Status, err)
		}
		wait.Wait()
		for _, secret := range secrets {
			if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.IsSuspended {
				t.Errorf("a token that was issued beside the retirement is %v, %v", v.Reason, err)
			}
		}
		if _, _, err := p.Agents.Reinstate(t.Context(), actor, ours.agent); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoRetirementWithoutItsRecord(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	ours := fill(t, p, actor)
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: ours.environment})
	p.Exec("ALTER TABLE audit_events RENAME TO gone")
	for what, change := range map[string]func() error{
		"retire": func() error { _, _, err := p.Agents.Retire(t.Context(), actor, ours.agent); return err },
		"delete": func() error { _, _, err := p.Agents.Delete(t.Context(), actor, ours.agent, false); return err },
		"delete deployment": func() error {
			_, _, err := p.Agents.DeleteDeployment(t.Context(), actor, ours.deployment, false)
			return err
		},
		"set version": func() error {
			_, err := p.Agents.SetCurrentVersion(t.Context(), actor, ours.deployment, ours.version)
			return err
		},
	} {
		if change() == nil {
			t.Errorf("%s succeeded without a record", what)
		}
	}
	p.Exec("ALTER TABLE gone RENAME TO audit_events")
	if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.Good {
		t.Errorf("a change without a record took effect: %v %v", v.Reason, err)
	}
	d, err := p.Agents.Deployment(t.Context(), actor.AccountID, ours.deployment)
	if err != nil || !d.CurrentVersionID.IsZero() {
		t.Errorf("a change without a record took effect: %+v %v", d, err)
	}
	if a, err := p.Agents.Get(t.Context(), actor.AccountID, ours.agent); err != nil || a.Status == agent.Retired {
		t.Errorf("a change without a record took effect: %v %v", a.Status, err)
	}
}
