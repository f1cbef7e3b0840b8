package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// postgresMigrationFiles are those of Postgres. From 31 on, each migration is in both folders under one number.
//
//go:embed migrations/postgres/*.sql
var postgresMigrationFiles embed.FS

var postgresMigrations = below(postgresMigrationFiles, "migrations/postgres")

// ofMigrations are the settings of connections that change the schema, whatever limits the role has: a migration may take long, and
// the connection that has the lock does nothing meanwhile.
var ofMigrations = sessionSettings{
	"statement_timeout": "0", "lock_timeout": "0", "idle_session_timeout": "0", "idle_in_transaction_session_timeout": "0",
}

// prepare checks the server and the rights on the database, and its schema. If there is none and mayCreate is set, it makes
// it; if mayChange is set, it brings an older one up to date. Of several programs that do so at once, one does, and no copy
// writes meanwhile.
func (r *remote) prepare(ctx context.Context, all fs.FS, mayCreate, mayChange bool) error {
	if err := r.checkSession(ctx); err != nil {
		return err
	}
	pool := stdlib.OpenDB(*r.config, ofMigrations.afterConnect())
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := r.check(ctx, conn); err != nil {
		return err
	}
	if done, err := r.fits(ctx, conn, mayCreate, mayChange); done || err != nil {
		return err
	}
	if err := r.checkMayCreate(ctx, conn); err != nil {
		return err
	}
	for told := false; ; told = true {
		blockers, err := r.changeSchema(ctx, conn, all, mayCreate, mayChange)
		if failed, ok := errors.AsType[*pgconn.PgError](err); !ok || failed.Code != lockNotAvailable {
			return err
		}
		if !told && r.servers.log != nil {
			r.servers.log.Warn("the schema can't be changed yet: other sessions of Postgres use the tables, such as a backup or a transaction that someone left open; trying again", "sessions", blockers, "do", "wait for them, or end them with SELECT pg_terminate_backend(pid)")
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(migrationPause):
		}
	}
}

// Another session that has read a table holds up the change of it, and this change all further reads and, with the lock, all changes.
// So a migration waits for no longer than migrationWait, and tries again after migrationPause.
var (
	migrationWait  = 2 * time.Second
	migrationPause = 3 * time.Second
)

// changeSchema brings the schema up to date under the lock. If other sessions use its tables, it returns lockNotAvailable, and who.
func (r *remote) changeSchema(ctx context.Context, conn *sql.Conn, all fs.FS, mayCreate, mayChange bool) (blockers string, err error) {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(writerKey)); err != nil {
		return "", fmt.Errorf("store: wait for another program that changes the schema: %w", err)
	}
	defer func() { // the end of the connection unlocks, too
		_, failed := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(writerKey))
		err = cmp.Or(err, failed)
	}()
	if done, err := r.fits(ctx, conn, mayCreate, mayChange); done || err != nil {
		return "", err
	}
	settings := maps.Clone(ofMigrations)
	settings["lock_timeout"] = milliseconds(migrationWait)
	pool := stdlib.OpenDB(*r.config, settings.afterConnect())
	defer pool.Close()
	steps, err := goose.NewProvider(goose.DialectPostgres, pool, all)
	if err != nil {
		return "", fmt.Errorf("store: read the migrations: %w", err)
	}
	if _, err := steps.Up(ctx); err != nil {
		const users = `SELECT COALESCE(string_agg(DISTINCT concat_ws(' ', 'pid', l.pid, a.usename, a.application_name), ', '), '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
			WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND l.relation IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()))
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`
		_ = conn.QueryRowContext(ctx, users).Scan(&blockers) // which only the log needs
		return blockers, fmt.Errorf("store: change the schema: %w", err)
	}
	return "", nil
}

// sessionChecks is how often checkSession looks through a pooler. Traffic of others may hide that one shares sessions.
const sessionChecks = 10

