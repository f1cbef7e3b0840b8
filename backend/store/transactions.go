package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
)

// operationTimeout bounds every read and change, the wait for the writing connection included.
const operationTimeout = 10 * time.Second

// change runs f in one transaction on the writing connection. Its changes and events are kept together or not at all. A
// context of Together makes it a part of that transaction.
func (s *Store) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return s.part(all.Transaction(f)) // what fails is undone up to here
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.alone(ctx, func() error {
		if s.writer == nil || s.unsettled.Load() && ctx.Value(settling{}) == nil {
			return s.health.refusal()
		}
		return s.writer.WithContext(ctx).Transaction(f)
	})
}

// changeSoon runs one statement that needs not be on the disk when it returns: a power cut may take it back, and no
// more than it. It spares validations the wait for the disk, which on one core is theirs too.
func (s *Store) changeSoon(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return s.part(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.alone(ctx, func() error {
		if s.noter == nil {
			return s.health.refusal()
		}
		return f(s.noter.WithContext(ctx))
	})
}

// part ends a change that is a part of a transaction. Its trouble is noticed here, since the transaction may end with
// another error, and its success only with the commit.
func (s *Store) part(err error) error {
	if troubleOf(err) != 0 {
		s.health.noticeWrite(err)
	}
	return classify(err)
}

// alone runs f while nothing else writes.
func (s *Store) alone(ctx context.Context, f func() error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		if s.health.replaced.Load() {
			return replaced.fail(errReplaced)
		}
		s.pools.RLock()
		defer s.pools.RUnlock()
		err := f()
		s.health.noticeWrite(err)
		return classify(err)
	case <-ctx.Done():
		return classify(ctx.Err())
	}
}

func (s *Store) read(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.reading(func() error { return f(s.reader.WithContext(ctx)) })
}

// reading runs f, which reads, unless the database is another one by now, and remembers what is wrong with it.
func (s *Store) reading(f func() error) error {
	if s.health.replaced.Load() {
		return replaced.fail(errReplaced)
	}
	s.pools.RLock()
	defer s.pools.RUnlock()
	err := f()
	s.health.notice(err)
	return classify(err)
}

// readTogether runs f on one snapshot, for reads that have to agree with each other.
func (s *Store) readTogether(ctx context.Context, f func(tx *gorm.DB) error) error {
	if all := sharedIn(ctx); all != nil {
		return classify(f(all))
	}
	return s.read(ctx, func(tx *gorm.DB) error {
		return tx.Transaction(f, &sql.TxOptions{ReadOnly: true})
	})
}

// classify turns a failure of the database into a fault that says so. Faults of the nouns pass through.
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
