package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// RemoveEvents removes the oldest events that were written before an instant, in small steps, and calls rest after each.
// Each chain keeps its newest event, and stays provable: its head says after which event it goes on. It leaves a chain that
// does not verify as it is and returns an error for it.
//
// Events after latest were stamped by a clock that was ahead. The order of a chain says how old they are: they go with an
// old event that follows them.
func (s Events) RemoveEvents(ctx context.Context, before, latest time.Time, rest func()) (err error) {
	all, err := s.Chains(ctx)
	if err != nil {
		return err
	}
	for _, chain := range all {
		for more := true; more && ctx.Err() == nil; rest() {
			var failed error
			if more, failed = s.removeSome(ctx, chain, before, latest); failed != nil {
				if err, more = errors.Join(err, fmt.Errorf("audit trail of %q: %w", chain, failed)), false; fault.KindOf(failed) == fault.Unavailable {
					return err
				}
			}
		}
	}
	return err
}

func (s Events) removeSome(ctx context.Context, chain string, before, latest time.Time) (more bool, err error) {
	where, args := ofChain(chain)
	// Without this, every look would take a turn to write.
	old, err := read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return nextIsOld(tx, chain, 0, before, latest)
	})
	if err != nil || !old {
		return false, err
	}
	return more, s.change(ctx, func(tx *gorm.DB) error {
		head, found, err := auditChains.find(tx, "t.account_id = ?", chain)
		if err != nil || !found {
			return err
		}
		if !head.Sealed(s.chains.sealer) {
			return &audit.Broken{Sequence: head.Sequence, Reason: "the head of the chain is not sealed with this installation's key"}
		}
		list, err := links(tx, chain, head.KeptAfter, chainedAtOnce)
		if err != nil {
			return err
		}
		n, ahead := 0, 0
		for i, link := range list {
			if link.Sequence == head.Sequence || !link.Before(before) && link.Before(latest) {
				break
			}
			if ahead++; link.Before(before) {
				n, ahead = i+1, 0
			}
		}
		if n+ahead == chainedAtOnce {
			old, err := nextIsOld(tx, chain, list[len(list)-1].Sequence, before, latest)
			if err != nil {
				return err
			}
			if old {
				n = chainedAtOnce
			}
		}
		if n == 0 {
			return nil
		}
		if err := head.Remove(list[:n]); err != nil {
			return err
		}
		if _, err := exec(tx, "DELETE FROM audit_events WHERE "+where+" AND sequence > 0 AND sequence <= ?", append(args, head.KeptAfter)...); err != nil {
			return err
		}
		more = n == chainedAtOnce
		head.SealBy(s.chains.sealer)
		return putHead(tx, head)
	})
}

// nextIsOld reports whether the first event behind a sequence number that no clock ahead stamped was written before an
// instant.
func nextIsOld(tx *gorm.DB, chain string, after int64, before, latest time.Time) (bool, error) {
	where, args := ofChain(chain)
	at, err := value[int64](tx, "SELECT inserted_at FROM audit_events WHERE "+where+" AND sequence > ? AND inserted_at <= ? ORDER BY sequence LIMIT 1",
		append(args, after, latest.UnixMilli())...)
	return at > 0 && at < before.UnixMilli(), err
}
