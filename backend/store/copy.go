package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/token"
)

// leaveWithin is how long a copy waits for servers and commands that are stopping.
const leaveWithin = 2 * time.Second

// copyName is how the sessions of a copy are called in Postgres.
const copyName = "tokentab copy"

// CopyOptions are the choices of a copy of a whole database to the other kind of store.
type CopyOptions struct {
	// Audit verifies the audit trail of the copy. An error with *audit.Broken leaves the copy as it is.
	Audit    func(ctx context.Context, events audit.Store) error
	Now      func() time.Time
	Progress func(step string) // called when a step begins
}

// Copied says what a copy contains.
type Copied struct {
	Contents
	Audit error // why its audit trail does not verify, although it equals the original; nil if it verifies
}

// CopyToPostgres copies the database in a folder, on which no server may run, into an empty one on Postgres, in one
// transaction. It compares both before it commits.
func CopyToPostgres(ctx context.Context, folder string, to Postgres, options CopyOptions) (done Copied, err error) {
	from, err := holdFile(ctx, folder, options.Now)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, from.end()) }()
	into, err := holdPostgres(ctx, to, true)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, into.end()) }()
	tables, err := tablesToCopy(from.tx, into.tx)
	if err == nil {
		err = into.checkEmpty(tables)
	}
	if err == nil {
		done, err = copyTables(ctx, from, into, tables, options)
	}
	if err == nil { // a change of its own, so that there is a newest one from the start; and no backup of another database
		err = execAll(into.tx, []string{
			"UPDATE lineage SET id = gen_random_uuid()", "INSERT INTO token_changes DEFAULT VALUES",
			"DELETE FROM settings WHERE name = '" + backup.FactsSetting + "'", "COMMIT",
		})
	}
	return done, err
}

// CopyFromPostgres copies a database on Postgres, which no server may use, into a folder without one. It compares both before
// the new database gets its name.
func CopyFromPostgres(ctx context.Context, from Postgres, folder string, options CopyOptions) (done Copied, err error) {
	source, err := holdPostgres(ctx, from, false)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, source.end()) }()
	path, err := placeForNew(folder)
	if err != nil {
		return done, err
	}
	f, release, err := beginNew(ctx, path)
	if err != nil {
		return done, err
	}
	defer func() {
		release()
		err = errors.Join(err, f.Close())
	}()
	if err = fill(ctx, f.path, options.Now); err == nil {
		done, err = copyToFile(ctx, source, f.path, options)
	}
	if err != nil {
		return done, errors.Join(err, removeIfThere(f.path, f.path+"-wal", f.path+"-shm"))
	}
	if err := errors.Join(f.Sync(), os.Rename(f.path, path), syncFolder(path)); err != nil {
		return done, err
	}
	f.path = path
	return done, newDB(f, options.Now).noteClosed() // no backup, so its status lists go on
}

func copyToFile(ctx context.Context, from *held, path string, options CopyOptions) (done Copied, err error) {
	// The file does not count before it is complete, so it needs no journal.
	db, err := connect(path, 1, "_pragma=journal_mode(OFF)", "_pragma=synchronous(OFF)", "_pragma=cache_size(-65536)", temporaryFilesIn(filepath.Dir(path)))
	if err != nil {
		return done, err
	}
	into := &held{}
	defer func() { err = errors.Join(err, into.end()) }()
	if err := into.begin(ctx, db, "BEGIN"); err != nil {
		return done, err
	}
	tables, err := tablesToCopy(into.tx, from.tx)
	if err == nil {
		done, err = copyTables(ctx, from, into, tables, options)
	}
	if err == nil { // as servers open it; otherwise the next one would change the file, which would then count as a backup
		err = execAll(into.tx, []string{"COMMIT", "PRAGMA journal_mode = WAL"})
	}
	return done, err
}

