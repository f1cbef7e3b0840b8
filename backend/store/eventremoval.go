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
func (s Events) RemoveEvents(ctx context.Context, before time.Time, rest func()) (err error) {
	all, err := s.Chains(ctx)
	if err != nil {
		return err
	}
	for _, chain := range all {
		for more := true; more && ctx.Err() == nil; rest() {
			var failed error
			if more, failed = s.removeSome(ctx, chain, before); failed != nil {
				if err, more = errors.Join(err, fmt.Errorf("audit trail of %q: %w", chain, failed)), false; fault.KindOf(failed) == fault.Unavailable {
					return err
				}
			}
		}
	}
	return err
}

func (s Events) removeSome(ctx context.Context, chain string, before time.Time) (more bool, err error) {
	where, args := ofChain(chain)
	// Without this, every look would take a turn to write.
	old, err := read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		first, err := value[int64](tx, "SELECT inserted_at FROM audit_events WHERE "+where+" AND sequence > 0 ORDER BY sequence LIMIT 1", args...)
		return first > 0 && first < before.UnixMilli(), err
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
		n := 0
		for n < len(list) && list[n].Sequence < head.Sequence && list[n].Before(before) {
			n++
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
