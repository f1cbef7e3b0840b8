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

// NewestChange returns the time of the newest change that the audit log records; zero if there is none.
func (s *db) NewestChange(ctx context.Context) (time.Time, error) {
	at, err := read(ctx, s, func(tx *gorm.DB) (int64, error) {
		return value[int64](tx, "SELECT COALESCE(MAX(inserted_at), 0) FROM (SELECT MAX(inserted_at) AS inserted_at FROM audit_events GROUP BY account_id) newest")
	})
	if err != nil || at == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(at).UTC(), nil
}
