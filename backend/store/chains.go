package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/signer"
)

// Events implements audit.Store.
type Events struct{ *db }

// chains is what the transactions of an open database need to extend its chains of audit events.
type chains struct {
	sealer audit.Sealer
	// ready is set once all events are chained that were written before there were chains.
	ready atomic.Bool
	// warn says that a chain was changed by someone without the key.
	warn func(chain string)
	// later is set if there is no key yet: a restore may come before its master key. The next start chains the events.
	later bool
	// begun is set if the chains have begun before, so that a missing head is no reason to begin one again.
	begun bool
	// process is the kind of an actor that is neither an admin user nor an API token.
	process audit.Kind
}

// chainsKey finds the chains in the context of a transaction.
type chainsKey struct{}

// chainedSetting has the time from which on events are chained as they are written. It is not set if there may be events that
// are not chained: before the first start of a version with chains, and after a restore.
const chainedSetting = "audit_chained"

var auditChains = table[audit.Head]{name: "audit_chains", what: "audit chain", columns: func(h *audit.Head) []column {
	return []column{
		{"account_id", &h.Chain}, {"sequence", &h.Sequence}, {"hash", (*chainHash)(&h.Hash)},
		{"kept_after", &h.KeptAfter}, {"kept_hash", (*chainHash)(&h.KeptHash)}, {"seal", &h.Seal},
	}
}}

// chainHash is a hash in the head of a chain. A damaged one is read as zero: the seal does not fit then, but changes go on.
type chainHash audit.Hash

// Value implements driver.Valuer.
func (h chainHash) Value() (driver.Value, error) { return h[:], nil }

// Scan implements sql.Scanner.
func (h *chainHash) Scan(value any) error {
	*h = chainHash{}
	if hash, ok := value.([]byte); ok && len(hash) == len(h) {
		*h = chainHash(hash)
	}
	return nil
}

// ofChain returns the condition for the events of a chain. Those of the installation have no account.
func ofChain(chain string) (where string, args []any) {
	if chain == "" {
		return "account_id IS NULL", nil
	}
	return "account_id = ?", []any{chain}
}

// record writes events in the transaction of their change, at the end of their chains.
func record(tx *gorm.DB, events ...audit.Event) error {
	all, _ := tx.Statement.Context.Value(chainsKey{}).(*chains)
	for i := range events {
		events[i].Actor.Kind = kindOf(tx, events[i].Actor)
	}
	if all != nil && all.later {
		for i := range events {
			events[i].Hash = []byte{}
		}
		return auditEvents.insert(tx, events...)
	}
	if all == nil || all.sealer == nil {
		return errors.New("store: audit events can't be sealed without a key")
	}
	if err := all.await(tx); err != nil {
		return err
	}
	return all.extend(tx, events)
}

// kindOf returns the kind of an actor of this process.
func kindOf(tx *gorm.DB, actor audit.Actor) audit.Kind {
	all, _ := tx.Statement.Context.Value(chainsKey{}).(*chains)
	if all == nil {
		return actor.Kind
	}
	return actor.KindIn(all.process)
}

// WriteEvents writes events that belong to no change.
func (s Events) WriteEvents(ctx context.Context, events []audit.Event) error {
	return s.change(ctx, func(tx *gorm.DB) error { return record(tx, events...) })
}

// await returns fault.Unavailable while earlier events are not chained: they come first.
func (all *chains) await(tx *gorm.DB) error {
	if all.ready.Load() {
		return nil
	}
	since, err := value[string](tx, "SELECT value FROM settings WHERE name = ?", chainedSetting)
	if err == nil && since == "" {
		return &fault.Error{Kind: fault.Unavailable, Message: "The audit trail is being prepared. Try again.", RetryAfter: time.Second}
	}
	return err
}

