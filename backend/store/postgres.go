package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// The store on Postgres. Several servers and commands may use one database.
//
// Writes: each transaction that writes begins with an advisory lock, so one writes at a time among all copies, as on SQLite.
// Hence checks such as that of the last admin, the chains of audit events and the order of row numbers hold as they do there,
// under READ COMMITTED: each statement sees all that was committed before the lock was taken. A copy that is paused or cut off
// with the lock delays the others until idle_in_transaction_session_timeout. A copy that a newer version has outdated writes
// nothing: it reads schema_needs under the lock, which that version held.
//
// Reads: one statement, or a transaction under REPEATABLE READ, which has one snapshot.

// Postgres says where a Postgres database is and how many connections read it.
type Postgres struct {
	URL              string // a secret
	Readers, Finders int    // most connections of all reads, and of the lookups of validations; 0 for the defaults
	Flag             string // names the URL in errors; --database-url if empty
}

// oldestPostgres is the oldest version that will do, as server_version_num.
var oldestPostgres = 150000

// writerKey is the key of the advisory lock that a writer holds, also while it changes the schema.
const writerKey = 0x746f6b656e746162 // tokentab

// Time limits of connections.
const (
	connectTimeout = 5 * time.Second
	// writerIdle ends a transaction that holds the lock and does nothing.
	writerIdle = 2 * time.Second
	// peerTimeout is how long a peer may leave data unconfirmed before the connection counts as lost.
	peerTimeout = 5 * time.Second
)

// readerIdle is how long a connection for reading stays open unused. A burst would otherwise keep all of them, which other copies
// may need.
var readerIdle = 30 * time.Second

// SQLSTATE codes of Postgres.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	readOnlyTransaction = "25006"
	insufficientRights  = "42501"
	noSpace             = "53100"
	protocolViolation   = "08P01"
)

// remote is what a db on Postgres has instead of a file.
type remote struct {
	config           *pgx.ConnConfig
	flag             string
	readers, finders int
	schema           int64 // that this program knows
}

func parsePostgres(at Postgres) (*remote, error) {
	flag := cmp.Or(at.Flag, "--database-url")
	if !strings.HasPrefix(at.URL, "postgres://") && !strings.HasPrefix(at.URL, "postgresql://") {
		return nil, errors.New(flag + likePostgres)
	}
	config, err := pgx.ParseConfig(at.URL)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %s", flag, likePostgres, wrongURL(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "tokentab"
	}
	dialer := &net.Dialer{
		Timeout: config.ConnectTimeout, Control: func(network, _ string, c syscall.RawConn) error {
			return limitUnconfirmed(network, c, peerTimeout)
		},
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: peerTimeout, Interval: time.Second, Count: 3},
	}
	config.DialFunc = dialer.DialContext
	r := &remote{config: config, flag: flag, readers: at.Readers, finders: at.Finders, schema: lastOf(postgresMigrations)}
	if r.readers == 0 {
		r.readers = min(defaultReaders(), mostReaders)
	}
	if r.finders == 0 {
		r.finders = min(defaultFinders(), mostFinders)
	}
	return r, nil
}

const likePostgres = " must be like postgres://user:password@host:5432/database?sslmode=verify-full"

// wrongURL says what is wrong with a URL. It repeats nothing of it but names of files: any part may be one of the password.
func wrongURL(err error) string {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Error()
	}
	cause := err
	for next := err; next != nil; next = errors.Unwrap(next) {
		cause = next
	}
	switch cause.Error() { // messages of pgx without a value
	case "unable to add CA to cert pool":
		return "the file of sslrootcert has no certificate in PEM"
	case "failed to decode sslkey":
		return "the file of sslkey has no key in PEM"
	case "sslmode is invalid", "both \"sslcert\" and \"sslkey\" are required":
		return cause.Error()
	}
	return "write special characters of the password as %XX, such as %25 for % and %2F for /"
}

// mostReaders and mostFinders bound the default sizes of the pools: a server of Postgres has about a hundred connections, for all
// copies. docs/copies.md has the sum.
const (
	mostReaders = 8
	mostFinders = 4
)

// defaultReaders and defaultFinders are the sizes of the pools.
func defaultReaders() int { return max(4, 2*runtime.GOMAXPROCS(0)) }
func defaultFinders() int { return max(2, runtime.GOMAXPROCS(0)) }

// String names the database without the password.
func (r *remote) String() string {
	return fmt.Sprintf("the database %s on %s", r.config.Database, net.JoinHostPort(r.config.Host, strconv.Itoa(int(r.config.Port))))
}

// sessionSettings are settings of a connection that differ from the database's defaults.
type sessionSettings map[string]string

// with returns the settings that all connections have, and these.
func (more sessionSettings) with() sessionSettings {
	all := sessionSettings{
		"client_encoding":   "UTF8",
		"statement_timeout": milliseconds(operationTimeout), "lock_timeout": milliseconds(operationTimeout),
		"idle_in_transaction_session_timeout": milliseconds(operationTimeout + connectTimeout),
		"default_transaction_isolation":       "read committed",
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

// afterConnect makes connections begin with the settings, by statements: PgBouncer would refuse them when connecting.
func (all sessionSettings) afterConnect() stdlib.OptionOpenDB {
	set := asDurable
	for name, value := range all {
		set += "; SET " + name + " = '" + value + "'"
	}
	return stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, set).ReadAll()
		return err
	})
}

