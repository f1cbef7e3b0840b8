package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Copies is what several copies of the program on one Postgres database need of each other.
type Copies struct {
	*db
	looks, leaders *sql.DB // one connection each

	leading sync.Mutex // held while Postgres is asked, so looks must not need it
	leader  *sql.Conn  // holds leaderKey, or asks for it; nil until it is connected
	leads   bool       // it holds it

	ownLineage atomic.Pointer[string] // the last one that checkOwn found to be of this installation

	mu      sync.Mutex // held for moments only
	looker  *sql.Conn  // of looks; nil until it is connected
	dialing *dialing   // of the next looker
}

// dialing is an attempt to connect, which outlives the look that began it: on a busy machine connecting takes longer than a look
// may.
type dialing struct {
	done chan struct{}
	conn *sql.Conn // set before done is closed
	err  error
}

const (
	// leaderKey is the key of the advisory lock of the copy that does what only one must do, of an installation in the schema public.
	leaderKey = writerKey + 1
	// ownLeaderKey is the key in the schema of the tables. Locks are per database, which may have installations in other schemas, too.
	ownLeaderKey = `(SELECT CAST(? AS BIGINT) + CASE n.nspname WHEN 'public' THEN 0 ELSE hashtext(CAST(n.nspname AS TEXT)) END
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('schema_needs'))`
	// leaderIdle is how long a leader may say nothing. Then Postgres ends its session, and another copy can lead.
	leaderIdle = 30 * time.Second
	// mostChanges is how many changes one look reads. A copy that has missed more forgets all it knows.
	mostChanges = 5000
)

// Copies returns what copies of the program need; nil on SQLite, which has one server.
func (s *Store) Copies() *Copies { return s.copies }

func (s *db) connectCopies() {
	s.copies = &Copies{
		db: s,
		looks: s.remote.pool(1, sessionSettings{
			"application_name": "tokentab looks", "default_transaction_read_only": "on",
			// Plan the query once, not for each number, which takes longer than the query. It always reads the end of an index.
			"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_bitmapscan": "off",
		}, nil),
		leaders: s.remote.pool(1, sessionSettings{"application_name": "tokentab leads", "idle_session_timeout": milliseconds(leaderIdle)}, nil),
	}
}

func (c *Copies) close() error {
	if c == nil {
		return nil
	}
	c.leading.Lock()
	defer c.leading.Unlock()
	c.step()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looker != nil {
		discard(c.looker)
	}
	return errors.Join(c.looks.Close(), c.leaders.Close())
}

var (
	errOutdated = &fault.Error{Kind: fault.Unavailable, Message: "A newer version has changed the database in a way that this version can't work with. Stop this server and start the newer version.", RetryAfter: 5 * time.Second}
	errStandby  = errors.New("store: the database is a standby, which may lack the latest changes")
	errForeign  = errors.New("store: another installation has taken the place of the database")
	errSilent   = errors.New("store: triggers are disabled or missing that tell other copies of changes")
)

// ChangesFrom implements token.ChangeLog.
func (c *Copies) ChangesFrom(ctx context.Context, from token.Mark) (token.LogPart, error) {
	if from.Number == 0 {
		return c.newest(ctx)
	}
	part, err := c.changesFrom(ctx, from.Number)
	switch {
	case err != nil:
		return part, err
	case len(part.Marks) == 0 || part.Marks[0] != from:
		part.Oldest, err = c.number(ctx, "SELECT COALESCE(MIN(number), 0) FROM token_changes")
	case len(part.Marks) > mostChanges:
		return c.newest(ctx)
	}
	return part, err
}

// number returns what a query of one number finds on the connection of looks.
func (c *Copies) number(ctx context.Context, query string) (int64, error) {
	return orAgain(func() (found int64, err error) {
		conn, err := c.connected(ctx)
		if err == nil {
			err = c.or(conn.QueryRowContext(ctx, query).Scan(&found))
		}
		return found, classify(err)
	})
}

// orAgain calls f, which asks on the connection of looks, once more if that has ended.
func orAgain[T any](f func() (T, error)) (T, error) {
	result, err := f()
	if errors.Is(err, driver.ErrBadConn) {
		result, err = f()
	}
	return result, err
}

