package backend_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// many is more tokens than the transaction that begins a move changes.
const many, firstRows = 600, 250

// seed writes many active deployment tokens for an actor and returns their secrets.
func seed(t *testing.T, p *backendtest.Program, actor audit.Actor, ours holdings) (secrets []string) {
	t.Helper()
	db := p.Database()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	at := p.Clock.Now()
	for i := range many {
		secret := fmt.Sprintf("%s %d", ours.deployment, i)
		hash := sha256.Sum256([]byte(secret))
		id, err := pfid.New(at, actor.AccountID.Partition(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, agent_id, environment_id, agent_deployment_id,
			created_by_admin_user_id, status_list, status_index, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, '', 'agent_deployment', 'active', ?, ?, ?, ?, 2, ?, ?, ?, ?)`, id, actor.AccountID, hash[:], ours.agent, ours.environment,
			ours.deployment, actor.AdminUserID, i, at.AddDate(0, 1, 0).UnixMilli(), at.UnixMilli(), at.UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	for statement, value := range map[string]any{
		"INSERT INTO status_lists (number, taken, inserted_at) VALUES (2, ?, 1)":               many,
		"INSERT INTO token_uses (token_id) SELECT id FROM api_tokens WHERE status_list = ?":    2,
		"UPDATE accounts SET api_token_count = (SELECT count(*) FROM api_tokens) WHERE id = ?": actor.AccountID,
	} {
		if _, err := tx.Exec(statement, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return secrets
}

// deployed registers an agent and deploys it in the first environment.
func deployed(t *testing.T, p *backendtest.Program, actor audit.Actor) (ours holdings) {
	t.Helper()
	ours.environment, ours.agent = p.Environment(actor), p.Register(actor, agent.Order{Name: "bot"}).ID
	d, err := p.Agents.Deploy(t.Context(), actor, agent.DeploymentOrder{AgentID: ours.agent, EnvironmentID: ours.environment})
	if err != nil {
		t.Fatal(err)
	}
	ours.deployment = d.ID
	return ours
}

// stickMoves stops moves halfway until they may go on.
func stickMoves(p *backendtest.Program) (letGo func()) {
	return p.Break("UPDATE", "token_moves", "NEW.moved > 300")
}

func TestPromise1HoldsForVeryManyTokensFromTheAnswerOn(t *testing.T) {
	for what, end := range map[string]func(*backendtest.Program, audit.Actor, holdings) (int, error){
		"deleted environment": func(p *backendtest.Program, actor audit.Actor, ours holdings) (int, error) {
			_, n, err := p.Accounts.DeleteEnvironment(t.Context(), actor, ours.environment, false)
			return n, err
		},
		"deleted agent": func(p *backendtest.Program, actor audit.Actor, ours holdings) (int, error) {
			_, n, err := p.Agents.Delete(t.Context(), actor, ours.agent, false)
			return n, err
		},
		"retired agent": func(p *backendtest.Program, actor audit.Actor, ours holdings) (int, error) {
			_, n, err := p.Agents.Retire(t.Context(), actor, ours.agent)
			return n, err
		},
		"deleted deployment": func(p *backendtest.Program, actor audit.Actor, ours holdings) (int, error) {
			_, n, err := p.Agents.DeleteDeployment(t.Context(), actor, ours.deployment, false)
			return n, err
		},
		"tokens of a member": func(p *backendtest.Program, actor audit.Actor, ours holdings) (int, error) {
			_, n, err := p.People.RevokeTokensOf(t.Context(), actor, actor.AdminUserID)
			return n, err
		},
		"deleted account": func(p *backendtest.Program, actor audit.Actor, _ holdings) (int, error) {
			_, err := p.Accounts.Delete(t.Context(), actor, "Acme")
			return many, err
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := backendtest.Start(t)
			actor := p.Found()
			rival := p.Rival()
			ours := deployed(t, p, actor)
			_, theirs := p.Issue(rival, token.Order{Scope: token.ScopeAccount})
			secrets := seed(t, p, actor, ours)
			check := func(secret string) token.Reason {
				t.Helper()
				v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
				if err != nil {
					t.Fatal(err)
				}
				return v.Reason
			}
			for i, secret := range secrets { // half of them are in the cache
				if i%2 == 0 && check(secret) != token.Good {
					t.Fatal("a token is not good before its end")
				}
			}
			var g gate
			stop := hammer(t, 4, &g, func() bool {
				return p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secrets[many-1])).Status == http.StatusOK
			})
			letMovesGo := stickMoves(p)
			n, err := end(p, actor, ours)
			g.close()
			if err != nil || n != many {
				t.Fatalf("%d tokens end, %v; want %d", n, err, many)
			}
			ended := func() {
				t.Helper()
				for i, secret := range secrets {
					if r := check(secret); r == token.Good {
						t.Fatalf("token %d is good after the answer", i)
					}
				}
				if check(theirs) != token.Good {
					t.Error("the token of another account is not good any more")
				}
				for _, index := range []int{0, firstRows, many - 1} {
					if p.Listed(backendtest.Entry{URI: p.URL + "/status-lists/2", Index: index}) == 0 {
						t.Errorf("the status list says of token %d that it is valid", index)
					}
				}
			}
			ended()
			letMovesGo()
			if err := p.Tokens.FinishMoves(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			ended()
			if checks, wrong := stop(); wrong > 0 {
				t.Errorf("%d of %d accepts began after the answer", wrong, checks)
			}
		})
	}
}

func TestAnAgentComesBackWhileItsRetirementIsStillWorking(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	ours := deployed(t, p, actor)
	secrets := seed(t, p, actor, ours)
	found, err := p.Tokens.List(t.Context(), actor.AccountID, token.Filter{AgentID: ours.agent}, page)
	if err != nil {
		t.Fatal(err)
	}
	aside, ended := found.Tokens[0], found.Tokens[1] // not active before
	p.Suspend(actor, aside.ID)
	p.Revoke(actor, ended.ID)
	counts := func() string {
		t.Helper()
		n := map[token.Reason]int{}
		for _, secret := range secrets {
			v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{})
			if err != nil {
				t.Fatal(err)
			}
			n[v.Reason]++
		}
		return fmt.Sprint(n[token.Good], " good, ", n[token.IsSuspended], " suspended, ", n[token.IsRevoked], " revoked")
	}
	letMovesGo := stickMoves(p)
	const in, out = "598 good, 1 suspended, 1 revoked", "0 good, 599 suspended, 1 revoked"
	for range 2 {
		if _, n, err := p.Agents.Retire(t.Context(), actor, ours.agent); err != nil || n != many-2 {
			t.Fatal(n, err)
		}
		if got := counts(); got != out {
			t.Errorf("retired: %s", got)
		}
		if _, n, err := p.Agents.Reinstate(t.Context(), actor, ours.agent); err != nil || n != many-2 {
			t.Fatal(n, err)
		}
		if got := counts(); got != in {
			t.Errorf("reinstated: %s", got)
		}
	}
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: ours.environment})
	letMovesGo()
	if err := p.Tokens.FinishMoves(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := counts(); got != in {
		t.Errorf("in the end: %s", got)
	}
	if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.Good || made.Status != token.Active {
		t.Errorf("a token made meanwhile: %v %v %v", made.Status, v.Reason, err)
	}
	if got, err := p.Tokens.Get(t.Context(), actor.AccountID, aside.ID); err != nil || got.Status != token.Suspended {
		t.Errorf("a token that someone suspended came back: %v %v", got.Status, err)
	}
}

func TestADeletedResourceGetsNoTokensAndFreesItsName(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	ours := deployed(t, p, actor)
	seed(t, p, actor, ours)
	letMovesGo := stickMoves(p)
	before, err := p.Accounts.Environment(t.Context(), actor.AccountID, ours.environment)
	if err != nil || before.LiveTokens != many {
		t.Fatal(before, err)
	}
	if _, _, err := p.Accounts.DeleteEnvironment(t.Context(), actor, ours.environment, false); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.Tokens.Issue(t.Context(), actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: ours.environment})
	if fault.KindOf(err) != fault.Validation {
		t.Errorf("a token of an environment that ends: %v", err)
	}
	again, err := p.Accounts.CreateEnvironment(t.Context(), actor, account.EnvironmentOrder{Name: before.Name})
	if err != nil {
		t.Fatal(err)
	}
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: ours.agent, EnvironmentID: again.ID})
	member, err := p.People.Member(t.Context(), actor.AccountID, actor.AdminUserID)
	if err != nil || member.LiveTokens != 1 {
		t.Errorf("the member has %d live tokens, %v; want the new one", member.LiveTokens, err)
	}
	// The ended tokens don't count any more, so the deployment can be deleted without them.
	d, _, err := p.Agents.Deployments(t.Context(), actor.AccountID, agent.DeploymentFilter{}, page)
	if err != nil || len(d) != 1 || d[0].LiveTokens != 1 {
		t.Errorf("deployments: %+v %v", d, err)
	}
	letMovesGo()
	if err := p.Tokens.FinishMoves(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if v, err := p.Tokens.Check(t.Context(), []byte(secret), token.Need{}); err != nil || v.Reason != token.Good {
		t.Errorf("a token of a new environment: %v %v", v.Reason, err)
	}
}

func TestAMoveUnderWayNamesWhatItsTokensName(t *testing.T) {
	for field, c := range map[string]struct {
		end   func(*backendtest.Program, audit.Actor, holdings) error
		names map[string]any
	}{
		"environment_id": {func(p *backendtest.Program, actor audit.Actor, ours holdings) error {
			_, _, err := p.Accounts.DeleteEnvironment(t.Context(), actor, ours.environment, false)
			return err
		}, map[string]any{"status": "revoked", "environment_name": "Development"}},
		"agent_id": {func(p *backendtest.Program, actor audit.Actor, ours holdings) error {
			_, _, err := p.Agents.Retire(t.Context(), actor, ours.agent)
			return err
		}, map[string]any{"status": "suspended", "agent_name": "bot"}},
		"agent_deployment_id": {func(p *backendtest.Program, actor audit.Actor, ours holdings) error {
			_, _, err := p.Agents.DeleteDeployment(t.Context(), actor, ours.deployment, false)
			return err
		}, map[string]any{"status": "revoked", "agent_name": "bot", "environment_name": "Development"}},
		"created_by_admin_user_id": {func(p *backendtest.Program, actor audit.Actor, _ holdings) error {
			_, _, err := p.People.RevokeTokensOf(t.Context(), actor, actor.AdminUserID)
			return err
		}, map[string]any{"status": "revoked", "created_by_name": "Ada"}},
		"created_by_api_token_id": {func(p *backendtest.Program, actor audit.Actor, _ holdings) error {
			maker, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			p.Exec("UPDATE api_tokens SET hint = 'x7Qa' WHERE id = '" + maker.ID.String() + "'")
			p.Exec("UPDATE api_tokens SET created_by_api_token_id = '" + maker.ID.String() + "' WHERE status_list = 2")
			_, _, err := p.Tokens.RevokeWithDescendants(t.Context(), actor, maker.ID)
			return err
		}, map[string]any{"status": "revoked", "created_by_name": "API token …x7Qa"}},
	} {
		t.Run(field, func(t *testing.T) {
			p := backendtest.Start(t)
			actor := p.Found()
			_, watcher := p.Issue(audit.Actor{AccountID: actor.AccountID}, token.Order{Scope: token.ScopeAccount}) // made by no member
			ours := deployed(t, p, actor)
			seed(t, p, actor, ours)
			stickMoves(p)
			if err := c.end(p, actor, ours); err != nil {
				t.Fatal(err)
			}
			moves := p.Call(http.MethodGet, "/api/v1/api_token/moves", nil, backendtest.Bearer(watcher)).Get(t, "details", "moves").([]any)
			if len(moves) != 1 {
				t.Fatalf("%d moves are under way, want 1", len(moves))
			}
			got := moves[0].(map[string]any)
			want := map[string]any{"field": field, "agent_name": nil, "environment_name": nil, "created_by_name": nil}
			maps.Copy(want, c.names)
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s is %v, want %v", name, got[name], value)
				}
			}
		})
	}
}
