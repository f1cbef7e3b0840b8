package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"tokentab/backend"
	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

const (
	hour = time.Hour
	day  = 24 * hour
	// used is how long the tokens were used.
	used = 30 * day
	// longest is the lifetime of the tokens at most.
	longest = 395 * day
)

// month is the account while it is filled.
type month struct {
	*backend.Backend
	clock *clock
	now   time.Time

	team         []audit.Actor
	environments map[string]pfid.ID
	agentIDs     map[string]pfid.ID
	issued       []*issued
}

// issued is a token with what will happen to it.
type issued struct {
	plan
	made   token.Listed
	secret string
	next   string // the secret after a rotation
}

func (m *month) people(ctx context.Context, password string) error {
	founder, err := m.People.Found(ctx, people.Founder{AccountName: "Northwind", Name: "Ada Lovelace", Email: "ada@northwind.example", Password: password}, "")
	if err != nil {
		return err
	}
	ada := audit.Actor{AccountID: founder.AccountID, AdminUserID: founder.ID, Address: "192.0.2.10"}
	m.team = append(m.team, ada)
	for _, p := range []struct {
		name, email string
		role        people.Role
	}{
		{"Grace Hopper", "grace@northwind.example", people.RoleAdmin}, {"Alan Turing", "alan@northwind.example", people.RoleAdmin},
		{"Katherine Johnson", "katherine@northwind.example", people.RoleAdmin}, {"Linus Pauling", "linus@northwind.example", people.RoleAdmin},
		{"Rosalind Franklin", "rosalind@northwind.example", people.RoleViewer},
	} {
		invite, err := m.People.Invite(ctx, ada, p.email, p.role)
		if err != nil {
			return err
		}
		user, err := m.People.AcceptInvite(ctx, people.Acceptance{Code: invite.Code, Name: p.name, Password: password}, "")
		if err != nil {
			return err
		}
		if p.role == people.RoleAdmin { // the others make nothing
			m.team = append(m.team, audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID, Address: "192.0.2.20"})
		}
	}
	return nil
}

func (m *month) agents(ctx context.Context) error {
	ada := m.team[0]
	m.environments = map[string]pfid.ID{}
	for _, order := range []account.EnvironmentOrder{{Name: "Staging", Purpose: "staging"}, {Name: "Load test", Purpose: "testing"}} {
		if _, err := m.Accounts.CreateEnvironment(ctx, ada, order); err != nil {
			return err
		}
	}
	list, _, err := m.Accounts.Environments(ctx, ada.AccountID, everything)
	if err != nil {
		return err
	}
	for _, e := range list {
		m.environments[e.Name] = e.ID
	}
	m.agentIDs = map[string]pfid.ID{}
	for i, a := range agents {
		m.clock.at = m.clock.at.Add(day)
		made, err := m.Agents.Register(ctx, m.team[i%len(m.team)], agent.Order{Name: a[0], Description: a[1]})
		if err != nil {
			return err
		}
		m.agentIDs[a[0]] = made.ID
	}
	return nil
}

func (m *month) issue(ctx context.Context) error {
	plans := slices.SortedFunc(slices.Values(plans()), func(a, b plan) int { return cmp.Compare(b.age, a.age) })
	for _, p := range plans {
		m.clock.at = m.now.Add(-p.age)
		expires := min(p.expires, longest-p.age)
		order := token.Order{Scope: token.ScopeAccount, Name: p.name, ExpiresAt: m.now.Add(expires)}
		if p.environment != "" {
			order.Scope, order.EnvironmentID = token.ScopeEnvironment, m.environments[p.environment]
		}
		if p.agent != "" {
			order.Scope, order.AgentID = token.ScopeAgentDeployment, m.agentIDs[p.agent]
		}
		made, secret, err := m.Tokens.Issue(ctx, m.team[p.by], order)
		if err != nil {
			return err
		}
		m.issued = append(m.issued, &issued{plan: p, made: made, secret: secret})
	}
	return nil
}

// use lets the month pass, hour by hour.
func (m *month) use(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1815, 12)) // the same month each time
	for m.clock.at = m.now.Add(-used); !m.clock.at.After(m.now.Add(-hour)); m.clock.at = m.clock.at.Add(hour) {
		for _, t := range m.issued {
			if err := m.pass(ctx, t, random); err != nil {
				return err
			}
		}
		if m.clock.at.Hour() == 0 {
			if err := m.Tokens.FlushUses(ctx, nil); err != nil {
				return err
			}
		}
	}
	m.clock.at = m.now.Add(-5 * time.Minute)
	for _, t := range m.issued {
		if t.fresh {
			if err := m.check(ctx, t, 3); err != nil {
				return err
			}
		}
	}
	m.clock.at = m.now
	return m.Tokens.FlushUses(ctx, nil)
}

// pass lets one hour of a token pass.
func (m *month) pass(ctx context.Context, t *issued, random *rand.Rand) error {
	left := m.now.Sub(m.clock.at).Truncate(hour)
	if m.clock.at.Before(t.made.InsertedAt) {
		return nil
	}
	if err := m.change(ctx, t, left); err != nil {
		return err
	}
	if t.perHour == 0 || left < t.silent {
		return nil
	}
	// Less at night and at weekends, as the work of people is.
	busy := 1.0
	if h := m.clock.at.Hour(); h < 6 || h > 20 {
		busy = 0.25
	}
	if weekday := m.clock.at.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		busy /= 2
	}
	n := int(float64(t.perHour)*busy*(0.6+0.8*random.Float64()) + random.Float64())
	return m.check(ctx, t, n)
}

// change makes the planned change of a token, if its hour has come.
func (m *month) change(ctx context.Context, t *issued, left time.Duration) (err error) {
	actor := m.team[t.by]
	switch left {
	case t.suspend:
		_, err = m.Tokens.Suspend(ctx, actor, t.made.ID)
	case t.revoke:
		_, err = m.Tokens.Revoke(ctx, actor, t.made.ID)
	case t.rotate:
		_, t.next, err = m.Tokens.Rotate(ctx, actor, t.made.ID, token.Rotation{Overlap: t.overlap})
	}
	return err
}

// check validates a token n times, from its addresses in turn. After a rotation most clients have the new secret.
func (m *month) check(ctx context.Context, t *issued, n int) error {
	for i := range n {
		secret := t.secret
		if t.next != "" && i%5 > 0 {
			secret = t.next
		}
		v, err := m.Tokens.Check(ctx, []byte(secret))
		if err != nil {
			return err
		}
		if len(t.from) > 0 {
			m.Tokens.RecordAddress(&v, t.from[(i+m.clock.at.Hour())%len(t.from)])
		}
	}
	return nil
}