// placeForNew returns the path of a database to make in a folder, which it creates. It returns an error if there is one, or
// something that belonged to one.
func placeForNew(folder string) (string, error) {
	if err := checkFolder("--to", folder); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("--to: create the folder: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("--to: %w", err)
	}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, FileName) && !strings.HasPrefix(name, FileName+newSuffix) {
			return "", fmt.Errorf("--to: %s is there, so the folder has a database, or had one: name another folder", filepath.Join(folder, name))
		}
	}
	return filepath.Join(folder, FileName), nil
}

// copyTables copies all rows, and proves that both databases are alike.
func copyTables(ctx context.Context, from, into *held, tables []copiedTable, options CopyOptions) (done Copied, err error) {
	resume, err := into.suspend()
	if err != nil {
		return done, err
	}
	sums := map[string]rowsSum{}
	options.Progress("copying all tables")
	for _, t := range tables {
		if sums[t.name], err = copyTable(ctx, from, into, t, options.Progress); err != nil {
			return done, fmt.Errorf("copy the table %s: %w", t.name, err)
		}
	}
	options.Progress("building indexes")
	if err := resume(); err != nil {
		return done, err
	}
	options.Progress("comparing both databases")
	for _, t := range tables {
		has, err := sumRows(into.tx, t)
		if err != nil {
			return done, err
		}
		if has != sums[t.name] {
			return done, fmt.Errorf("the copy differs from the original: its table %s has %d rows instead of %d, or other ones", t.name, has.count, sums[t.name].count)
		}
	}
	at := options.Now()
	want, err := from.contents(ctx, sums, at)
	if err != nil {
		return done, err
	}
	if done.Contents, err = into.contents(ctx, sums, at); err != nil {
		return done, err
	}
	if !done.Contents.equal(want) {
		return done, errors.New("the copy differs from the original: tokens or status lists differ")
	}
	options.Progress("verifying the audit trail of the copy")
	err = options.Audit(into.shared(ctx), Events{new(db)})
	if _, broken := errors.AsType[*audit.Broken](err); broken {
		done.Audit, err = err, nil
	}
	return done, err
}

// shared returns a context in which stores use the connection.
func (h *held) shared(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, &shared{tx: h.tx, holdsPools: true})
}

// contents reads what both databases must have in common, as validations and status lists do.
func (h *held) contents(ctx context.Context, sums map[string]rowsSum, at time.Time) (c Contents, err error) {
	c.Rows = map[string]int64{}
	for name, sum := range sums {
		c.Rows[name] = sum.count
	}
	hashes, err := values[[]byte](h.tx, `SELECT secret_hash FROM (SELECT secret_hash, ROW_NUMBER() OVER (ORDER BY secret_hash) AS number FROM api_tokens) numbered WHERE number % ? = 0 ORDER BY secret_hash`,
		max(1, c.Rows[apiTokens.name]/sampled))
	if err != nil {
		return c, err
	}
	sum := sha256.New()
	for _, hash := range hashes {
		err = scan(h.tx, stateOfHash, []any{hash, hash}, func(rows *sql.Rows) error {
			var t token.State
			err := scanState(rows, &t)
			fmt.Fprintf(sum, "%x %+v\n", hash, t)
			return err
		})
		if err != nil {
			return c, err
		}
	}
	c.Sample = hex.EncodeToString(sum.Sum(nil))
	c.Lists, err = listsOf(h.shared(ctx), at)
	return c, err
}

// copyTable replaces the rows of a table, which are at most those of the migrations.
func copyTable(ctx context.Context, from, into *held, t copiedTable, progress func(step string)) (sum rowsSum, err error) {
	if err := into.tx.Exec("DELETE FROM " + t.name).Error; err != nil {
		return sum, err
	}
	rows, err := readRows(from.tx, t)
	if err != nil {
		return sum, err
	}
	defer rows.rows.Close()
	rows.progress = progress
	if isPostgres(into.tx) {
		err = into.conn.Raw(func(opened any) error {
			conn, ok := opened.(*translating)
			if !ok {
				return fmt.Errorf("store: a connection to Postgres is a %T", opened)
			}
			_, err := conn.Conn.Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.names(), rows)
			return err
		})
	} else {
		err = into.insert(ctx, t, rows)
	}
	if err != nil {
		return sum, cmp.Or(rows.err, err) // Postgres wraps what ended the rows
	}
	if err := rows.Err(); err != nil {
		return sum, err
	}
	return rows.rowsSum, copyNumber(from.tx, into.tx, t)
}