// extend chains events and writes them.
func (all *chains) extend(tx *gorm.DB, events []audit.Event) error {
	for rest := events; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Actor.AccountID == rest[0].Actor.AccountID {
			n++
		}
		part := rest[:n]
		err := all.move(tx, part[0].Actor.AccountID.String(), part[0].Action, func(head *audit.Head) error {
			for i := range part {
				head.Append(&part[i])
			}
			return auditEvents.insert(tx, part...)
		})
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// move changes the head of a chain by f and seals it, unless its seal is broken. Changes go on then, because a token must
// stay revocable, but the chain never verifies again. A chain begins only with its account, or with the first start of a
// version with chains.
func (all *chains) move(tx *gorm.DB, chain string, first audit.Action, f func(*audit.Head) error) error {
	head, found, err := auditChains.find(tx, "t.account_id = ?", chain)
	if err != nil {
		return err
	}
	sound := found && head.Sealed(all.sealer) || !found && (first == audit.AccountCreated || first == audit.ChainStarted && !all.begun)
	head.Chain = chain
	if err := f(&head); err != nil {
		return err
	}
	if head.Seal = []byte{}; sound {
		head.SealBy(all.sealer)
	} else if all.warn != nil {
		all.warn(chain)
	}
	return putHead(tx, head)
}

func putHead(tx *gorm.DB, head audit.Head) error {
	_, err := auditChains.insertOr(tx, "ON CONFLICT (account_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, "+
		"kept_after = excluded.kept_after, kept_hash = excluded.kept_hash, seal = excluded.seal", head)
	return err
}

// chainedAtOnce is how many events one transaction chains or removes. Other changes wait for it.
const chainedAtOnce = 500

// ChainEvents lets the sealer seal the heads of all chains from now on. Before the first change it chains the events that
// an earlier version or a restore wrote, and records the event that started makes of their number. mayBegin says, by the
// signing keys, whether chains without a head may begin; without an account they may. It must be called before any change with
// an event, and again if it fails.
func (s Events) ChainEvents(ctx context.Context, sealer audit.Sealer, mayBegin func([]signer.StoredKey) bool, started func(earlier int) (audit.Event, error)) error {
	if s.chains.sealer == nil {
		s.chains.sealer, s.chains.warn = sealer, s.warnBroken()
	}
	since, err := s.Setting(ctx, chainedSetting)
	if err == nil && since == "" {
		s.chains.begun, err = read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
			keys, err := allKeys(tx)
			if err != nil || mayBegin(keys) {
				return false, err
			}
			return exists(tx, "SELECT 1 FROM accounts UNION ALL SELECT 1 FROM signing_keys")
		})
	} else if err == nil && s.chains.warn != nil && !s.chains.ready.Load() {
		err = s.checkHeads(ctx)
	}
	var row int64
	for earlier := 0; err == nil && since == ""; {
		n := 0
		err = s.change(ctx, func(tx *gorm.DB) (err error) {
			if since, err = value[string](tx, "SELECT value FROM settings WHERE name = ?", chainedSetting); err != nil || since != "" {
				return err // another process was faster
			}
			if n, row, err = s.chains.chainSome(tx, row); err != nil || n > 0 {
				return err
			}
			event, err := started(earlier)
			if err != nil {
				return err
			}
			event.Actor.Kind = s.chains.process
			if err := s.chains.extend(tx, []audit.Event{event}); err != nil {
				return err
			}
			since = event.At.Format(time.RFC3339)
			return execAll(tx, []string{"INSERT INTO settings (name, value) VALUES (?, ?)"}, chainedSetting, since)
		})
		earlier += n
	}
	if err == nil {
		s.chains.ready.Store(true)
	}
	return err
}

// checkHeads warns of a chain that has lost its head, or whose head someone without the key has changed.
func (s Events) checkHeads(ctx context.Context) error {
	return s.read(ctx, func(tx *gorm.DB) error {
		headless, err := values[string](tx, "SELECT id FROM (SELECT '' AS id UNION ALL SELECT id FROM accounts) owners WHERE id NOT IN (SELECT account_id FROM audit_chains) LIMIT 1")
		if err != nil {
			return err
		}
		heads, err := auditChains.all(tx, "")
		for _, head := range heads {
			if !head.Sealed(s.chains.sealer) {
				headless = append(headless, head.Chain)
			}
		}
		for _, chain := range headless {
			s.chains.warn(chain)
		}
		return err
	})
}

