package backend_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

func TestPromise6ALastUseStampedByAWrongClockGivesWayToTheNextUse(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		wrong time.Duration
		after func(p *backendtest.Program) *backendtest.Program // what happens before the clock is corrected
	}{
		"noted":                   {ahead, func(p *backendtest.Program) *backendtest.Program { return p }},
		"an hour ahead and noted": {time.Hour, func(p *backendtest.Program) *backendtest.Program { return p }},
		"written":                 {ahead, func(p *backendtest.Program) *backendtest.Program { flush(t, p); return p }},
		"an hour ahead, written":  {time.Hour, func(p *backendtest.Program) *backendtest.Program { flush(t, p); return p }},
		"written, after a restart": {ahead, func(p *backendtest.Program) *backendtest.Program {
			p.Stop()
			return backendtest.StartIn(t, p.Folder, p.Clock)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			actor := p.Found()
			bot := p.Register(actor, agent.Order{Name: "bot"})
			p.Clock.Move(c.wrong)
			made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: bot.ID, EnvironmentID: p.Environment(actor)})
			use := func() {
				t.Helper()
				p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)).Must(t, http.StatusOK)
			}
			use()
			p = c.after(p)
			p.Clock.Move(-c.wrong)
			// Its secret is valid from a future time on. Online validation looks it up and asks no more.
			for range 2 {
				p.Clock.Move(10 * time.Minute)
				use()
				for _, step := range []func(){func() {}, func() { flush(t, p) }, func() { p.Stop(); p = backendtest.StartIn(t, p.Folder, p.Clock) }} {
					step()
					found, err := p.Tokens.Get(t.Context(), actor.AccountID, made.ID)
					if err != nil || !found.LastUsedAt.Equal(p.Clock.Now()) {
						t.Errorf("last used at %s, and it is %s (%v)", found.LastUsedAt, p.Clock.Now(), err)
					}
				}
				seen, err := p.Agents.Get(t.Context(), actor.AccountID, bot.ID)
				if err != nil || !seen.LastSeenAt.Equal(p.Clock.Now()) {
					t.Errorf("the agent was seen at %s, and it is %s (%v)", seen.LastSeenAt, p.Clock.Now(), err)
				}
			}
		})
	}
}

// TestPromise1HoldsInTheStatusListsAfterAClockThatWasAhead deletes tokens before and while the clock is ahead, when
// each of them counts as expired.
func TestPromise1HoldsInTheStatusListsAfterAClockThatWasAhead(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	entries := map[string]backendtest.Entry{}
	issue := func(name string, by audit.Actor) token.Listed {
		t.Helper()
		made, secret := p.Issue(by, token.Order{Scope: token.ScopeAccount})
		entries[name] = backendtest.EntryOf(t, secret)
		return made
	}
	remove := func(made token.Listed) {
		t.Helper()
		p.Revoke(actor, made.ID)
		if _, err := p.Tokens.Delete(t.Context(), actor, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	before, while := issue("deleted before", actor), issue("deleted while it was ahead", actor)
	issue("deleted with its account while it was ahead", rival)
	remove(before)
	p.Clock.Move(ahead)
	remove(while)
	remove(issue("made and deleted while it was ahead", actor))
	if _, err := p.Accounts.Delete(t.Context(), rival, "Rival"); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(-ahead)
	remove(issue("deleted after", actor))
	for name, entry := range entries {
		if got := p.Listed(entry); got != 1 {
			t.Errorf("%s: listed as %d", name, got)
		}
	}
}

// TestAnOverlapThatAClockAheadBeganIsAsLongAsItWasAskedFor sets the clock right again during the overlap.
func TestAnOverlapThatAClockAheadBeganIsAsLongAsItWasAskedFor(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"two hours": 2*time.Hour + 300*time.Millisecond, "years": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			actor := p.Found()
			correct := func() {
				t.Helper()
				if err := p.CorrectOverlaps(t.Context()); err != nil { // as the server does every minute
					t.Fatal(err)
				}
			}
			rotate := func(id pfid.ID) {
				t.Helper()
				if _, _, err := p.Tokens.Rotate(t.Context(), actor, id, token.Rotation{Overlap: time.Hour}); err != nil {
					t.Fatal(err)
				}
			}
			before, beforeSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(300 * 24 * time.Hour)})
			rotate(before.ID)
			correct()
			p.Clock.Jump(ahead)
			made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			rotate(made.ID)
			p.Clock.Jump(-ahead)
			if !accepted(p, secret) { // and known in memory
				t.Fatal("refused when the clock is right")
			}
			correct()
			correct()
			recorded, err := p.Audit.Events(t.Context(), actor.AccountID, audit.Filter{Actions: []audit.Action{audit.OverlapCorrected}}, paging.Page{Size: 10})
			if err != nil || len(recorded.Events) != 1 || recorded.Events[0].Subject != made.ID.String() {
				t.Errorf("recorded %+v, %v", recorded.Events, err)
			}
			for what, secret := range map[string]string{"before": beforeSecret, "while it was ahead": secret} {
				p.Clock.Move(time.Hour - time.Second)
				if !accepted(p, secret) || p.Listed(backendtest.EntryOf(t, secret)) != 0 {
					t.Errorf("%s: refused before the end of the overlap", what)
				}
				p.Clock.Move(time.Second)
				if accepted(p, secret) || p.Listed(backendtest.EntryOf(t, secret)) != 1 {
					t.Errorf("%s: accepted after the end of the overlap", what)
				}
				p.Clock.Jump(-time.Hour)
			}
			p.Clock.Move(time.Hour)
			rotate(made.ID)
		})
	}
}