// checkSession returns an error unless each connection has a session of the server to itself. Behind a pooler that gives
// sessions to transactions, settings of one connection would hold for another one, such as to commit without waiting for the
// disk, and locks would outlive their connection. It takes the simple protocol, which every pooler takes.
func (r *remote) checkSession(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	var both [2]*pgconn.PgConn
	for i := range both {
		conn, err := pgconn.ConnectConfig(ctx, r.config.Config.Copy())
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		both[i] = conn
	}
	ask := func(conn *pgconn.PgConn, query string) (answer string, err error) {
		results, err := conn.Exec(ctx, query).ReadAll()
		for _, result := range results {
			for _, row := range result.Rows {
				answer = string(row[0])
			}
		}
		return answer, err
	}
	const mark = "SELECT current_setting('tokentab.session', true)"
	own, other, random := both[0], both[1], rand.Text()
	pid, err := ask(own, "SELECT set_config('tokentab.session', '"+random+"', false); SELECT pg_backend_pid()")
	if err != nil {
		return err
	}
	checks := sessionChecks
	if pid == strconv.FormatUint(uint64(own.PID()), 10) {
		checks = 1 // the server itself has answered, for a pooler has numbers of its own
	}
	shared := fmt.Errorf("%s: %s is behind a pooler that shares sessions of the server between connections, so locks and settings would not hold: set the pooler to session mode (pool_mode = session in PgBouncer), or name the server itself", r.flag, r)
	for range checks {
		// While the other connection has a transaction open, this one gets another session, unless it has its own.
		seen, err := ask(other, "BEGIN; "+mark)
		if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == protocolViolation { // a pooler without transactions
			err = shared
		}
		if err != nil || seen == random {
			return cmp.Or(err, shared)
		}
		if seen, err := ask(own, mark); err != nil || seen != random {
			return cmp.Or(err, shared)
		}
		if _, err := ask(other, "ROLLBACK"); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error unless the server can hold the data.
func (r *remote) check(ctx context.Context, conn *sql.Conn) error {
	var version int
	var release, encoding string
	err := conn.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_encoding_to_char(encoding)
		FROM pg_database WHERE datname = current_database()`).Scan(&version, &release, &encoding)
	switch {
	case err != nil:
		return err
	case version < oldestPostgres:
		return fmt.Errorf("%s: %s runs Postgres %s: use version %d or later", r.flag, r, release, oldestPostgres/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%s: %s has the encoding %s: create the database with ENCODING 'UTF8'", r.flag, r, encoding)
	}
	return nil
}

// checkSearchPath returns an error if the tables are not in the schema in which new ones would be made, as after CREATE SCHEMA with
// the name of the role. A new version would find no tables there, and begin an empty installation.
func (r *remote) checkSearchPath(ctx context.Context, conn *sql.Conn) error {
	var found, first string
	err := conn.QueryRowContext(ctx, `SELECT n.nspname, COALESCE(current_schema(), '') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = to_regclass('schema_needs')`).Scan(&found, &first)
	if err == nil && found != first {
		err = fmt.Errorf("%s: the tables are in the schema %s of %s, but the search_path of the role %s has the schema %s first: run ALTER ROLE %s SET search_path = %s there", r.flag, found, r, r.config.User, first, r.config.User, found)
	}
	return err
}

// checkMayCreate returns an error unless the role may create tables.
func (r *remote) checkMayCreate(ctx context.Context, conn *sql.Conn) error {
	var name, path string
	var may bool
	err := conn.QueryRowContext(ctx, "SELECT COALESCE(current_schema(), ''), current_setting('search_path'), COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE)").Scan(&name, &path, &may)
	switch {
	case err != nil || may:
	case name == "":
		err = fmt.Errorf("%s: the search_path of the role %s, %s, names no schema that it may use in %s: run GRANT USAGE, CREATE ON SCHEMA public TO %s there and, unless the search_path has public, ALTER ROLE %s SET search_path = public; another schema will do, too", r.flag, r.config.User, path, r, r.config.User, r.config.User)
	default:
		err = fmt.Errorf("%s: the role %s may not create tables in %s: run GRANT USAGE, CREATE ON SCHEMA %s TO %s there, or make it the owner of the database", r.flag, r.config.User, r, name, r.config.User)
	}
	return err
}

// fits reports whether the schema is one that this program can use as it is. It returns an error if it is not and may not be
// changed.
func (r *remote) fits(ctx context.Context, conn *sql.Conn, mayCreate, mayChange bool) (bool, error) {
	current, lowest, err := schemaOf(ctx, conn)
	if err != nil {
		return false, fmt.Errorf("store: read the schema version: %w", err)
	}
	if current > 0 {
		err = r.checkSearchPath(ctx, conn)
	}
	switch {
	case err != nil:
		return false, err
	case lowest > r.schema:
		return false, fmt.Errorf("the database was written by a newer version of this program (schema %d, which versions before schema %d must not use; this one knows %d): start the newer version", current, lowest, r.schema)
	case current >= r.schema:
		return true, nil
	case current == 0 && !mayCreate:
		return false, fmt.Errorf("%s: there is no data in %s. For a new installation run tokentab setup, or open the setup link that tokentab serve prints", r.flag, r)
	case current > 0 && !mayChange:
		return false, fmt.Errorf("the database was written by an earlier version of this program (schema %d, this one needs %d): start tokentab serve of this version once, which brings it up to date", current, r.schema)
	}
	return false, nil
}

// schemaOf returns the schema version of a database, 0 for none, and the lowest one of programs that may use it.
func schemaOf(ctx context.Context, conn *sql.Conn) (current, lowest int64, err error) {
	var has bool
	err = conn.QueryRowContext(ctx, "SELECT to_regclass('schema_needs') IS NOT NULL").Scan(&has)
	if err == nil && has {
		err = conn.QueryRowContext(ctx, "SELECT (SELECT MAX(version_id) FROM "+goose.DefaultTablename+"), lowest FROM schema_needs").Scan(&current, &lowest)
	}
	return current, lowest, err
}

// below returns the files in a folder of embedded files.
func below(all fs.FS, folder string) fs.FS {
	files, err := fs.Sub(all, folder)
	if err != nil {
		panic(errors.Join(errors.New("store: no migrations"), err)) // only an invalid name fails
	}
	return files
}
