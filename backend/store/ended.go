package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/idempotency"
	"tokentab/backend/people"
)

// endedAtOnce is how many rows one transaction removes that have ended. Other changes wait for it.
const endedAtOnce = 500

// ended selects rows of a table that have ended and only take room.
type ended struct {
	table, key string // key is the columns of the primary key
	where      string
	args       []any
	restamp    string // the column that gets the present time instead, because a clock was ahead; empty to remove the rows
}

// endedAt returns what has ended if the present time is between earliest and latest. Later times are from a clock that was
// ahead, and must not keep rows longer.
func endedAt(earliest, latest time.Time) []ended {
	return []ended{
		{table: "sessions", key: "id", where: "expires_at <= ? OR last_seen_at <= ? OR last_seen_at > ?",
			args: []any{stamp(earliest), stamp(earliest.Add(-people.IdleEnd)), stamp(latest.Add(people.ClockTolerance))}},
		{table: "sign_in_failures", key: "source", where: "last_at < ? OR last_at > ?", args: []any{stamp(earliest.Add(-people.TriesKept)), stamp(latest.Add(people.TriesKept))}},
		{table: "admin_user_invites", key: "id", where: "expires_at <= ? OR status <> 'pending' AND updated_at <= ?",
			args: []any{stamp(earliest.Add(-people.InviteKept)), stamp(earliest.Add(-people.InviteKept))}},
		{table: "member_notices", key: "id", where: "kind = 'member_removed' AND inserted_at <= ?", args: []any{stamp(earliest.Add(-people.RemovalKept))}},
		{table: "idempotency_keys", key: "account_id, idempotency_key", where: "inserted_at <= ?", args: []any{stamp(earliest.Add(-idempotency.Kept))}},
		{table: "idempotency_keys", key: "account_id, idempotency_key", where: "inserted_at > ?", args: []any{stamp(latest)}, restamp: "inserted_at"},
	}
}

// RemoveEnded removes sessions, tries to sign in, invites, notices of removed members and responses to repeated requests, if
// they have ended. It works in small steps and calls rest after each. The present time is between earliest and latest. It may
// run at any time, because all who read such a row look at its times.
func (s *db) RemoveEnded(ctx context.Context, earliest, latest time.Time, rest func()) error {
	for _, e := range endedAt(earliest, latest) {
		for n := endedAtOnce; n == endedAtOnce && ctx.Err() == nil; {
			var err error
			if n, err = s.removeSomeEnded(ctx, e, latest); err != nil {
				return err
			}
			if n > 0 {
				rest()
			}
		}
	}
	return ctx.Err()
}

func (s *db) removeSomeEnded(ctx context.Context, e ended, now time.Time) (n int, err error) {
	some := "SELECT " + e.key + " FROM " + e.table + " WHERE " + e.where + " LIMIT ?"
	found, err := read(ctx, s, func(tx *gorm.DB) (bool, error) { return exists(tx, some, append(e.args, 1)...) })
	if err != nil || !found { // without this, every look would take a turn to write
		return 0, err
	}
	statement, args := "DELETE FROM "+e.table, append(e.args, endedAtOnce)
	if e.restamp != "" {
		statement, args = "UPDATE "+e.table+" SET "+e.restamp+" = ?", append([]any{stamp(now)}, args...)
	}
	return change(ctx, s, func(tx *gorm.DB) (int, error) {
		n, err := exec(tx, statement+" WHERE ("+e.key+") IN ("+some+")", args...)
		return int(n), err
	})
}