// TestAnOverlapOutlastsAClockThatIsBehindForAWhile covers the start of a machine that has the time of an hour ago until it asks for
// it, and a copy whose clock is behind.
func TestAnOverlapOutlastsAClockThatIsBehindForAWhile(t *testing.T) {
	for _, behind := range []time.Duration{2 * time.Minute, time.Hour, 10 * 365 * 24 * time.Hour} {
		for _, restarts := range []bool{false, true} {
			p := backendtest.Start(t)
			actor := p.Found()
			made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			if _, _, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: 10 * time.Minute}); err != nil {
				t.Fatal(err)
			}
			correct := func() {
				if err := p.CorrectOverlaps(t.Context()); err != nil { // as the server does every minute
					t.Fatal(err)
				}
			}
			correct()
			p.Clock.Jump(-behind)
			if restarts {
				p.Stop()
				p = backendtest.StartIn(t, p.Folder, p.Clock)
			}
			correct()
			p.Clock.Jump(behind)
			p.Clock.Move(10*time.Minute - time.Second)
			if !accepted(p, secret) {
				t.Errorf("%s behind, restarted %v: refused before the end of the overlap", behind, restarts)
			}
			p.Clock.Move(time.Second)
			if accepted(p, secret) {
				t.Errorf("%s behind, restarted %v: accepted after the end of the overlap", behind, restarts)
			}
		}
	}
}

// TestAnAgentThatAClockAheadStampedIsDormantUntilItIsUsedAgain covers an agent that would otherwise be active for
// years.
func TestAnAgentThatAClockAheadStampedIsDormantUntilItIsUsedAgain(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "years": 14 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			actor := p.Found()
			environments, _, err := p.Accounts.Environments(t.Context(), actor.AccountID, paging.Page{Size: 1, Sort: "inserted_at"})
			if err != nil {
				t.Fatal(err)
			}
			bot := p.Register(actor, agent.Order{Name: "bot"})
			never := p.Register(actor, agent.Order{Name: "never"})
			is := func(when, want string) {
				t.Helper()
				found, err := p.Agents.Get(t.Context(), actor.AccountID, bot.ID)
				if err != nil || found.Status != want {
					t.Errorf("%s: %s (%v)", when, found.Status, err)
				}
				for _, descending := range []bool{false, true} {
					list, _, err := p.Agents.List(t.Context(), actor.AccountID, "", paging.Page{Size: 10, Sort: "status", Descending: descending})
					first := list[0].ID == bot.ID // active, dormant, pending
					if err != nil || len(list) != 2 || first == descending || list[0].Status != want && list[1].Status != want {
						t.Errorf("%s: listed as %+v (%v)", when, list, err)
					}
				}
				if found, err := p.Agents.Get(t.Context(), actor.AccountID, never.ID); err != nil || found.Status != agent.Pending {
					t.Errorf("%s: one that was never used is %s (%v)", when, found.Status, err)
				}
			}
			p.Clock.Move(ahead)
			_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAgentDeployment, AgentID: bot.ID, EnvironmentID: environments[0].ID})
			if !accepted(p, secret) {
				t.Fatal("refused")
			}
			flush(t, p)
			is("by that clock", agent.Active)
			p.Clock.Move(-agent.ClockTolerance)
			is("by one that differs a little", agent.Active)
			p.Clock.Move(agent.ClockTolerance - ahead)
			is("when it is right", agent.Dormant)
			if !accepted(p, secret) {
				t.Fatal("refused")
			}
			flush(t, p)
			is("used again", agent.Active)
		})
	}
}

// TestATokenOfAClockThatWasAheadKeepsItsTimesAndItsPlaceInLists also revokes such a token.
func TestATokenOfAClockThatWasAheadKeepsItsTimesAndItsPlaceInLists(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	p := backendtest.Start(t)
	actor := p.Found()
	earlier, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Clock.Move(ahead)
	future, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Clock.Move(-ahead)
	p.Clock.Move(time.Second)
	later, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	sorted := []pfid.ID{earlier.ID, later.ID, future.ID}
	for _, sort := range []string{"inserted_at", "expires_at"} {
		for i := range sorted { // one page per token
			for _, descending := range []bool{false, true} {
				want := sorted[i]
				if descending {
					want = sorted[len(sorted)-1-i]
				}
				found, err := p.Tokens.List(t.Context(), actor.AccountID, token.Filter{}, paging.Page{Size: 1, Offset: i, Sort: sort, Descending: descending})
				if err != nil || found.Total != 3 || len(found.Tokens) != 1 || found.Tokens[0].ID != want {
					t.Errorf("by %s, descending %v: page %d is %v, want %s (%v)", sort, descending, i, found.Tokens, want, err)
				}
			}
		}
	}
	if found, err := p.Tokens.Get(t.Context(), actor.AccountID, future.ID); err != nil || !found.ExpiresAt.Equal(future.ExpiresAt) || !accepted(p, secret) {
		t.Errorf("expires at %s, not %s, or is refused (%v)", found.ExpiresAt, future.ExpiresAt, err)
	}
	if _, err := p.Tokens.Revoke(t.Context(), actor, future.ID); err != nil || accepted(p, secret) {
		t.Errorf("revoked, it is accepted (%v)", err)
	}
}

func flush(t *testing.T, p *backendtest.Program) {
	t.Helper()
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
