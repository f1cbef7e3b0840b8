package store

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

func TestWhatHasEndedIsRemovedInSmallStepsAndNothingElse(t *testing.T) {
	s := open(t, t.TempDir(), now)
	defer s.Close()
	at := now()
	const many = endedAtOnce + 100
	account := pfid.ID{1}
	run := func(statement string, args ...any) {
		t.Helper()
		if err := s.change(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }); err != nil {
			t.Fatal(statement, err)
		}
	}
	run("INSERT INTO accounts (id, partition, name, purpose, inserted_at, updated_at) VALUES (?, 1, 'a', 'business', 1, 1)", account)
	run("INSERT INTO admin_users (id, account_id, email, password_hash, inserted_at, updated_at) VALUES ('u', ?, 'a@example.com', '', 1, 1)", account)
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) "
	session := func(name string, count int, seen, expires time.Time) {
		run(numbers+`INSERT INTO sessions (id, id_hash, admin_user_id, address, user_agent, inserted_at, last_seen_at, expires_at) SELECT ?1 || i, `+bytesOf("?1 || i")+`, 'u', '', '', 1, ?3, ?4 FROM n`,
			name, count, stamp(seen), stamp(expires))
	}
	session("over ", many, at, at)
	session("idle ", many, at.Add(-people.IdleEnd), at.Add(time.Hour))
	session("ahead ", 1, at.Add(people.ClockTolerance+1*time.Millisecond), at.Add(time.Hour))
	session("live ", 2, at.Add(-people.IdleEnd+time.Millisecond), at.Add(time.Millisecond))
	tries := func(name string, count int, last time.Time) {
		run(numbers+"INSERT INTO sign_in_failures (source, failures, last_at) SELECT ?1 || i, 1, ?3 FROM n", name, count, stamp(last))
	}
	tries("old ", many, at.Add(-people.TriesKept-time.Millisecond))
	tries("ahead ", many, at.Add(people.TriesKept+time.Millisecond))
	tries("live ", 2, at.Add(-people.TriesKept))
	invite := func(name string, count int, status string, updated, expires time.Time) {
		run(numbers+"INSERT INTO admin_user_invites (id, account_id, email, role, status, expires_at, inserted_at, updated_at) SELECT ?1 || i, ?3, 'b', 'admin', ?4, ?5, 1, ?6 FROM n",
			name, count, account, status, stamp(expires), stamp(updated))
	}
	invite("used ", many, "used", at.Add(-people.InviteKept), at)
	invite("revoked ", 1, "revoked", at.Add(-people.InviteKept), at)
	invite("expired ", 1, "pending", at.Add(-people.InviteKept-people.InviteLife), at.Add(-people.InviteKept))
	invite("live used ", 1, "used", at.Add(-people.InviteKept+time.Millisecond), at)
	invite("live pending ", 1, "pending", at.Add(-people.InviteKept), at.Add(time.Millisecond))
	answer := func(name string, count int, kept time.Time) {
		run(numbers+`INSERT INTO idempotency_keys (account_id, idempotency_key, request_hash, status, answer, inserted_at) SELECT ?3, ?1 || i, `+bytesOf("'0'")+`, 200, '', ?4 FROM n`,
			name, count, account, stamp(kept))
	}
	answer("old ", many, at.Add(-24*time.Hour))
	answer("live ahead ", many, at.Add(30*24*time.Hour))
	answer("live ", 2, at.Add(-24*time.Hour+time.Millisecond))

	left := func(table, key string) []string {
		t.Helper()
		list, err := read(t.Context(), s.db, func(tx *gorm.DB) ([]string, error) {
			return values[string](tx, "SELECT "+key+" FROM "+table)
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	steps, last := 0, -1
	total := func() int {
		return len(left("sessions", "id")) + len(left("sign_in_failures", "source")) + len(left("admin_user_invites", "id")) + len(left("idempotency_keys", "idempotency_key"))
	}
	last = total()
	err := s.RemoveEnded(t.Context(), at, at, func() {
		steps++
		n := total()
		if last-n > endedAtOnce {
			t.Errorf("step %d removed %d rows", steps, last-n)
		}
		last = n
	})
	if err != nil || steps < 6 {
		t.Errorf("%d steps, %v", steps, err)
	}
	for table, want := range map[string]struct {
		key  string
		rows int
	}{"sessions": {"id", 2}, "sign_in_failures": {"source", 2}, "admin_user_invites": {"id", 2}, "idempotency_keys": {"idempotency_key", many + 2}} {
		list := left(table, want.key)
		for _, name := range list {
			if !strings.HasPrefix(name, "live ") {
				t.Errorf("%s keeps %q", table, name)
			}
		}
		if len(list) != want.rows {
			t.Errorf("%s keeps %d rows, want %d", table, len(list), want.rows)
		}
	}
	// A row with the stamp of a clock that was ahead is kept as long as one that was made now.
	if err := s.RemoveEnded(t.Context(), at.Add(24*time.Hour), at.Add(24*time.Hour), func() {}); err != nil {
		t.Fatal(err)
	}
	if list := left("idempotency_keys", "idempotency_key"); len(list) > 0 {
		t.Errorf("a day later %d responses are kept", len(list))
	}
}
