package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The names of the dialects.
const (
	sqliteName   = "sqlite"
	postgresName = "postgres"
)

// dialect tells GORM what it must know to keep statements compiled and tell errors apart. GORM's own dialects for SQLite bring
// other drivers, which need C or compile a statement again for each use; that for Postgres adds migrations and quoting of
// names. All statements are plain SQL, so this one quotes no names and knows no types. Both dialects have the placeholders of
// SQLite here; see translate.
type dialect struct {
	pool gorm.ConnPool
	name string
}

func (d dialect) Name() string { return d.name }

func (d dialect) Initialize(db *gorm.DB) error {
	db.ConnPool = d.pool
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
	return nil
}

func (dialect) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) { _ = w.WriteByte('?') }

func (dialect) QuoteTo(w clause.Writer, name string)           { _, _ = w.WriteString(name) }
func (dialect) DefaultValueOf(*schema.Field) clause.Expression { return clause.Expr{SQL: "NULL"} }
func (dialect) DataTypeOf(field *schema.Field) string          { return string(field.DataType) }
func (dialect) Migrator(*gorm.DB) gorm.Migrator                { return nil }

func (dialect) Explain(sql string, _ ...any) string { return sql }

// Translate implements gorm.ErrorTranslator.
func (dialect) Translate(err error) error {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		switch failure.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return gorm.ErrDuplicatedKey
		case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return gorm.ErrForeignKeyViolated
		}
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch failure.Code {
		case uniqueViolation:
			return gorm.ErrDuplicatedKey
		case foreignKeyViolation:
			return gorm.ErrForeignKeyViolated
		}
	}
	return err
}

// isPostgres reports whether a transaction is one of Postgres.
func isPostgres(tx *gorm.DB) bool { return tx.Name() == postgresName }
