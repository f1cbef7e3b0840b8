package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"tokentab/backend/audit"
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
	URL              string                 // a secret
	Again            func() (string, error) // reads the URL again, because its password may have changed; nil if it can't
	Readers, Finders int                    // most connections of all reads, and of the lookups of validations; 0 for the defaults
	Flag             string                 // names the URL in errors; --database-url if empty
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
	lockNotAvailable    = "55P03"
	protocolViolation   = "08P01"
)

// remote is what a db on Postgres has instead of a file.
type remote struct {
	config           *pgx.ConnConfig
	again            func() (url string, err error)
	flag             string
	readers, finders int
	schema           int64 // that this program knows
	// installation is whose database a server has opened; empty for a command. The name may lead to another database later.
	installation string
	servers      servers
}

// installationSetting holds a random text that the first server on a database stores. It stays when someone confirms a history.
const installationSetting = "installation"

// installationQuery selects that text, or no row.
const installationQuery = "SELECT value FROM settings WHERE name = '" + installationSetting + "'"

// isForeign reports whether a database is not the one that this server has opened, such as one that was dropped and made anew.
func (r *remote) isForeign(installation string) bool {
	return r.installation != "" && r.installation != installation
}

// knowInstallation learns whose database this is. The first server names it.
func (s *db) knowInstallation(ctx context.Context) error {
	name, err := s.Setting(ctx, installationSetting)
	if err == nil && name == "" {
		name, err = change(ctx, s, func(tx *gorm.DB) (string, error) {
			if _, err := exec(tx, "INSERT INTO settings (name, value) VALUES (?, CAST(gen_random_uuid() AS TEXT)) ON CONFLICT (name) DO NOTHING", installationSetting); err != nil {
				return "", err
			}
			return value[string](tx, installationQuery)
		})
	}
	s.remote.installation = name
	return err
}

func parsePostgres(at Postgres) (*remote, error) {
	flag := cmp.Or(at.Flag, "--database-url")
	if !strings.HasPrefix(at.URL, "postgres://") && !strings.HasPrefix(at.URL, "postgresql://") {
		return nil, errors.New(flag + likePostgres)
	}
	config, err := pgx.ParseConfig(at.URL)
	if err == nil && hasMoreAts(at.URL) {
		err = errors.New("no host has this sign")
	}
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
	r := &remote{config: config, again: at.Again, flag: flag, readers: at.Readers, finders: at.Finders, schema: lastOf(postgresMigrations)}
	given := config.ValidateConnect
	config.ValidateConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		return r.servers.accept(ctx, c, given)
	}
	if r.again == nil {
		r.again = func() (string, error) { return at.URL, nil }
	}
	if r.readers == 0 {
		r.readers = min(defaultReaders(), mostReaders)
	}
	if r.finders == 0 {
		r.finders = min(defaultFinders(), mostFinders)
	}
	return r, nil
}

const likePostgres = " must be like postgres://user:password@host:5432/database?sslmode=verify-full"

// hasMoreAts reports whether an @ is in a URL that is not the one before the host. Without this, a part of a password would count
// as the host or the database, which messages name.
func hasMoreAts(url string) bool {
	_, url, _ = strings.Cut(url, "://")
	before, after, _ := strings.Cut(url, "@")
	return strings.Contains(after, "@") || before != url && strings.ContainsAny(before, "/?#")
}

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
	return "write special characters of the password as %XX, such as %25 for %, %2F for / and %40 for @"
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
	return fmt.Sprintf("the database %s on %s", r.config.Database, address(r.config.Host, r.config.Port))
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
	r.servers.log = log
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
	s.remote.survey(ctx)
	err := s.remote.prepare(ctx, postgresMigrations, mayCreate, s.claimed)
	if err == nil {
		err = s.connectPostgres()
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err == nil && s.claimed {
		err = s.knowInstallation(ctx)
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
	failed, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && failed.Code == insufficientRights:
		return fmt.Errorf("%s: the role %s lacks rights in %s; it must own the tables of tokentab: %w", r.flag, r.config.User, r, err)
	case ok && failed.Code == readOnlyTransaction:
		return fmt.Errorf("%s: %s takes no changes; neither the role, the database nor the URL may have default_transaction_read_only: %w", r.flag, r, err)
	}
	return err
}

// isOfPostgres reports whether Postgres, or the connection to it, is to blame.
func isOfPostgres(err error) bool {
	return errors.As(err, new(*pgconn.PgError)) || errors.As(err, new(*pgconn.ConnectError)) || errors.Is(err, errForeign) || errors.Is(err, errSilent)
}

// troubleOfPostgres is troubleOf for an error of Postgres.
func troubleOfPostgres(err error) trouble {
	failed, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, errForeign):
		return foreign
	case errors.Is(err, errSilent):
		return silent
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
