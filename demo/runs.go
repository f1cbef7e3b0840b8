package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// runsEvery is how often the busiest agent runs.
const runsEvery = 25 * time.Minute

// run is what the runs of an agent do: its steps, each below the one before it or beside it.
var run = []struct {
	name    string
	below   int // the step that it is below; -1 for none
	payload string
	result  string
}{
	{"agent:run", -1, `{"trigger":"mail","attachments":2}`, `{"invoices":2,"booked":2}`},
	{"tool:read_mail", 0, `{"mailbox":"invoices@northwind.example"}`, `{"attachments":["2214.pdf","2215.pdf"]}`},
	{"llm:extract", 0, `{"model":"large-3","document":"2214.pdf"}`, `{"supplier":"Contoso","total":"1204.50","currency":"EUR"}`},
	{"tool:lookup_supplier", 2, `{"name":"Contoso"}`, `{"id":"S-0417","known_since":"2021-03-02"}`},
	{"llm:extract", 0, `{"model":"large-3","document":"2215.pdf"}`, `{"supplier":"Fabrikam","total":"87.20","currency":"EUR"}`},
	{"tool:lookup_supplier", 4, `{"name":"Fabrikam"}`, `{"id":"S-0093","known_since":"2019-11-20"}`},
	{"tool:book", 0, `{"ledger":"2026"}`, `{"entries":2}`},
}

// runs reports the last day of the agents' runs, as their SDKs would.
func (m *month) runs(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1843, 9))
	holders := m.holders()
	for at := m.now.Add(-23 * hour); at.Before(m.now.Add(-10 * time.Minute)); at = at.Add(runsEvery + time.Duration(random.Int64N(int64(hour/2)))) {
		m.clock.at = at
		if err := m.report(ctx, holders[random.IntN(3)], random, false); err != nil {
			return err
		}
	}
	m.clock.at = m.now.Add(-2 * time.Minute)
	if err := m.report(ctx, holders[0], random, true); err != nil {
		return err
	}
	m.clock.at = m.now
	return nil
}

// holders are the deployment tokens that work, in the order of their plans.
func (m *month) holders() (list []*issued) {
	for _, t := range m.issued {
		if t.agent != "" && t.fresh && t.suspend == 0 && t.revoke == 0 {
			list = append(list, t)
		}
	}
	return list
}

// report makes one run with a token.
func (m *month) report(ctx context.Context, t *issued, random *rand.Rand, goesOn bool) error {
	made := t.made
	actor := audit.Actor{AccountID: made.AccountID, APITokenID: made.ID, Address: t.from[0]}
	scope := activity.Scope{AccountID: made.AccountID, EnvironmentID: made.EnvironmentID, DeploymentID: made.AgentDeploymentID}
	i, err := m.Activity.Register(ctx, actor, scope, activity.Registration{Version: activity.RegisteredVersion{ExternalIdentifier: "2.3.1"}})
	if err != nil {
		return err
	}
	if _, err := m.Activity.Start(ctx, scope, i.ID, time.Time{}); err != nil {
		return err
	}
	ids := make([]pfid.ID, len(run))
	fails := random.IntN(9) == 0
	for step, s := range run {
		order := activity.SpanOrder{InstanceID: i.ID, SchemaName: s.name, Status: activity.Active, Payload: json.RawMessage(s.payload), StartedAt: m.clock.at}
		if s.below >= 0 {
			order.ParentID = ids[s.below]
		}
		span, err := m.Activity.CreateSpan(ctx, scope, order)
		if err != nil {
			return err
		}
		ids[step] = span.ID
		m.clock.at = m.clock.at.Add(time.Duration(200+random.IntN(4000)) * time.Millisecond)
		if step == 0 {
			continue // it ends last
		}
		end := activity.SpanFinish{Result: json.RawMessage(s.result)}
		if fails && step == len(run)-1 {
			end.Status, end.Result = activity.Failed, json.RawMessage(`{"error":"the ledger is closed"}`)
		}
		if _, err := m.Activity.FinishSpan(ctx, scope, span.ID, end, nil); err != nil {
			return err
		}
	}
	if goesOn {
		return nil
	}
	status := activity.Complete
	if fails {
		status = activity.Failed
	}
	if _, err := m.Activity.FinishSpan(ctx, scope, ids[0], activity.SpanFinish{Status: status, Result: json.RawMessage(run[0].result)}, nil); err != nil {
		return err
	}
	if random.IntN(20) == 0 {
		_, err = m.Activity.Terminate(ctx, m.team[0], activity.Scope{AccountID: made.AccountID}, i.ID, fmt.Sprintf("%s booked an invoice twice", t.agent))
		return err
	}
	_, err = m.Activity.Finish(ctx, scope, i.ID, status, time.Time{})
	return err
}
