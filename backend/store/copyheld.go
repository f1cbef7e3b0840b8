package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
)

// held is a connection to a database that no other program uses, in a transaction. Without a commit it changes nothing.
type held struct {
	tx     *gorm.DB
	conn   *sql.Conn
	ending []func() error // the last one comes first
}

func (h *held) end() error {
	var errs []error
	for _, f := range slices.Backward(h.ending) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// connect takes the only connection of a pool, which it closes at the end.
func (h *held) connect(ctx context.Context, db *gorm.DB) error {
	h.ending = append(h.ending, func() error { return closePools(db) })
	pool, err := db.DB()
	if err != nil {
		return err
	}
	if h.conn, err = pool.Conn(ctx); err != nil {
		return err
	}
	h.ending = append(h.ending, h.conn.Close)
	h.tx = db.Session(&gorm.Session{NewDB: true, Context: ctx})
	h.tx.Statement.ConnPool = h.conn
	return nil
}

// begin connects and begins the transaction.
func (h *held) begin(ctx context.Context, db *gorm.DB, statement string) error {
	err := h.connect(ctx, db)
	if err == nil {
		err = h.tx.Exec(statement).Error
	}
	return err
}

// holdFile claims the database in a folder, and keeps commands from writing.
func holdFile(ctx context.Context, folder string, now func() time.Time) (_ *held, err error) {
	f, err := findForCommand(ctx, folder, false, now)
	if err != nil {
		return nil, err
	}
	h := &held{ending: []func() error{f.Close}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.end())
		}
	}()
	err = lockServer(f.File)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("--data: a server is running on the data in %s: stop it first", folder)
	}
	if err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	release, err := f.openingLock(soon)
	if err != nil {
		return nil, err
	}
	h.ending = append(h.ending, func() error { release(); return nil })
	db, err := connect(f.path, 1, writerOptions...)
	if err != nil {
		return nil, err
	}
	return h, h.begin(ctx, db, "BEGIN IMMEDIATE")
}

// holdPostgres connects to a database and keeps other programs from writing. It makes the schema if mayCreate is set.
func holdPostgres(ctx context.Context, at Postgres, mayCreate bool) (_ *held, err error) {
	r, err := parsePostgres(at)
	if err != nil {
		return nil, err
	}
	r.config.RuntimeParams["application_name"] = copyName
	// A side that is busy takes no data for a while; it is not lost.
	r.config.DialFunc = (&net.Dialer{Timeout: r.config.ConnectTimeout}).DialContext
	if err := r.prepare(ctx, postgresMigrations, mayCreate, false); err != nil {
		return nil, r.explained(err)
	}
	pool := newStatements(r.pool(1, sessionSettings{"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "tcp_user_timeout": "0"}, nil))
	pool.keepsNone = true
	db, err := openPool(pool, postgresName)
	if err != nil {
		return nil, err
	}
	h := &held{}
	defer func() {
		if err != nil {
			err = errors.Join(r.explained(err), h.end())
		}
	}()
	if err := h.connect(ctx, db); err != nil {
		return nil, err
	}
	if err := h.awaitOthers(ctx, r); err != nil {
		return nil, err
	}
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if mayCreate {
		begin = "BEGIN"
	}
	// The end of the connection unlocks. The lock comes first, so that the transaction shows what others wrote before.
	if err := h.tx.Exec(fmt.Sprintf("SELECT pg_advisory_lock(%d)", int64(writerKey))).Error; err != nil {
		return nil, fmt.Errorf("wait for another copy or command to leave %s: %w", r, err)
	}
	return h, h.tx.Exec(begin).Error
}

// awaitOthers waits until all servers and commands have left a database. It fails after leaveWithin.
func (h *held) awaitOthers(ctx context.Context, r *remote) error {
	soon, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	err := retry(soon, func() error {
		others, err := exists(h.tx, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tokentab%' AND application_name <> ?", copyName)
		if err == nil && others {
			err = errLocked
		}
		return err
	})
	if errors.Is(err, errLocked) && ctx.Err() == nil {
		err = fmt.Errorf("%s: servers or commands use %s: stop them first", r.flag, r)
	}
	return err
}

// checkEmpty returns an error that names the tables with rows. A first start and each command make a signing key in a database
// without one, such as one that an interrupted copy left: if that is all that happened there, a copy replaces it.
func (h *held) checkEmpty(tables []copiedTable) error {
	used, err := exists(h.tx, "SELECT 1 FROM accounts UNION ALL SELECT 1 FROM audit_events WHERE action NOT IN (?, ?)", audit.ChainStarted, audit.SigningKeyCreated)
	if err != nil || !used {
		return err
	}
	var full []string
	for _, t := range tables {
		rows, err := value[int64](h.tx, "SELECT count(*) FROM "+t.name)
		if err != nil {
			return err
		}
		if rows > 0 {
			full = append(full, fmt.Sprintf("%s (%d)", t.name, rows))
		}
	}
	if len(full) > 0 {
		return fmt.Errorf("--to: the database is not empty, it has rows in %s: create a new database and name that", strings.Join(full, ", "))
	}
	return nil
}