func (h *held) insert(ctx context.Context, t copiedTable, rows *rowsOf) error {
	insert, err := h.conn.PrepareContext(ctx, "INSERT INTO "+t.name+" ("+strings.Join(t.names(), ", ")+") VALUES (?"+strings.Repeat(", ?", len(t.columns)-1)+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	for rows.Next() {
		if _, err := insert.ExecContext(ctx, rows.values...); err != nil {
			return err
		}
	}
	return nil
}

// copyNumber makes the numbers of a table's rows go on where they were. Some must never come again, even if their rows are
// gone: tokens remember those of moves.
func copyNumber(from, into *gorm.DB, t copiedTable) error {
	const sequence = "pg_get_serial_sequence(?, ?)"
	if t.number == "" {
		return nil
	}
	if isPostgres(into) {
		last, err := value[int64](from, "SELECT COALESCE(MAX("+t.number+"), 0) FROM "+t.name)
		if err != nil {
			return err
		}
		// SQLite keeps it here for tables with AUTOINCREMENT.
		kept, err := value[int64](from, "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = ?", t.name)
		if last = max(last, kept); err != nil || last == 0 {
			return err
		}
		return into.Exec("SELECT setval(CAST("+sequence+" AS regclass), ?)", t.name, t.number, last).Error
	}
	name, err := value[string](from, "SELECT "+sequence, t.name, t.number)
	if err != nil {
		return err
	}
	last, err := value[int64](from, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+name)
	if err != nil || last == 0 {
		return err
	}
	counts, err := exists(into, "SELECT 1 FROM sqlite_schema WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'", t.name)
	if err != nil || !counts {
		return err
	}
	if err := into.Exec("DELETE FROM sqlite_sequence WHERE name = ?", t.name).Error; err != nil {
		return err
	}
	return into.Exec("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", t.name, last).Error
}

// suspend keeps triggers from noting each copied row as a change. On SQLite it also removes the indexes, which are built
// faster at the end. resume undoes it.
func (h *held) suspend() (resume func() error, err error) {
	if !isPostgres(h.tx) {
		return h.suspendOnSQLite()
	}
	triggers, err := values[string](h.tx, `SELECT format('TRIGGER %I', t.tgname) || ' ' || CAST(t.tgrelid AS regclass) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE p.proname IN ('note_token_changes', 'note_status_change') AND NOT t.tgisinternal AND pg_table_is_visible(t.tgrelid)`)
	set := func(to string) error {
		for _, found := range triggers {
			at := strings.LastIndexByte(found, ' ')
			if err := h.tx.Exec("ALTER TABLE " + found[at+1:] + " " + to + " " + found[:at]).Error; err != nil {
				return err
			}
		}
		return nil
	}
	if err == nil {
		err = set("DISABLE")
	}
	return func() error { return errors.Join(set("ENABLE"), h.tx.Exec("ANALYZE").Error) }, err
}

func (h *held) suspendOnSQLite() (resume func() error, err error) {
	var drop, create []string
	err = scan(h.tx, "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index') AND sql IS NOT NULL ORDER BY type, name", nil, func(rows *sql.Rows) error {
		var kind, name, statement string
		err := rows.Scan(&kind, &name, &statement)
		drop, create = append(drop, "DROP "+kind+" "+name), append(create, statement)
		return err
	})
	if err == nil {
		err = execAll(h.tx, drop)
	}
	return func() error { return execAll(h.tx, create) }, err
}
