// Package store keeps all data in SQLite, or in Postgres for several copies of the program. Only this package knows SQL, GORM
// and the two databases. Each resource has a small store of its own, over one db, with statements for both; see translate.
package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"tokentab/backend/audit"
)

// FileName is the name of the database file in the data folder.
const FileName = "tokentab.db"

// Store is an open database and the store of each resource in it.
type Store struct {
	*db
	Accounts Accounts
	People   People
	Agents   Agents
	Tokens   Tokens
	Keys     Keys
	Answers  Answers
	Notices  Notices
	Activity Activity
	Events   Events
}

func newStore(d *db) *Store {
	return &Store{db: d, Accounts: Accounts{d}, People: People{d}, Agents: Agents{d}, Tokens: Tokens{d}, Keys: Keys{d}, Answers: Answers{d}, Notices: Notices{d}, Activity: Activity{d}, Events: Events{d}}
}

// db is an open database. It has four kinds of connections: one for durable writes, one for writes that a power cut may
// lose, a pool of readers, and one for the lookups of validations, which wait for nothing else.
type db struct {
	// pools guards the connections: read-locked to use them, locked to replace them. writer and noter are nil while
	// the database is open read-only.
	pools                         sync.RWMutex
	writer, noter, reader, finder *gorm.DB

	writing chan struct{} // holds one element during a turn to write, because SQLite allows one writer at a time
	group   *group        // the open one; only who has the turn may use it

	*onDisk         // nil on Postgres
	remote  *remote // nil on SQLite
	copies  *Copies // likewise

	claimed   bool        // this process serves the database
	server    Server      // this process, if claimed
	unsettled atomic.Bool // settle has not run yet; until then other changes are refused

	chains chains // of audit events

	health   health
	measures measures
	tended   context.Context // ends when the store closes
	stop     context.CancelFunc
	tending  sync.WaitGroup
}

// onDisk is what a db on SQLite has beside its connections.
type onDisk struct {
	path        string
	file        *file
	watched     watched
	mayReadOnly bool   // open the database read-only if it can't be written
	wasClosed   bool   // by the previous process; see restored.go
	hadLog      bool   // there was a WAL before this process opened the database
	lostLog     bool   // there should have been one, of which this command must leave the warning to a server
	release     func() // releases the opening lock, which is held while the database is open read-only
}

// Exclusively calls f while no other process opens or closes the database or calls Exclusively.
func (s *db) Exclusively(ctx context.Context, f func() error) error {
	release, err := s.file.openingLock(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f()
}

// Close is CloseWithin with the timeout of one operation.
func (s *db) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	return s.CloseWithin(ctx)
}

// CloseWithin waits for running operations and closes the database. If another process holds the opening lock until the
// context ends, it leaves no record of the close, and the next start treats that as a crash.
func (s *db) CloseWithin(ctx context.Context) error {
	s.stop()
	s.tending.Wait()
	if s.onDisk == nil {
		return s.close()
	}
	release := s.release
	if s.writer != nil {
		var err error
		if release, err = s.file.openingLock(ctx); err != nil {
			if errors.Is(err, errLocked) {
				err = nil
			}
			return errors.Join(err, s.close(), s.file.Close())
		}
	}
	err := s.close()
	if err == nil {
		if err = s.noteClosed(); troubleOf(err) != 0 {
			err = nil // the next start treats this as a crash
		}
	}
	release()
	return errors.Join(err, s.file.Close())
}

// Ping returns an error if the database does not answer.
func (s *db) Ping(ctx context.Context) error {
	return s.read(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1 FROM api_tokens LIMIT 1").Error })
}

// Setting returns a setting of the installation; empty if it was never set.
func (s *db) Setting(ctx context.Context, name string) (string, error) {
	return read(ctx, s, func(tx *gorm.DB) (string, error) {
		return value[string](tx, "SELECT value FROM settings WHERE name = ?", name)
	})
}

// SetSetting stores a setting of the installation.
func (s *db) SetSetting(ctx context.Context, name, value string) error {
	return s.change(context.WithValue(ctx, unannounced{}, true), func(tx *gorm.DB) error { return setSetting(tx, name, value) })
}

// RecordSetting is SetSetting with an event, in one transaction.
func (s *db) RecordSetting(ctx context.Context, name, value string, event audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := setSetting(tx, name, value); err != nil {
			return err
		}
		return record(tx, event)
	})
}

func setSetting(tx *gorm.DB, name, value string) error {
	return tx.Exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value).Error
}
