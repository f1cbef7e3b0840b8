package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"gorm.io/gorm"
)

// group is a transaction that several changes share, so that they wait for the disk together. A change takes its turn,
// runs in a savepoint of the open group, and queues again, behind all that wait already. These join meanwhile; then it
// commits the group, unless groupTime ended it before. Each change is answered after that, even one that failed, because it
// may have failed for what another changed.
type group struct {
	tx    *gorm.DB
	began time.Time
	free  context.CancelFunc // of the time limit, which undoes the transaction
	wrote bool               // whether any change succeeded
	over  chan struct{}      // closed at the end
	err   error              // why nothing was kept; set before the end
}

// groupTime is how old a group may be that takes another change. A group of all that wait could exceed operationTimeout where
// statements are slow, as on a busy Postgres: all of it would be undone, each time. And other copies wait for its end.
const groupTime = 100 * time.Millisecond

// join takes a turn and runs f in the open group, or in a new one. Without a group f has not run.
func (s *db) join(ctx context.Context, f func(tx *gorm.DB) error) (*group, error) {
	if err := s.turn(ctx); err != nil {
		return nil, err
	}
	defer s.pass()
	if s.unsettled.Load() && ctx.Value(settling{}) == nil {
		return nil, s.health.refusal()
	}
	if s.group == nil {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	g := s.group
	err, lost := errPanicked, errPanicked
	defer func() {
		if err != nil {
			s.health.noticeWrite(err)
		}
		g.wrote = g.wrote || err == nil
		if g.err = lost; lost != nil || s.health.now().Sub(g.began) >= groupTime {
			s.commit()
		}
	}()
	err, lost = within(g.tx, f)
	return g, err
}

var errPanicked = errors.New("store: another change of the transaction failed unexpectedly")

// begin opens a group. It holds the pools until the end. The caller has the turn.
func (s *db) begin() error {
	s.pools.RLock()
	if s.writer == nil {
		defer s.pools.RUnlock()
		return s.health.refusal()
	}
	// No client's context: if it ended, it would undo the changes of the others.
	ctx, free := context.WithTimeout(context.WithValue(context.Background(), chainsKey{}, &s.chains), operationTimeout)
	tx := s.writer.WithContext(ctx).Begin()
	if tx.Error != nil {
		free()
		defer s.pools.RUnlock()
		s.health.noticeWrite(tx.Error)
		return tx.Error
	}
	s.group = &group{tx: tx, began: s.health.now(), free: free, over: make(chan struct{})}
	return nil
}

// end waits until the group is over, or commits it once its turn comes, and returns why it was not kept.
func (s *db) end(g *group) error {
	runtime.Gosched() // requests that can go on do so first: changes join the group, and validations don't wait for it
	select {
	case <-g.over:
	case s.writing <- struct{}{}:
		if s.group == g {
			s.commit()
		}
		s.pass()
	}
	return g.err
}

// commit ends the open group, if there is one. The caller has the turn.
func (s *db) commit() {
	g := s.group
	if g == nil {
		return
	}
	if g.err == nil {
		g.err = s.checkFiles()
	}
	if g.err == nil && g.wrote {
		began := time.Now()
		g.err = g.tx.Commit().Error
		s.measures.commit.end(began, g.err)
		s.health.noticeWrite(g.err)
		if g.err == nil { // also after it: no change is answered that a restart would not find
			g.err = s.checkFiles()
		}
	} else {
		g.tx.Rollback()
	}
	s.save()
	g.free()
	s.group = nil
	s.pools.RUnlock()
	close(g.over)
}

// within runs f in a savepoint of a transaction. If f fails, it undoes what f changed. lost is set if the transaction
// can't go on: SQLite undoes all of it after some failures, such as a full disk.
func within(tx *gorm.DB, f func(tx *gorm.DB) error) (err, lost error) {
	if _, lost = exec(tx, "SAVEPOINT change"); lost != nil {
		return lost, lost
	}
	if err = f(tx); err != nil {
		_, lost = exec(tx, "ROLLBACK TO change")
	}
	_, released := exec(tx, "RELEASE change")
	if lost = cmp.Or(lost, released); lost == nil {
		return err, nil
	}
	if troubleOf(err) != 0 {
		lost = err // the cause
	}
	lost = fmt.Errorf("store: the transaction was undone: %w", lost)
	return cmp.Or(err, lost), lost
}
