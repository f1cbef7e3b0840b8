package store

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// column is a column of a table, or an expression, with a pointer to the field of a resource that holds its value.
type column struct {
	sql   string
	field any
}

// table describes the table of a resource. Statements call it t. The first column is the id.
type table[T any] struct {
	name string
	what string // what a row is called in messages

	columns func(*T) []column // read and written
	// derived are read after columns, which they may correct, and never written. They may use the tables of joins.
	derived func(*T) []column
	joins   string
	size    string // SQL of the bytes of a row's large columns; empty if they are small. It bounds pages, see paging.Page.Takes
}

func (t table[T]) read(v *T) []column {
	if t.derived == nil {
		return t.columns(v)
	}
	return append(prefixed("t.", t.columns(v)), t.derived(v)...)
}

// all returns the rows that the rest of the statement selects, which begins with WHERE or ORDER BY.
func (t table[T]) all(tx *gorm.DB, rest string, args ...any) ([]T, error) {
	return rowsAs(tx, "SELECT "+namesOf(t.read(new(T)))+" FROM "+t.name+" t "+t.joins+" "+rest, args, func(v *T) []any { return fieldsOf(t.read(v)) })
}

// find returns one row; ok is false if there is none.
func (t table[T]) find(tx *gorm.DB, where string, args ...any) (v T, ok bool, err error) {
	list, err := t.all(tx, "WHERE "+where+" LIMIT 1", args...)
	if err != nil || len(list) == 0 {
		return v, false, err
	}
	return list[0], true, nil
}

// take returns one row, or fault.NotFound.
func (t table[T]) take(tx *gorm.DB, where string, args ...any) (T, error) {
	v, ok, err := t.find(tx, where, args...)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such %s.", t.what)
	}
	return v, err
}

// rowsAtOnce is how many rows one statement writes.
const rowsAtOnce = 100

// insert writes new rows.
func (t table[T]) insert(tx *gorm.DB, rows ...T) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := t.insertOr(tx, "", some...); err != nil {
			return err
		}
	}
	return nil
}

// insertNew writes a new row. It returns taken if a unique column has its value already. The transaction can go on then: in
// Postgres a statement that fails would end it.
func (t table[T]) insertNew(tx *gorm.DB, row T, taken error) error {
	written, err := t.insertOr(tx, "ON CONFLICT DO NOTHING", row)
	if err == nil && written == 0 {
		return taken
	}
	return err
}

// insertOr writes new rows and returns how many. or is the statement's conflict clause. The database chooses row numbers that
// are 0; they are 0 in all rows or in none.
func (t table[T]) insertOr(tx *gorm.DB, or string, rows ...T) (inserted int64, err error) {
	var into, values string
	var args []any
	for i := range rows {
		columns := slices.DeleteFunc(t.columns(&rows[i]), func(c column) bool {
			number, ok := c.field.(*rowNumber)
			return ok && *number == 0
		})
		into, args = namesOf(columns), append(args, fieldsOf(columns)...)
		values += ", (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	}
	return exec(tx, "INSERT INTO "+t.name+" ("+into+") VALUES "+values[len(", "):]+" "+or, args...)
}

// update writes the named columns of a row.
func (t table[T]) update(tx *gorm.DB, v T, named ...string) error {
	columns := t.columns(&v)
	var set []any
	for _, name := range named {
		i := slices.IndexFunc(columns, func(c column) bool { return c.sql == name })
		set = append(set, columns[i].field)
	}
	_, err := exec(tx, "UPDATE "+t.name+" SET "+strings.Join(named, " = ?, ")+" = ? WHERE "+columns[0].sql+" = ?", append(set, columns[0].field)...)
	return err
}

// revise changes one row: it reads the row by in, lets decide change it, and writes the named columns and the event.
func (t table[T]) revise(ctx context.Context, d *db, in func(*gorm.DB) (T, error), decide func(*T) (audit.Event, error), named ...string) (T, error) {
	return change(ctx, d, func(tx *gorm.DB) (v T, err error) {
		if v, err = in(tx); err != nil {
			return v, err
		}
		event, err := decide(&v)
		if err != nil {
			return v, err
		}
		if err := t.update(tx, v, named...); err != nil {
			return v, err
		}
		return v, record(tx, event)
	})
}

// page returns one page of the rows that from, the rest of a statement after FROM, selects, and their total number. Both
// come from one snapshot.
func (t table[T]) page(ctx context.Context, d *db, s sorting, page paging.Page, from string, args ...any) (list []T, total int, err error) {
	order, err := s.orderBy(page)
	if err != nil {
		return nil, 0, err
	}
	err = d.readTogether(ctx, func(tx *gorm.DB) error {
		if total, err = value[int](tx, "SELECT count(*) FROM "+from, args...); err != nil || total == 0 {
			return err
		}
		list, err = t.sorted(tx, order, page, from, args...)
		return err
	})
	return list, total, err
}

// sorted returns the rows of one page. The order comes from the ids alone, often from an index; only the rows of the
// page are read and joined. The ids come as one value, because the driver interrupts a query whose context has ended only
// until its first row is there.
func (t table[T]) sorted(tx *gorm.DB, order string, page paging.Page, from string, args ...any) ([]T, error) {
	var ids []pfid.ID
	err := scan(tx, "SELECT json_group_array(id) FROM (SELECT t.id FROM "+from+" ORDER BY "+order+" LIMIT ? OFFSET ?) page",
		append(slices.Clone(args), page.Size, page.Offset), func(rows *sql.Rows) error { return rows.Scan(document{&ids}) })
	if err != nil {
		return nil, err
	}
	if t.size != "" {
		if ids, err = fitting(tx, page, ids, "SELECT "+t.size+" FROM "+eachValue+" CROSS JOIN "+t.name+" t ON t.id = j.value "+byKey); err != nil {
			return nil, err
		}
	}
	return t.byID(tx, ids)
}

// fitting returns the first of the keys, as many as a page takes. sizes is a statement that gets the keys as JSON and selects
// for each the bytes of its large columns.
func fitting[K any](tx *gorm.DB, page paging.Page, keys []K, sizes string) ([]K, error) {
	list, err := values[int](tx, sizes, document{keys})
	bytes := 0
	for i := 0; i < len(list) && err == nil; i++ {
		var takes bool
		bytes += list[i]
		if takes, err = page.Takes(bytes, i); !takes {
			return keys[:i], err
		}
	}
	return keys, err
}

// byID returns the rows with these ids, in their order, without those that do not exist.
func (t table[T]) byID(tx *gorm.DB, ids []pfid.ID) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	position := make(map[pfid.ID]int, len(ids))
	for i, id := range ids {
		position[id] = i
	}
	rows, err := t.all(tx, "WHERE t.id IN "+anyOf, document{ids})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b T) int { return position[t.id(&a)] - position[t.id(&b)] })
	return rows, nil
}

