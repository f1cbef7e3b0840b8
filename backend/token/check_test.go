package token

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tokentab/backend/pfid"
)

// finder is a store that implements only FindToken.
type finder struct {
	Store
	find func(ctx context.Context, hash Hash) (State, bool, error)
}

func (f finder) FindToken(ctx context.Context, hash Hash) (State, bool, error) {
	return f.find(ctx, hash)
}

func tokensOver(t testing.TB, find func(context.Context, Hash) (State, bool, error), now func() time.Time) *Tokens {
	return New(finder{find: find}, nil, newCache(t, 1000), Lifetimes{}, now, rand.Reader)
}

func TestAStoreThatNeverAnswersRefusesInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := tokensOver(t, func(ctx context.Context, _ Hash) (State, bool, error) {
			<-ctx.Done()
			return State{Status: Active}, true, ctx.Err()
		}, time.Now)
		began := time.Now()
		v, err := ts.Check(t.Context(), []byte("secret"), Need{})
		if err == nil || v.Reason == Good {
			t.Fatalf("%v %v", v.Reason, err)
		}
		if waited := time.Since(began); waited != findTimeout {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestWhatIsTooLongOrEmptyIsNotLookedUp(t *testing.T) {
	ts := tokensOver(t, func(context.Context, Hash) (State, bool, error) {
		return State{}, false, errors.New("the store was asked")
	}, time.Now)
	for _, secret := range []string{"", strings.Repeat("x", MaxSecret+1)} {
		if v, err := ts.Check(t.Context(), []byte(secret), Need{}); err != nil || v.Reason != Unknown {
			t.Errorf("%d bytes: %v %v", len(secret), v.Reason, err)
		}
	}
}

func TestAStateThatIsNotSetIsNeverGood(t *testing.T) {
	var s State
	if r := s.judge(time.Now(), nil); r == Good {
		t.Fatal("the zero state was accepted")
	}
	s = State{Status: 77, ExpiresAt: time.Now().Add(time.Hour).Unix()}
	if r := s.judge(time.Now(), nil); r == Good {
		t.Fatal("an unknown status was accepted")
	}
}

func TestANeedIsMetByTheTokensOwnIdsAndByTheWholeAccountOnly(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_000)
	id := func(partition uint32) pfid.ID {
		made, err := pfid.New(at, partition, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	account, environment, agent, other, foreign := id(7), id(7), id(7), id(7), id(8)
	state := func(scope Scope) *State {
		s := &State{Status: Active, Scope: scope, AccountID: account, ExpiresAt: at.Unix() + 60}
		if scope != ScopeAccount {
			s.EnvironmentID = environment
		}
		if scope == ScopeAgentDeployment {
			s.AgentID = agent
		}
		return s
	}
	for _, c := range []struct {
		name                             string
		need                             Need
		account, environment, deployment Reason
	}{
		{"nothing", Need{}, Good, Good, Good},
		{"its account", Need{Accounts: []pfid.ID{account}}, Good, Good, Good},
		{"one of two accounts", Need{Accounts: []pfid.ID{foreign, account}}, Good, Good, Good},
		{"another account", Need{Accounts: []pfid.ID{foreign}}, Insufficient, Insufficient, Insufficient},
		{"an account that is not written right", Need{Accounts: []pfid.ID{{}}}, Insufficient, Insufficient, Insufficient},
		{"its account and another environment", Need{Accounts: []pfid.ID{account}, Environments: []pfid.ID{other}}, Good, Insufficient, Insufficient},
		{"its environment", Need{Environments: []pfid.ID{environment}}, Good, Good, Good},
		{"one of two environments", Need{Environments: []pfid.ID{other, environment}}, Good, Good, Good},
		{"another environment", Need{Environments: []pfid.ID{other}}, Good, Insufficient, Insufficient},
		{"its agent", Need{Agents: []pfid.ID{agent}}, Good, Insufficient, Good},
		{"another agent", Need{Agents: []pfid.ID{other}}, Good, Insufficient, Insufficient},
		{"its environment and another agent", Need{Environments: []pfid.ID{environment}, Agents: []pfid.ID{other}}, Good, Insufficient, Insufficient},
		{"an environment of another account", Need{Environments: []pfid.ID{foreign}}, Insufficient, Insufficient, Insufficient},
		{"an environment that is not written right", Need{Environments: []pfid.ID{{}}}, Insufficient, Insufficient, Insufficient},
		{"an agent that is not written right", Need{Agents: []pfid.ID{{}}}, Insufficient, Insufficient, Insufficient},
		{"the account scope", Need{Scopes: []Scope{ScopeAccount}}, Good, Insufficient, Insufficient},
		{"two scopes", Need{Scopes: []Scope{ScopeEnvironment, ScopeAgentDeployment}}, Insufficient, Good, Good},
		{"a scope that is not written right", Need{Scopes: []Scope{0}}, Insufficient, Insufficient, Insufficient},
	} {
		for scope, want := range map[Scope]Reason{ScopeAccount: c.account, ScopeEnvironment: c.environment, ScopeAgentDeployment: c.deployment} {
			if got := state(scope).judge(at, []Need{c.need}); got != want {
				t.Errorf("%s, asked of a token of scope %s: %v, want %v", c.name, scope, got, want)
			}
		}
	}
}