// chainSome chains the first events behind a row that are not chained, in the order in which they were written.
func (all *chains) chainSome(tx *gorm.DB, after int64) (chained int, row int64, err error) {
	rows, err := values[int64](tx, "SELECT rowid FROM audit_events WHERE sequence = 0 AND rowid > ? ORDER BY rowid LIMIT ?", after, chainedAtOnce)
	if err != nil || len(rows) == 0 {
		return 0, after, err
	}
	row = rows[len(rows)-1]
	events, err := auditEvents.all(tx, "WHERE t.sequence = 0 AND t.rowid > ? AND t.rowid <= ? ORDER BY t.rowid", after, row)
	for i := 0; i < len(events) && err == nil; i++ {
		e := &events[i]
		err = all.move(tx, e.Actor.AccountID.String(), audit.ChainStarted, func(head *audit.Head) error {
			head.Append(e)
			return auditEvents.update(tx, *e, "sequence", "hash")
		})
	}
	return len(events), row, err
}

// warnBroken returns a function that logs the first broken chain that it is told of; nil if this process keeps no log.
func (s Events) warnBroken() func(chain string) {
	if s.health.log == nil {
		return nil
	}
	var warned atomic.Bool
	return func(chain string) {
		if !warned.Swap(true) {
			s.health.log.Error("the audit trail was changed from outside: run tokentab audit verify, and keep a copy of the database", "account", chain)
		}
	}
}

// Chains implements audit.Store.
func (s Events) Chains(ctx context.Context) ([]string, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]string, error) {
		return values[string](tx, "SELECT '' UNION SELECT account_id FROM audit_chains UNION SELECT id FROM accounts "+
			"UNION SELECT DISTINCT account_id FROM audit_events WHERE account_id IS NOT NULL ORDER BY 1")
	})
}

// ChainAfter implements audit.Store.
func (s Events) ChainAfter(ctx context.Context, chain string, after int64, most int) (page audit.Page, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) (err error) {
		if page.Head, page.Found, err = auditChains.find(tx, "t.account_id = ?", chain); err != nil || !page.Found {
			return err
		}
		where, args := ofChain(chain)
		stray := "SELECT 1 FROM audit_events WHERE " + where + " AND sequence <= ?"
		if chain == "" {
			stray += " UNION ALL SELECT 1 FROM audit_events WHERE account_id = ''"
		}
		if page.Stray, err = exists(tx, stray, append(args, page.Head.KeptAfter)...); err != nil {
			return err
		}
		page.Links, err = links(tx, chain, max(after, page.Head.KeptAfter), most)
		return err
	})
	return page, err
}

// links reads events of a chain in order.
func links(tx *gorm.DB, chain string, after int64, most int) ([]audit.Link, error) {
	where, args := ofChain(chain)
	texts := make([]string, len(audit.Fields))
	for i, name := range audit.Fields {
		texts[i] = "COALESCE(CAST(" + name + " AS TEXT), '')"
	}
	statement := "SELECT sequence, hash, " + strings.Join(texts, ", ") + " FROM audit_events WHERE " + where + " AND sequence > ? ORDER BY sequence LIMIT ?"
	return rowsAs(tx, statement, append(args, after, most), func(link *audit.Link) []any {
		link.Fields = make([]string, len(audit.Fields))
		into := []any{&link.Sequence, &link.Hash}
		for i := range link.Fields {
			into = append(into, &link.Fields[i])
		}
		return into
	})
}

// Unlogged implements audit.LogStore.
func (s Events) Unlogged(ctx context.Context, most int) ([]audit.Backlog, error) {
	return read(ctx, s.db, func(tx *gorm.DB) ([]audit.Backlog, error) {
		return rowsAs(tx, "SELECT account_id, logged, kept_after, sequence FROM audit_chains WHERE logged <> sequence ORDER BY account_id LIMIT ?", []any{most},
			func(b *audit.Backlog) []any { return []any{&b.Chain, &b.Logged, &b.KeptAfter, &b.Newest} })
	})
}

// SetLogged implements audit.LogStore.
func (s Events) SetLogged(ctx context.Context, chain string, sequence int64) error {
	return s.changeSoon(ctx, func(tx *gorm.DB) error {
		return execAll(tx, []string{"UPDATE audit_chains SET logged = ? WHERE account_id = ?"}, sequence, chain)
	})
}
