package store

import (
	"testing"
	"time"

	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
)

// TestPromise9InvitesOfOlderDataLearnTheirMaker opens data whose invites don't name the token that made them.
func TestPromise9InvitesOfOlderDataLearnTheirMaker(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	old := newOlder(t, "00004")
	account := old.actor.AccountID
	week := now().Add(7 * 24 * time.Hour).UnixMilli()
	member := func(email string, removed any) pfid.ID {
		id := old.id()
		old.exec("INSERT INTO admin_users (id, account_id, email, password_hash, inserted_at, updated_at, removed_at) VALUES (?, ?, ?, '', 1, 1, ?)", id, account, email, removed)
		return id
	}
	madeBy := func(user, apiToken pfid.ID, recorded bool) pfid.ID {
		id := old.id()
		old.exec(`INSERT INTO admin_user_invites (id, account_id, email, status, created_by_admin_user_id, expires_at, inserted_at, updated_at)
			VALUES (?, ?, 'x@example.com', 'pending', ?, ?, 5, 5)`, id, account, user, week)
		if recorded {
			old.exec(`INSERT INTO audit_events (id, account_id, action, subject_id, actor_admin_user_id, actor_api_token_id, actor_address, detail, inserted_at)
				VALUES (?, ?, 'admin_user_invite.created', ?, ?, ?, '', '', 5)`, old.id(), account, id, user, apiToken)
		}
		return id
	}
	apiToken := func(status string, end int64) pfid.ID {
		id := old.id()
		old.exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', ?, ?, 1, 1)`, id, account, id[:], status, end)
		return id
	}
	ada, bob := member("ada@example.com", nil), member("bob@example.com", 2)
	active, short, revoked := apiToken("active", week+1), apiToken("active", week-1), apiToken("revoked", week+1)
	var none pfid.ID
	type want struct {
		status string
		end    int64
	}
	wanted := map[pfid.ID]want{
		madeBy(ada, none, true):     {"pending", week},
		madeBy(bob, none, true):     {"revoked", week},
		madeBy(none, active, true):  {"pending", week},
		madeBy(none, short, true):   {"pending", week - 1},
		madeBy(ada, revoked, true):  {"revoked", week},
		madeBy(none, revoked, true): {"revoked", week},
		madeBy(none, none, false):   {"revoked", week},
	}
	s := old.upgraded()
	ended := 0
	for id, w := range wanted {
		i, err := s.People.Invite(t.Context(), account, id)
		if err != nil || i.Status != w.status || i.ExpiresAt.UnixMilli() != w.end {
			t.Errorf("%+v %v, want %+v", i, err, w)
		}
		_, _, ok, err := s.People.InviteForAnyone(t.Context(), id)
		if err != nil || w.status == "pending" && !ok {
			t.Errorf("%v %v", ok, err)
		}
		if w.status == "revoked" {
			ended++
		}
	}
	var events int
	if err := s.reader.Raw("SELECT count(*) FROM audit_events WHERE action = 'admin_user_invite.revoked'").Scan(&events).Error; err != nil || events != ended {
		t.Errorf("%d events %v, want %d", events, err, ended)
	}
}