// connected returns the connection of looks.
func (c *Copies) connected(ctx context.Context) (*sql.Conn, error) {
	c.mu.Lock()
	if c.looker != nil {
		defer c.mu.Unlock()
		return c.looker, nil
	}
	d := c.dialing
	if d == nil {
		d = &dialing{done: make(chan struct{})}
		c.dialing = d
		go c.dial(d)
	}
	c.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Copies) dial(d *dialing) {
	ctx, cancel := context.WithTimeout(c.tended, operationTimeout)
	defer cancel()
	if d.conn, d.err = c.looks.Conn(ctx); d.err == nil {
		// Compile the query here, so that a look is one round trip.
		if _, d.err = d.conn.ExecContext(ctx, changesQuery, int64(math.MaxInt64), 1); d.err != nil {
			discard(d.conn)
			d.conn = nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looker, c.dialing = d.conn, nil
	close(d.done)
}

// or passes the outcome of a statement on. After a failure the next look connects again.
func (c *Copies) or(err error) error {
	if err == nil || errors.Is(err, errOutdated) || errors.Is(err, errForeign) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looker != nil {
		discard(c.looker)
		c.looker = nil
	}
	return err
}

// newest returns the newest change as the only one that the log still has.
func (c *Copies) newest(ctx context.Context) (part token.LogPart, err error) {
	for {
		number, err := c.number(ctx, "SELECT COALESCE(MAX(number), 0) FROM token_changes")
		if err != nil {
			return part, err
		}
		part, err = c.changesFrom(ctx, number)
		if err != nil || len(part.Marks) == 0 {
			return part, err
		}
		if len(part.Marks) <= mostChanges { // otherwise the last one read is not the newest
			part.Oldest = part.Marks[0].Number
			return part, nil
		}
	}
}

// changesQuery selects changes from a number on, and the state of the database. It does not ask for the oldest change: while a
// snapshot is open, MIN goes through all rows that were removed since.
const changesQuery = `SELECT (SELECT id FROM lineage), (SELECT lowest FROM schema_needs), pg_is_in_recovery(),
	c.number, c.tag, c.token_id, c.target, c.target_id, COALESCE(c.status_list, 0)
	FROM (SELECT 1) one LEFT JOIN token_changes c ON c.number >= ? ORDER BY c.number LIMIT ?`

// changesFrom reads changes from a number on, and the state of the database at that instant.
func (c *Copies) changesFrom(ctx context.Context, number int64) (token.LogPart, error) {
	return orAgain(func() (token.LogPart, error) { return c.readChanges(ctx, number) })
}

func (c *Copies) readChanges(ctx context.Context, number int64) (part token.LogPart, err error) {
	conn, err := c.connected(ctx)
	if err != nil {
		return part, classify(err)
	}
	defer func() { err = classify(c.or(err)) }()
	if part, err = c.scanChanges(ctx, conn, number); err == nil {
		err = c.checkOwn(ctx, conn, part.Lineage)
	}
	return part, err
}

// checkOwn returns errForeign if the database is that of another installation. It asks only if the lineage is another one than
// before, because each look waits for it: two installations have different lineages.
func (c *Copies) checkOwn(ctx context.Context, conn *sql.Conn, lineage string) error {
	if own := c.ownLineage.Load(); own != nil && *own == lineage {
		return nil
	}
	var installation optional
	if err := conn.QueryRowContext(ctx, "SELECT ("+installationQuery+")").Scan(&installation); err != nil {
		return err
	}
	if c.remote.isForeign(string(installation)) {
		c.health.noticeWrite(errForeign)
		return errForeign
	}
	c.ownLineage.Store(&lineage)
	return nil
}

func (c *Copies) scanChanges(ctx context.Context, conn *sql.Conn, number int64) (part token.LogPart, err error) {
	rows, err := conn.QueryContext(ctx, changesQuery, number, mostChanges+1)
	if err != nil {
		return part, err
	}
	defer rows.Close()
	for rows.Next() {
		var lowest int64
		var standby bool
		var at sql.NullInt64
		var tag, target optional
		var id pfid.ID
		var change token.LoggedChange
		if err := rows.Scan(&part.Lineage, &lowest, &standby, &at, &tag, &change.Token, &target, &id, &change.List); err != nil {
			return part, err
		}
		switch {
		case lowest > c.remote.schema:
			return part, errOutdated
		case standby:
			return part, errStandby
		case !at.Valid:
			return part, nil
		}
		if !madeBy(string(target)) {
			change.Of = id
		}
		part.Marks = append(part.Marks, token.Mark{Number: at.Int64, Tag: string(tag)})
		part.Changes = append(part.Changes, change)
	}
	return part, rows.Err()
}

// madeBy reports whether a move is one of the tokens that someone made. States of tokens don't name their makers, so any state
// may have changed.
func madeBy(target string) bool {
	return target == "created_by_admin_user_id" || target == "created_by_api_token_id"
}

// isLed reports whether a copy holds the leader's lock. A lock with one number is listed as its two halves.
func (s *db) isLed(ctx context.Context) (led bool, err error) {
	return read(ctx, s, func(tx *gorm.DB) (bool, error) {
		return value[bool](tx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND CAST(classid AS BIGINT) * 4294967296 + CAST(objid AS BIGINT) = `+ownLeaderKey+`)`, int64(leaderKey))
	})
}

// Leads reports whether this copy does what only one must do. It leads until its connection ends or it says nothing for
// leaderIdle, so call it again before each piece of work. A copy that was paused may do such a piece although another one leads. A
// copy that a newer version has outdated does not lead.
func (c *Copies) Leads(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	c.leading.Lock()
	defer c.leading.Unlock()
	wasConnected := c.leader != nil
	leads, err := c.ask(ctx)
	if err != nil && wasConnected { // its session may have ended
		leads, err = c.ask(ctx)
	}
	return leads, classify(err)
}

// ask asks for the leader's lock, unless the session has it. After a failure the next call connects again.
func (c *Copies) ask(ctx context.Context) (leads bool, err error) {
	if c.leader == nil {
		if c.leader, err = c.leaders.Conn(ctx); err != nil {
			return false, err
		}
	}
	var isOutdated bool
	var installation optional
	err = c.leader.QueryRowContext(ctx, "SELECT lowest > ?, ("+installationQuery+") FROM schema_needs", c.remote.schema).Scan(&isOutdated, &installation)
	if err == nil && c.remote.isForeign(string(installation)) {
		err = errForeign
	}
	if err == nil && !isOutdated && !c.leads {
		err = c.leader.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+ownLeaderKey+")", int64(leaderKey)).Scan(&c.leads)
	}
	if err != nil || isOutdated && c.leads {
		c.step()
	}
	return c.leads, err
}

// step ends the leader's session, which unlocks.
func (c *Copies) step() {
	if c.leader != nil {
		discard(c.leader)
	}
	c.leader, c.leads = nil, false
}

// discard ends a connection, so that no lock of it stays.
func discard(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }

// Confirm makes all copies accept the database as it is, also if it has lost changes that they have seen. Like a restore, it ends
// all sessions and closes all status lists.
func (c *Copies) Confirm(ctx context.Context, event audit.Event) error {
	return c.change(ctx, func(tx *gorm.DB) error {
		if _, err := exec(tx, "UPDATE lineage SET id = gen_random_uuid()"); err != nil {
			return err
		}
		if err := noteRestored(tx, backup.Restored{At: event.At}); err != nil {
			return err
		}
		return record(tx, event)
	})
}

// Time returns the time of Postgres, in the precision of the store.
func (c *Copies) Time(ctx context.Context) (time.Time, error) {
	milliseconds, err := read(ctx, c.db, func(tx *gorm.DB) (int64, error) {
		return value[int64](tx, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
	})
	return time.UnixMilli(milliseconds).UTC(), err
}

// Lineage returns the id of the history of the database, which is random.
func (c *Copies) Lineage(ctx context.Context) (string, error) {
	return read(ctx, c.db, func(tx *gorm.DB) (string, error) { return value[string](tx, "SELECT id FROM lineage") })
}

var (
	_ token.ChangeLog = (*Copies)(nil)
	_ token.UseLog    = (*Copies)(nil)
)

// LastWrittenUse implements token.UseLog.
func (c *Copies) LastWrittenUse(ctx context.Context) (int64, error) {
	return read(ctx, c.db, func(tx *gorm.DB) (int64, error) {
		return value[int64](tx, "SELECT COALESCE(MAX(written), 0) FROM token_uses")
	})
}

// WrittenUses implements token.UseLog. A trigger numbers the writes.
func (c *Copies) WrittenUses(ctx context.Context, after int64, most int) ([]token.WrittenUse, error) {
	return read(ctx, c.db, func(tx *gorm.DB) ([]token.WrittenUse, error) {
		return rowsAs(tx, "SELECT written, token_id, COALESCE(last_used_at, 0), COALESCE(last_refused_at, 0) FROM token_uses WHERE written > ? ORDER BY written LIMIT ?",
			[]any{after, most}, func(w *token.WrittenUse) []any { return []any{&w.Number, &w.TokenID, &w.At, &w.RefusedAt} })
	})
}
