// Package store keeps everything in SQLite. It is the only package that knows SQL and GORM, and turns rows into the
// nouns' types and back.
package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
)

// FileName is the name of the database file in the data folder.
const FileName = "tokentab.db"

// Store is an open database: a connection that writes what is acknowledged, one that writes what may be lost in a
// power cut, a pool of readers, and one for the look-ups of validations, which wait for nothing else.
type Store struct {
	// pools is held to use the connections, and alone to replace them. The first two are nil while the database can be
	// read only.
	pools                         sync.RWMutex
	writer, noter, reader, finder *gorm.DB

	writing chan struct{} // holds one element while one of the two writes: SQLite lets one write at a time
	turns   *turns
	path    string

	file      *file
	claimed   bool        // whether this process serves the database
	server    Server      // this process, if claimed
	wasClosed bool        // by the process before, see restored.go
	unsettled atomic.Bool // whether a server has still to do what it writes first; until then no other change is made

	release func() // of the door, which stays closed while the database can be read only

	health  health
	tended  context.Context // ends with the store
	stop    context.CancelFunc
	tending sync.WaitGroup
}

// Exclusively runs f while no other process opens or closes the database, or runs such a function.
func (s *Store) Exclusively(ctx context.Context, f func() error) error {
	release, err := s.file.door(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f()
}

// Close is CloseWithin, in the time that an operation may take.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	return s.CloseWithin(ctx)
}

// CloseWithin waits for what runs and closes the database. If another process opens or closes it until the context ends,
// no note is left of how it was closed, and the next start takes that for a crash.
func (s *Store) CloseWithin(ctx context.Context) error {
	s.stop()
	s.tending.Wait()
	release := s.release
	if s.writer != nil {
		var err error
		if release, err = s.file.door(ctx); err != nil {
			if errors.Is(err, errLocked) {
				err = nil
			}
			return errors.Join(err, s.close(), s.file.Close())
		}
	}
	err := s.close()
	if err == nil {
		if err = s.noteClosed(); troubleOf(err) != 0 {
			err = nil // the next start takes it for a crash
		}
	}
	release()
	return errors.Join(err, s.file.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1 FROM api_tokens LIMIT 1").Error })
}
