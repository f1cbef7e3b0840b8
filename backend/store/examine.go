package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// DiskSpace returns the free bytes and the size of a folder's file system; a zero size if the system does not say.
func DiskSpace(folder string) (free, size int64) { return diskSpace(folder) }

// QuickCheck reads the whole database and returns an error if SQLite finds damage. It may take minutes.
func (s *db) QuickCheck(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return s.reading(ctx, &s.measures.read, func() error {
		found, err := value[string](s.reader.WithContext(ctx), "PRAGMA quick_check(1)")
		if err == nil && found != "ok" {
			err = errors.New("store: quick_check found damage: " + found)
		}
		return err
	})
}

// NewestTime returns the newest time that the database has of a change, a session, an agent's use or a signing key; zero
// if there is none.
func (s *db) NewestTime(ctx context.Context) (time.Time, error) {
	at, err := read(ctx, s, func(tx *gorm.DB) (int64, error) {
		return value[int64](tx, `SELECT COALESCE(MAX(newest), 0) FROM (SELECT MAX(inserted_at) AS newest FROM audit_events GROUP BY account_id
			UNION ALL SELECT MAX(last_seen_at) FROM sessions UNION ALL SELECT MAX(last_seen_at) FROM agents UNION ALL SELECT MAX(inserted_at) FROM signing_keys) t`)
	})
	if err != nil || at == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(at).UTC(), nil
}
