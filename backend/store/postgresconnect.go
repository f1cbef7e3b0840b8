package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"tokentab/backend/fault"
)

// sessionSettings are settings of a connection that differ from the database's defaults.
type sessionSettings map[string]string

// with returns the settings that all connections have, and these.
func (more sessionSettings) with() sessionSettings {
	all := sessionSettings{
		"statement_timeout": milliseconds(operationTimeout), "lock_timeout": milliseconds(operationTimeout),
		"idle_in_transaction_session_timeout": milliseconds(operationTimeout + connectTimeout), "idle_session_timeout": "0",
		"default_transaction_isolation": "read committed",
		// All statements are short. For tables without statistics Postgres would expect long ones, and compile them for half a second.
		"jit": "off",
		// So that the server notices lost clients, which may hold the lock.
		"tcp_user_timeout": milliseconds(peerTimeout), "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3",
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// asDurable raises synchronous_commit if the server's default would lose acknowledged changes in a crash.
const asDurable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"

// untimed ends the transaction_timeout of the role or database, which Postgres has since 17: its limit would end migrations and copies,
// and statements and idle transactions have limits of their own.
const untimed = "SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) <> '0'"

// asWritten sets what changes texts, and the meaning of statements, to its usual value, whatever that of the role or database is.
const asWritten = "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET transform_null_equals = off; SET quote_all_identifiers = off"

// afterConnect makes connections begin with the settings, by statements: PgBouncer would refuse them when connecting.
func (all sessionSettings) afterConnect() stdlib.OptionOpenDB {
	set := asDurable + "; " + untimed + "; " + asWritten
	for name, value := range all {
		set += "; SET " + name + " = '" + value + "'"
	}
	return stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, set).ReadAll()
		return err
	})
}

// present makes a new connection take the password and the files of certificates that hold now. In the years that a server runs,
// they change, in the file of the URL, in .pgpass or in the files that the URL names. Where the database is does not change.
func (r *remote) present(_ context.Context, c *pgx.ConnConfig) error {
	url, err := r.again()
	if err != nil {
		return nil // the file may be half replaced
	}
	now, err := pgx.ParseConfig(url)
	if err == nil && now.User == c.User && now.Host == c.Host && now.Port == c.Port && now.Database == c.Database {
		c.Password, c.TLSConfig, c.Fallbacks = now.Password, now.TLSConfig, now.Fallbacks
	}
	return nil
}

// pool returns connections with some settings. It calls begin when a transaction begins, unless begin is nil.
func (r *remote) pool(connections int, settings sessionSettings, begin func(context.Context, *pgconn.PgConn) error) *sql.DB {
	pool := sql.OpenDB(connector{stdlib.GetConnector(*r.config, stdlib.OptionBeforeConnect(r.present), settings.with().afterConnect()), &translations{}, &r.servers, begin})
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	if connections > 1 {
		pool.SetConnMaxIdleTime(readerIdle)
	}
	return pool
}

func (r *remote) connect(connections int, settings sessionSettings, begin func(context.Context, *pgconn.PgConn) error) (*gorm.DB, error) {
	pool := newStatements(r.pool(connections, settings, begin))
	pool.keepsNone = true // pgx keeps them, for each connection
	return openPool(pool, postgresName)
}

// hasSilentTrigger selects whether changes of a transaction would not reach token_changes, and so the other copies. Restores of
// data alone turn triggers off, and leave them so if they are interrupted; a whole restore creates them last. Tables
// and names stand apart because Postgres would plan pairs of them for 0.3 ms longer, in each transaction that writes.
const hasSilentTrigger = `current_setting('session_replication_role') = 'replica' OR (SELECT count(*) FROM pg_trigger WHERE tgenabled IN ('O', 'A')
	AND tgrelid IN (to_regclass('api_tokens'), to_regclass('old_secrets'), to_regclass('token_moves'), to_regclass('signing_keys'), to_regclass('token_uses'), to_regclass('audit_events'))
	AND tgname IN ('api_tokens_inserted', 'api_tokens_updated', 'api_tokens_deleted', 'old_secrets_inserted', 'old_secrets_updated', 'old_secrets_deleted',
		'token_moves_inserted', 'signing_keys_changed', 'token_uses_numbered', 'token_status_changed')) < 10`

// isBehind selects whether changes would get numbers that other copies have passed. Logical replication copies rows without sequences.
// A role that does not own the tables may be unable to read the sequence.
const isBehind = `COALESCE((SELECT MAX(number) FROM token_changes) > (SELECT CASE WHEN has_sequence_privilege(q, 'SELECT, USAGE') THEN COALESCE(pg_sequence_last_value(q), 0) END
	FROM (SELECT CAST(pg_get_serial_sequence('token_changes', 'number') AS regclass)) s (q)), FALSE)`

// catchUp sets all sequences to the last number of their rows. It keeps those of empty tables.
const catchUp = `SELECT setval('token_uses_written', MAX(written)) FROM token_uses HAVING MAX(written) > 0;
	SELECT setval(pg_get_serial_sequence('audit_events', 'rowid'), MAX(rowid)) FROM audit_events;
	SELECT setval(pg_get_serial_sequence('token_moves', 'number'), MAX(number)) FROM token_moves;
	SELECT setval(pg_get_serial_sequence('agent_instances', 'number'), MAX(number)) FROM agent_instances;
	SELECT setval(pg_get_serial_sequence('agent_spans', 'number'), MAX(number)) FROM agent_spans;
	SELECT setval(pg_get_serial_sequence('token_changes', 'number'), MAX(number)) FROM token_changes` // last, because isBehind asks for it