// pool returns connections with some settings.
// begin is called at the begin of each transaction; nil for nothing.
func (r *remote) pool(connections int, settings sessionSettings, begin func(context.Context, *pgconn.PgConn) error) *sql.DB {
	pool := sql.OpenDB(connector{stdlib.GetConnector(*r.config, settings.with().afterConnect()), &translations{}, begin})
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

// takeTurn begins a transaction that writes. It waits for the lock, and returns errOutdated if this program must not write any more.
func (r *remote) takeTurn(ctx context.Context, c *pgconn.PgConn) error {
	const both = "SELECT pg_advisory_xact_lock(%d); SELECT EXISTS (SELECT 1 FROM schema_needs WHERE lowest > %d)" // one round trip
	results, err := c.Exec(ctx, fmt.Sprintf(both, int64(writerKey), r.schema)).ReadAll()
	if err != nil {
		return err
	}
	if string(results[1].Rows[0][0]) != "f" {
		return errOutdated
	}
	return nil
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
	return &translating{Conn: conn, translations: c.translations, begin: c.begin}, nil
}

type translating struct {
	*stdlib.Conn
	translations *translations
	begin        func(context.Context, *pgconn.PgConn) error // see remote.pool
	givenUp      bool                                        // see IsValid
}

// IsValid implements driver.Validator: after a failure of the session the pool takes no connection back.
func (c *translating) IsValid() bool { return !c.givenUp }

// isOfSession reports whether a new session might not have a failure. Sessions keep the defaults of their role and database, such
// as default_transaction_read_only, search_path or role, that held when they began.
func isOfSession(err error) bool {
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
	if text, ok := v.Value.(string); ok && (strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text)) {
		return fault.New(fault.Validation, "A text must be UTF-8 without zero bytes.")
	}
	return err
}

// ExecContext implements driver.ExecerContext.
func (c *translating) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.ExecContext(ctx, c.translations.of(query), args)
	return result, c.orGone(ctx, err)
}

// QueryContext implements driver.QueryerContext.
func (c *translating) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.QueryContext(ctx, c.translations.of(query), args)
	return rows, c.orGone(ctx, err)
}

// BeginTx implements driver.ConnBeginTx.
func (c *translating) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
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

// OpenPostgres opens a pool of one Postgres database beside a store. It takes the statements that a store takes.
func OpenPostgres(url string) (*sql.DB, error) {
	r, err := parsePostgres(Postgres{URL: url})
	if err != nil {
		return nil, err
	}
	return r.pool(4, sessionSettings{"statement_timeout": "0"}, nil), nil
}

// ServePostgres is Serve for a Postgres database, which several servers may serve.
func ServePostgres(at Postgres, version string, log *slog.Logger) (*Claim, error) {
	r, err := parsePostgres(at)
	if err != nil {
		return nil, err
	}
	return &Claim{remote: r, server: thisServer(version), log: log}, nil
}

// openRemote is Open for a Postgres database.
func (c *Claim) openRemote(ctx context.Context, now func() time.Time) (*Store, error) {
	s := newRemoteDB(c.remote, now)
	s.claimed, s.server, s.health.log = true, c.server, c.log
	s.chains.process = audit.Server
	return newStore(s), s.openRemote(ctx, true)
}

// JoinPostgres is Join for a Postgres database. Servers of other versions may be running, as long as they fit its schema.
func JoinPostgres(ctx context.Context, at Postgres, may Joining, now func() time.Time) (*Store, error) {
	r, err := parsePostgres(at)
	if err != nil {
		return nil, err
	}
	s := newRemoteDB(r, now)
	return newStore(s), s.openRemote(ctx, may.Create)
}

func newRemoteDB(r *remote, now func() time.Time) *db {
	s := &db{remote: r, health: health{now: now}, writing: make(chan struct{}, 1)}
	s.chains.process = audit.CommandLine
	s.tended, s.stop = context.WithCancel(context.Background())
	return s
}

// openRemote checks the database and connects to it. It makes the schema if there is none and mayCreate is set, and a server
// also brings an older one up to date.
func (s *db) openRemote(ctx context.Context, mayCreate bool) error {
	err := s.remote.prepare(ctx, postgresMigrations, mayCreate, s.claimed)
	if err == nil {
		err = s.connectPostgres()
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err == nil && s.claimed { // before requests take the connections
		_, err = s.copies.connected(ctx)
	}
	if err != nil {
		s.stop()
		return errors.Join(s.remote.explained(err), s.close())
	}
	return nil
}

// explained adds what to do to the error of a database that can't be opened.
func (r *remote) explained(err error) error {
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("%s: can't connect to %s as %s: %w", r.flag, r, r.config.User, failed.Unwrap())
	}
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == insufficientRights {
		return fmt.Errorf("%s: the role %s lacks rights in %s; it must own the tables of tokentab: %w", r.flag, r.config.User, r, err)
	}
	return err
}

// isOfPostgres reports whether Postgres, or the connection to it, is to blame.
func isOfPostgres(err error) bool {
	return errors.As(err, new(*pgconn.PgError)) || errors.As(err, new(*pgconn.ConnectError))
}

// troubleOfPostgres is troubleOf for an error of Postgres.
func troubleOfPostgres(err error) trouble {
	failed, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case failed == nil:
		return 0
	case failed.Code == noSpace:
		return serverFull
	case failed.Code == readOnlyTransaction:
		return serverReadOnly
	}
	return 0
}

// PostgresFacts are settings of a Postgres server on which the safety of the data depends.
type PostgresFacts struct {
	Version, Fsync, FullPageWrites, SynchronousCommit string
	Standby                                           bool
}

// PostgresFacts asks the server of a store on Postgres.
func (s *db) PostgresFacts(ctx context.Context) (f PostgresFacts, err error) {
	err = s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT current_setting('server_version'), current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), pg_is_in_recovery()").
			Row().Scan(&f.Version, &f.Fsync, &f.FullPageWrites, &f.SynchronousCommit, &f.Standby)
	})
	return f, err
}
