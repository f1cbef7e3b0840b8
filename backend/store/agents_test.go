package store

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// BenchmarkAgents reads pages of 10,000 agents, half of which were seen.
func BenchmarkAgents(b *testing.B) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := open(b, b.TempDir(), func() time.Time { return at })
	defer s.Close()
	id := func() pfid.ID {
		id, err := pfid.New(at, 7, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return id
	}
	owner := id()
	acme := account.Account{ID: owner, Name: "Acme", Purpose: "business", InsertedAt: at, UpdatedAt: at}
	if err := s.Accounts.InsertAccount(b.Context(), acme, nil, nil, true); err != nil {
		b.Fatal(err)
	}
	rows := make([]agent.Agent, 10_000)
	for i := range rows {
		made := at.Add(time.Duration(i) * time.Second)
		rows[i] = agent.Agent{ID: id(), AccountID: owner, Name: fmt.Sprint("agent ", i*7919%len(rows)), InsertedAt: made, UpdatedAt: made}
		if i%2 == 0 {
			rows[i].LastSeenAt = made
		}
	}
	if err := agents.insert(s.writer, rows...); err != nil {
		b.Fatal(err)
	}
	for _, page := range []paging.Page{
		{Size: 10}, {Size: 100}, {Size: 10, Offset: 9990}, {Size: 100, Offset: 9900},
		{Size: 100, Sort: "name"}, {Size: 100, Sort: "last_seen", Descending: true}, {Size: 100, Sort: "status"}, {Size: 100, Offset: 9900, Sort: "status"},
	} {
		b.Run(fmt.Sprintf("%s/offset=%d/size=%d", page.Sort, page.Offset, page.Size), func(b *testing.B) {
			for b.Loop() {
				list, total, err := s.Agents.Agents(b.Context(), owner, "", page, at, now())
				if err != nil || total != len(rows) || len(list) != page.Size {
					b.Fatalf("%d of %d, %v", len(list), total, err)
				}
			}
		})
	}
}