func (t table[T]) id(v *T) pfid.ID { return *t.columns(v)[0].field.(*pfid.ID) }

func prefixed(prefix string, columns []column) []column {
	for i := range columns {
		columns[i].sql = prefix + columns[i].sql
	}
	return columns
}

func namesOf(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.sql
	}
	return strings.Join(list, ", ")
}

func fieldsOf(columns []column) []any {
	list := make([]any, len(columns))
	for i, c := range columns {
		list[i] = c.field
	}
	return list
}

// exec runs a statement and returns how many rows it wrote. Like scan, it passes a statement without named values to the
// pool as it is: GORM would build it anew each time, which takes as long as a short statement itself.
func exec(tx *gorm.DB, statement string, args ...any) (written int64, err error) {
	if hasNames(args) {
		done := tx.Exec(statement, args...)
		return done.RowsAffected, done.Error
	}
	result, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, statement, args...)
	if err != nil {
		return 0, translated(tx, err)
	}
	return result.RowsAffected()
}

func query(tx *gorm.DB, statement string, args []any) (*sql.Rows, error) {
	if hasNames(args) {
		return tx.Raw(statement, args...).Rows()
	}
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, statement, args...)
	return rows, translated(tx, err)
}

// hasNames reports whether the values of a statement have names.
func hasNames(args []any) bool {
	return len(args) == 1 && reflect.TypeOf(args[0]) == reflect.TypeFor[map[string]any]()
}

// translated returns the error as GORM would.
func translated(tx *gorm.DB, err error) error {
	if translator, ok := tx.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		return translator.Translate(err)
	}
	return err
}

// execAll runs statements that all have the same values.
func execAll(tx *gorm.DB, statements []string, args ...any) error {
	for _, statement := range statements {
		if _, err := exec(tx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// scan calls each for each row of a query.
func scan(tx *gorm.DB, statement string, args []any, each func(*sql.Rows) error) error {
	rows, err := query(tx, statement, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// values returns the only column of each row of a query.
func values[T any](tx *gorm.DB, statement string, args ...any) ([]T, error) {
	return rowsAs(tx, statement, args, func(v *T) []any { return []any{v} })
}

// rowsAs returns the rows of a query. fields are where the columns of a row go.
func rowsAs[T any](tx *gorm.DB, statement string, args []any, fields func(*T) []any) (list []T, err error) {
	err = scan(tx, statement, args, func(rows *sql.Rows) error {
		var v T
		if err := rows.Scan(fields(&v)...); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	})
	return list, err
}

// mapOf returns the second column of each row of a query by the first.
func mapOf[K comparable, V any](tx *gorm.DB, statement string, args ...any) (map[K]V, error) {
	all := map[K]V{}
	return all, scan(tx, statement, args, func(rows *sql.Rows) error {
		var key K
		var v V
		if err := rows.Scan(&key, &v); err != nil {
			return err
		}
		all[key] = v
		return nil
	})
}

// value returns the only column of the first row of a query; the zero value if there is no row.
func value[T any](tx *gorm.DB, statement string, args ...any) (v T, err error) {
	list, err := values[T](tx, statement, args...)
	if len(list) > 0 {
		v = list[0]
	}
	return v, err
}

// exists reports whether a query has a row.
func exists(tx *gorm.DB, statement string, args ...any) (bool, error) {
	return value[bool](tx, "SELECT EXISTS ("+statement+")", args...)
}