// takeTurn begins a transaction that writes. It waits for the lock, and returns errOutdated, errForeign or errSilent if this program
// must not write any more.
func (r *remote) takeTurn(ctx context.Context, c *pgconn.PgConn) error {
	const both = "SELECT pg_advisory_xact_lock(%d); SELECT EXISTS (SELECT 1 FROM schema_needs WHERE lowest > %d), COALESCE((" + installationQuery + "), ''), " + hasSilentTrigger + ", " + isBehind // one round trip
	results, err := c.Exec(ctx, fmt.Sprintf(both, int64(writerKey), r.schema)).ReadAll()
	if err != nil {
		return err
	}
	state := results[1].Rows[0]
	switch {
	case r.isForeign(string(state[1])):
		return errForeign
	case string(state[0]) != "f":
		return errOutdated
	case string(state[2]) != "f":
		return errSilent
	case string(state[3]) != "f":
		_, err = c.Exec(ctx, catchUp).ReadAll()
	}
	return err
}

// connectPostgres opens the connections for reading and writing.
func (s *db) connectPostgres() (err error) {
	idle := milliseconds(writerIdle)
	if s.writer, err = s.remote.connect(1, sessionSettings{"application_name": "tokentab changes", "idle_in_transaction_session_timeout": idle}, s.remote.takeTurn); err != nil {
		return err
	}
	if s.noter, err = s.remote.connect(1, sessionSettings{"application_name": "tokentab uses", "idle_in_transaction_session_timeout": idle, "synchronous_commit": "off"}, s.remote.takeTurn); err != nil {
		return err
	}
	if s.reader, err = s.remote.connect(s.remote.readers, sessionSettings{"application_name": "tokentab readers", "default_transaction_read_only": "on"}, nil); err != nil {
		return err
	}
	s.finder, err = s.remote.connect(s.remote.finders, sessionSettings{"application_name": "tokentab finders", "default_transaction_read_only": "on"}, nil)
	if err == nil {
		s.connectCopies()
	}
	return err
}

// connector connects a pool whose statements are translated. Their values are converted as they are for SQLite.
type connector struct {
	driver.Connector
	translations *translations
	servers      *servers
	begin        func(context.Context, *pgconn.PgConn) error
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("store: a connection to Postgres is a %T", opened)
	}
	return &translating{Conn: conn, translations: c.translations, servers: c.servers, begin: c.begin}, nil
}

type translating struct {
	*stdlib.Conn
	translations *translations
	servers      *servers
	begin        func(context.Context, *pgconn.PgConn) error // see remote.pool
	givenUp      bool                                        // see IsValid
}

// IsValid implements driver.Validator: after a failure of the session the pool takes no connection back.
func (c *translating) IsValid() bool { return !c.givenUp }

// isOfSession reports whether a new session might not have a failure. Sessions keep the defaults of their role and database, such
// as default_transaction_read_only, session_replication_role, search_path or role, that held when they began.
func isOfSession(err error) bool {
	if errors.Is(err, errSilent) {
		return true
	}
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(failed.Code) != 5 {
		return false
	}
	switch failed.Code[:2] { // classes: unsupported, unknown statement, role, and rights or unknown tables
	case "0A", "26", "28", "42":
		return true
	}
	return failed.Code == readOnlyTransaction
}

// CheckNamedValue implements driver.NamedValueChecker. It refuses texts that Postgres can't hold and SQLite can.
func (*translating) CheckNamedValue(v *driver.NamedValue) (err error) {
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	if text, ok := v.Value.(string); ok && err == nil {
		err = checkText(text)
	}
	return err
}

// checkText returns an error for a text that Postgres can't hold.
func checkText(text string) error {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return fault.New(fault.Validation, "Text must be UTF-8 without zero bytes.")
	}
	return nil
}

// isCurrent returns driver.ErrBadConn if the program uses another server by now.
func (c *translating) isCurrent() error { return c.servers.isCurrent(c.Conn.Conn().PgConn()) }

// ExecContext implements driver.ExecerContext.
func (c *translating) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.isCurrent(); err != nil {
		return nil, err
	}
	result, err := c.Conn.ExecContext(ctx, c.translations.of(query), args)
	return result, c.orGone(ctx, err)
}

// QueryContext implements driver.QueryerContext.
func (c *translating) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.isCurrent(); err != nil {
		return nil, err
	}
	rows, err := c.Conn.QueryContext(ctx, c.translations.of(query), args)
	return rows, c.orGone(ctx, err)
}

// BeginTx implements driver.ConnBeginTx.
func (c *translating) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.isCurrent(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.BeginTx(ctx, options)
	if err != nil || c.begin == nil {
		return tx, c.orGone(ctx, err)
	}
	if err := c.begin(ctx, c.Conn.Conn().PgConn()); err != nil {
		return nil, c.orGone(ctx, errors.Join(err, tx.Rollback()))
	}
	return tx, nil
}

// orGone returns driver.ErrBadConn for a failure with which the connection ended, such as the first statement after a restart of
// Postgres. Then database/sql takes another connection for it, unless it is in a transaction. That is safe for a statement that
// had begun, because outside of transactions the store only reads.
func (c *translating) orGone(ctx context.Context, err error) error {
	c.givenUp = c.givenUp || isOfSession(err)
	if err != nil && ctx.Err() == nil && c.Conn.Conn().IsClosed() {
		return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	return err
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *translating) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.Conn.PrepareContext(ctx, c.translations.of(query))
	return statement, c.orGone(ctx, err)
}
