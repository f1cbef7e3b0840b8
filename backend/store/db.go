package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
)

// operationTimeout is the time limit of every read, of the wait for a turn to write, and of every transaction.
const operationTimeout = 10 * time.Second

// change is db.change for an f with a result, which it returns also with an error.
func change[T any](ctx context.Context, d *db, f func(tx *gorm.DB) (T, error)) (result T, err error) {
	err = d.change(ctx, func(tx *gorm.DB) (err error) {
		result, err = f(tx)
		return err
	})
	return result, err
}

// read is db.read for an f with a result.
func read[T any](ctx context.Context, d *db, f func(tx *gorm.DB) (T, error)) (result T, err error) {
	err = d.read(ctx, func(tx *gorm.DB) (err error) {
		result, err = f(tx)
		return err
	})
	return result, err
}

// change runs f in one transaction on the writer, or as a part of the context's shared transaction. Changes that wait for
// each other share a transaction, see group: f must not depend on its context, and must wait for nothing outside this
// process.
func (s *db) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all, _ := ctx.Value(sharedKey{}).(*shared); all != nil && all.tx != nil {
		err := all.lost
		if err == nil {
			err, all.lost = within(all.tx, f)
		}
		return s.part(err)
	}
	if s.announces(ctx) {
		change := f
		f = func(tx *gorm.DB) error {
			if err := change(tx); err != nil {
				return err
			}
			return announceChange(tx)
		}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	g, err := s.join(ctx, f)
	if g != nil {
		err = cmp.Or(s.end(g), err)
	}
	s.measures.change.end(began, err)
	return classify(err)
}

// changeSoon runs f in a transaction that need not be on the disk when it returns. A power cut may undo it, but nothing
// else. It spares validations the wait for the disk, which on one core delays them too. It never joins a shared
// transaction: the caller could not repeat what a rollback takes back.
func (s *db) changeSoon(ctx context.Context, f func(tx *gorm.DB) error) error {
	if sharedIn(ctx) != nil {
		return errShared
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	err := s.alone(ctx, func() error {
		if s.noter == nil {
			return s.health.refusal()
		}
		return s.noter.WithContext(ctx).Transaction(f)
	})
	s.measures.quickly.end(began, err)
	return err
}

var errShared = errors.New("store: uses are not written in a shared transaction")

// part ends a change in a shared transaction. It records trouble here, because the transaction may end with another
// error, and leaves success to the commit.
func (s *db) part(err error) error {
	if troubleOf(err) != 0 {
		s.health.noticeWrite(err)
	}
	return classify(err)
}

// alone calls f while nothing else writes.
func (s *db) alone(ctx context.Context, f func() error) error {
	if err := s.turn(ctx); err != nil {
		return err
	}
	defer s.pass()
	s.commit()
	s.pools.RLock()
	defer s.pools.RUnlock()
	err := f()
	s.health.noticeWrite(err)
	return classify(err)
}

// turn waits for this caller's turn to write; pass ends it. Turns are taken in the order of the calls.
func (s *db) turn(ctx context.Context) error {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return classify(ctx.Err())
	}
	if s.health.replaced.Load() {
		s.commit()
		s.pass()
		return replaced.fail(errReplaced)
	}
	return nil
}

func (s *db) pass() { <-s.writing }

func (s *db) read(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.reading(ctx, &s.measures.read, func() error { return f(s.reader.WithContext(ctx)) })
}

// reading calls f, which reads, measures it, and records what is wrong with the database. It refuses if the file was replaced.
func (s *db) reading(ctx context.Context, m *measure, f func() error) (err error) {
	began := time.Now()
	defer func() { m.end(began, err) }()
	if s.health.replaced.Load() {
		return replaced.fail(errReplaced)
	}
	if !holdsPools(ctx) {
		s.pools.RLock()
		defer s.pools.RUnlock()
	}
	err = f()
	s.health.notice(err)
	return classify(err)
}

// readTogether runs f on one snapshot, for reads that must be consistent with each other.
func (s *db) readTogether(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.reading(ctx, &s.measures.read, func() error { return s.reader.WithContext(ctx).Transaction(f, s.oneState()) })
}

// oneState returns the options of a transaction whose reads show one state. Those of SQLite always do.
func (s *db) oneState() *sql.TxOptions {
	if s.remote != nil {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return &sql.TxOptions{ReadOnly: true}
}

// classify turns a database failure into fault.Unavailable. Other faults pass through.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if found := troubleOf(err); found != 0 {
		return found.fail(err)
	}
	return &fault.Error{Kind: fault.Unavailable, Message: "The store does not answer right now. Try again.", RetryAfter: time.Second, Cause: err}
}
