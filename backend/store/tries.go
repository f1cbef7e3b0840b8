package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

var signInFailures = table[people.Tries]{name: "sign_in_failures", what: "try", columns: func(t *people.Tries) []column {
	return []column{{"source", &t.Source}, {"failures", &t.Failures}, {"last_at", (*stamp)(&t.LastAt)}}
}}

func (s People) Tries(ctx context.Context, sources []string) ([]people.Tries, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]people.Tries, error) { return triesOf(tx, sources) })
}

func triesOf(tx *gorm.DB, sources []string) ([]people.Tries, error) {
	counted, err := signInFailures.all(tx, "WHERE t.source IN "+anyOf, document{sources})
	tries := make([]people.Tries, len(sources))
	for i, source := range sources {
		tries[i].Source = source
		if n := slices.IndexFunc(counted, func(t people.Tries) bool { return t.Source == source }); n >= 0 {
			tries[i] = counted[n]
		}
	}
	return tries, err
}

func (s People) CountTry(ctx context.Context, sources []string, at time.Time, count func([]people.Tries) ([]people.Tries, error)) ([]people.Tries, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (before []people.Tries, err error) {
		if before, err = triesOf(tx, sources); err != nil {
			return nil, err
		}
		next, err := count(before)
		if err != nil {
			return before, err
		}
		_, err = signInFailures.insertOr(tx, "ON CONFLICT (source) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at", next...)
		return before, err
	})
}

func (s People) SettleTries(ctx context.Context, settle people.Settlement) error {
	return s.change(ctx, func(tx *gorm.DB) error { return settleTries(tx, settle) })
}

// settleTries undoes a counted try. In the sources to restore, tries counted in the meantime stay counted.
func settleTries(tx *gorm.DB, settle people.Settlement) error {
	if err := tx.Exec("DELETE FROM sign_in_failures WHERE source IN "+anyOf, document{settle.Forget}).Error; err != nil {
		return err
	}
	for _, before := range settle.Restore {
		err := tx.Exec(`UPDATE sign_in_failures SET failures = CASE WHEN last_at = ?1 THEN ?2 WHEN failures > 0 THEN failures - 1 ELSE 0 END,
			last_at = CASE WHEN last_at = ?1 THEN COALESCE(CAST(?3 AS BIGINT), 0) ELSE last_at END
			WHERE source = ?4`, stamp(settle.At), before.Failures, stamp(before.LastAt), before.Source).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// mostKnown is how many browsers and networks are kept per admin user.
const mostKnown = 50

func (s People) KnownSources(ctx context.Context, user pfid.ID, sources []string, since time.Time) ([]string, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]string, error) {
		return values[string](tx, "SELECT value FROM "+eachValue+" WHERE EXISTS (SELECT 1 FROM sign_in_sources WHERE admin_user_id = ? AND source = value AND seen_at >= ?) ORDER BY key",
			document{sources}, user, stamp(since))
	})
}

// remember stores the sources from which an admin user has signed in, and forgets the oldest ones beyond mostKnown: a clock
// that was ahead once must not make it forget the others.
func remember(tx *gorm.DB, user pfid.ID, sources []string, at time.Time) error {
	for _, source := range sources {
		err := tx.Exec("INSERT INTO sign_in_sources (admin_user_id, source, seen_at) VALUES (?, ?, ?) ON CONFLICT (admin_user_id, source) DO UPDATE SET seen_at = excluded.seen_at",
			user, source, stamp(at)).Error
		if err != nil {
			return err
		}
	}
	// Sources stamped in the future by a wrong clock count as the oldest.
	return tx.Exec(`DELETE FROM sign_in_sources WHERE admin_user_id = ?1 AND source NOT IN (
		SELECT source FROM sign_in_sources WHERE admin_user_id = ?1 ORDER BY CASE WHEN seen_at > ?2 THEN 0 ELSE seen_at END DESC LIMIT ?3)`,
		user, stamp(at), mostKnown).Error
}
