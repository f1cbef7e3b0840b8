package store

import (
	"crypto/rand"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
)

// noteBecause records an event of the shelf's account with a reason.
func (s *shelf) noteBecause(at time.Time, reason string) {
	s.t.Helper()
	actor := s.actor
	actor.Reason = reason
	err := s.change(s.t.Context(), func(tx *gorm.DB) error {
		return recordWith(tx, audit.NewRecorder(at, actor, rand.Reader), audit.AgentUpdated, "", s.actor.AccountID)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) events(f audit.Filter, page paging.Page) audit.Found {
	s.t.Helper()
	found, err := s.Events.Events(s.t.Context(), s.actor.AccountID, f, page)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func TestAPartOfTheEventsSaysHowManyComeBeforeItNow(t *testing.T) {
	s := newChained(t)
	s.note(now(), 20)
	s.noteBecause(now(), "leak 1")
	for name, f := range map[string]audit.Filter{
		"all": {}, "by action": {Actions: []audit.Action{audit.AgentUpdated, audit.APITokenCreated}}, "searched": {Search: "agent.UPD"},
	} {
		first := s.events(f, paging.Page{Size: 5})
		second := s.events(f, paging.Page{Size: 5, After: first.Next})
		if second.Before != 5 || len(second.Events) != 5 || second.Total < 11 {
			t.Fatalf("%s: %+v", name, second)
		}
		s.note(now().Add(time.Hour), 3)
		s.note(now().Add(-time.Hour), 2) // the clock was set back: these come behind
		again := s.events(f, paging.Page{Size: 5, After: first.Next})
		third := s.events(f, paging.Page{Size: 5, After: again.Next})
		if again.Before != 8 || again.Events[0].ID != second.Events[0].ID || third.Before != 13 {
			t.Errorf("%s: after 3 newer events, %d and %d come before", name, again.Before, third.Before)
		}
		last := s.events(f, paging.Page{Size: 100, After: third.Next})
		if last.Next != "" || last.AtLeast || last.Total != last.Before+len(last.Events) || last.Before != 18 {
			t.Errorf("%s: at the end %d of %d, %v", name, last.Before, last.Total, last.AtLeast)
		}
		s.note(now(), 1)
	}
}

func TestASearchGoesOnBehindTheEventsThatItHasLookedAt(t *testing.T) {
	s := newChained(t)
	s.noteBecause(now(), "Leaked in a 100% public log")
	for range searchedMost/500 + 1 {
		s.note(now().Add(time.Minute), 500)
	}
	for _, search := range []string{"leaked IN", "100%", "\u2026100%"} {
		found := s.events(audit.Filter{Search: search}, paging.Page{Size: 5})
		if len(found.Events) != 0 || found.Next == "" || !found.AtLeast || !found.SearchedTo.Equal(now().Add(time.Minute)) {
			t.Fatalf("%q: %+v", search, found)
		}
		if found = s.events(audit.Filter{Search: search}, paging.Page{Size: 5, After: found.Next}); len(found.Events) != 1 || found.Total != 1 || found.Next != "" || found.AtLeast {
			t.Errorf("%q: %+v", search, found)
		}
	}
	if found := s.events(audit.Filter{Search: "100_", From: now()}, paging.Page{Size: 5}); len(found.Events) != 0 {
		t.Errorf("a wildcard found %+v", found)
	}
}
