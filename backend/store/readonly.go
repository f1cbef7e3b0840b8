package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// openReadOnly opens a database on a disk that can't be written, not even for the files that SQLite needs beside it,
// so no one else can change it either. It fails if the WAL holds changes, which can't be read this way and may
// include a revocation.
func (s *db) openReadOnly(ctx context.Context, found trouble, cause error) (err error) {
	if err := s.close(); err != nil {
		return errors.Join(cause, err)
	}
	s.writer, s.noter, s.reader, s.finder = nil, nil, nil, nil
	if hasUnappliedLog(s.path) {
		return fmt.Errorf("--data: the newest changes are in %s-wal, which can't be read: %s: %w", s.path, toStart(found), cause)
	}
	if err := s.connectReaders("mode=ro", "immutable=1", "_pragma=query_only(1)", temporaryInMemory); err != nil {
		return errors.Join(cause, err)
	}
	pool, err := s.reader.DB()
	if err != nil {
		return err
	}
	current, err := schemaVersion(ctx, pool)
	if target := newestSchema(); err == nil && current != target {
		err = fmt.Errorf("--data: the database has schema %d and this program needs %d, which can't be changed now: %s: %w", current, target, toStart(found), cause)
	}
	s.health.noticeWrite(cause)
	if err == nil && s.health.log != nil {
		s.health.log.Warn("started read-only: tokens are validated, and changes are refused until the database can be written", "data", s.path)
	}
	return err
}

// toStart returns what to do about a disk before a start. What the advice says after a semicolon holds for a server that runs.
func toStart(found trouble) string {
	do, _, _ := strings.Cut(advice[found], ";")
	return do + ", then start it again"
}

// reopen replaces read-only connections once the database can be written.
func (s *db) reopen(ctx context.Context) {
	s.health.mu.Lock()
	isReadOnly := s.health.writing == diskReadOnly
	s.health.mu.Unlock()
	switch {
	case s.writer == nil:
		next := newDB(s.file, s.health.now)
		defer next.stop()
		next.server, next.writing = s.server, make(chan struct{}, 1)
		err := next.connect()
		if err == nil {
			err = next.recordServer(ctx)
		}
		if err != nil {
			_ = next.close()
			return
		}
		s.pools.Lock()
		defer s.pools.Unlock()
		_ = s.close()
		s.writer, s.noter, s.reader, s.finder = next.writer, next.noter, next.reader, next.finder
		s.watchBeside()
		s.release()
		s.release = func() {}
		s.health.noticeWrite(nil)
	case isReadOnly && canWrite(s.path) && isWritable(filepath.Dir(s.path)):
		// Close all connections first: as long as one is open, the state that SQLite shares between them stays
		// read-only.
		s.pools.Lock()
		_ = s.close()
		err := s.connect()
		s.pools.Unlock()
		if err == nil {
			err = s.recordServer(ctx)
		}
		s.watchBeside()
		if err != nil && s.health.log != nil {
			s.health.log.Error("could not open the database for writing again", "cause", err)
		}
	}
}
