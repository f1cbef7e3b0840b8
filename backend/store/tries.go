package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

// triesKept is how long wrong tries are kept. All of them stop counting earlier; see people.Tries.
const triesKept = 24 * time.Hour

// Tries implements people.Store.
func (s *Store) Tries(ctx context.Context, sources []string) (tries []people.Tries, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		tries, err = triesOf(tx, sources)
		return err
	})
	return tries, err
}

func triesOf(tx *gorm.DB, sources []string) ([]people.Tries, error) {
	var rows []triesRow
	if err := tx.Where("source IN ?", sources).Find(&rows).Error; err != nil {
		return nil, err
	}
	tries := make([]people.Tries, len(sources))
	for i, source := range sources {
		tries[i].Source = source
		if n := slices.IndexFunc(rows, func(row triesRow) bool { return row.Source == source }); n >= 0 {
			tries[i].Failures, tries[i].LastAt = rows[n].Failures, instant(rows[n].LastAt)
		}
	}
	return tries, nil
}

// CountTry implements people.Store.
func (s *Store) CountTry(ctx context.Context, sources []string, at time.Time, count func([]people.Tries) ([]people.Tries, error)) (before []people.Tries, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		// Also delete tries that a wrong clock stamped far in the future.
		if err := tx.Exec("DELETE FROM sign_in_failures WHERE last_at < ? OR last_at > ?", millis(at.Add(-triesKept)), millis(at.Add(triesKept))).Error; err != nil {
			return err
		}
		if before, err = triesOf(tx, sources); err != nil {
			return err
		}
		next, err := count(before)
		if err != nil {
			return err
		}
		return writeTries(tx, next)
	})
	return before, err
}

func writeTries(tx *gorm.DB, tries []people.Tries) error {
	rows := make([]triesRow, len(tries))
	for i, t := range tries {
		rows[i] = triesRow{Source: t.Source, Failures: t.Failures, LastAt: millis(t.LastAt)}
	}
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "source"}}, DoUpdates: clause.AssignmentColumns([]string{"failures", "last_at"}),
	}).Create(&rows).Error
}

// SettleTries implements people.Store.
func (s *Store) SettleTries(ctx context.Context, settle people.Settlement) error {
	return s.change(ctx, func(tx *gorm.DB) error { return settleTries(tx, settle) })
}

// settleTries takes back a try. In the sources to restore, tries counted in the meantime stay counted.
func settleTries(tx *gorm.DB, settle people.Settlement) error {
	if len(settle.Forget) > 0 {
		if err := tx.Exec("DELETE FROM sign_in_failures WHERE source IN ?", settle.Forget).Error; err != nil {
			return err
		}
	}
	for _, before := range settle.Restore {
		err := tx.Exec(`UPDATE sign_in_failures SET failures = IIF(last_at = ?1, ?2, MAX(failures - 1, 0)), last_at = IIF(last_at = ?1, ?3, last_at)
			WHERE source = ?4`, millis(settle.At), before.Failures, millis(before.LastAt), before.Source).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// mostKnown is how many browsers and networks are kept per admin user.
const mostKnown = 50

// KnownSources implements people.Store.
func (s *Store) KnownSources(ctx context.Context, user pfid.ID, sources []string) (known []string, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		var found []string
		err := tx.Raw("SELECT source FROM sign_in_sources WHERE admin_user_id = ? AND source IN ?", user, sources).Scan(&found).Error
		for _, source := range sources {
			if slices.Contains(found, source) {
				known = append(known, source)
			}
		}
		return err
	})
	return known, err
}

// remember stores the sources from which an admin user has signed in, and forgets the oldest ones.
func remember(tx *gorm.DB, user pfid.ID, sources []string, at time.Time) error {
	for _, source := range sources {
		err := tx.Exec("INSERT INTO sign_in_sources (admin_user_id, source, seen_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
			user, source, millis(at)).Error
		if err != nil {
			return err
		}
	}
	// Sources stamped in the future by a wrong clock count as the oldest.
	return tx.Exec(`DELETE FROM sign_in_sources WHERE admin_user_id = ?1 AND (seen_at < ?2 OR source NOT IN (
		SELECT source FROM sign_in_sources WHERE admin_user_id = ?1 ORDER BY IIF(seen_at > ?3, 0, seen_at) DESC LIMIT ?4))`,
		user, millis(at.Add(-people.BrowserLife)), millis(at), mostKnown).Error
}
