package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// ofOneStore are the tables, and columns as table.column, that a copy between SQLite and Postgres leaves as the target's
// migrations made them, and why. Everything else must be in both schemas under one name, and is copied.
var ofOneStore = map[string]string{
	"goose_db_version":   "which migrations have run; the target has run its own",
	"schema_needs":       "which programs may use a Postgres database",
	"lineage":            "a copied database begins a history of its own",
	"outside_changes":    "commands tell the server on SQLite what it must forget; a stopped server has nothing to forget",
	"token_changes":      "servers follow it to know what to forget, likewise",
	"token_uses.written": "copies of the server follow each other's writes by it; a trigger counts it up",
}

// copiedTable is a table of both schemas.
type copiedTable struct {
	name    string
	columns []copiedColumn
	number  string // the column whose values count up; empty for none
}

// copiedColumn is a column and its type in Postgres, which SQLite declares otherwise for some. Without a type, its values stay as they
// are read.
type copiedColumn struct{ name, kind string }

func (t copiedTable) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// tablesToCopy reads both schemas. It returns an error unless they have the same tables and columns. Tables come after those
// that they refer to.
func tablesToCopy(sqlite, postgres *gorm.DB) ([]copiedTable, error) {
	there, err := postgresTables(postgres)
	if err != nil {
		return nil, err
	}
	names, err := values[string](sqlite, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	needs := map[string][]string{} // of each table that is not in order yet
	for _, name := range names {
		if ofOneStore[name] != "" {
			continue
		}
		columns, err := values[string](sqlite, "SELECT name FROM pragma_table_info(?)", name)
		if err != nil {
			return nil, err
		}
		if err := there[name].compare(name, columns); err != nil {
			return nil, err
		}
		if needs[name], err = values[string](sqlite, `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`, name); err != nil {
			return nil, err
		}
	}
	var ordered []copiedTable
	for len(needs) > 0 {
		before := len(needs)
		for _, name := range names {
			wanted, waits := needs[name]
			if waits && !slices.ContainsFunc(wanted, func(other string) bool { _, waits := needs[other]; return waits && other != name }) {
				ordered = append(ordered, there[name])
				delete(needs, name)
			}
		}
		if len(needs) == before {
			return nil, errors.New("store: tables refer to each other in a circle, so they can't be copied one after the other")
		}
	}
	return ordered, nil
}

// compare returns an error unless the table in Postgres has the columns of SQLite's. The rows of all tables of SQLite have a
// rowid, which is no column.
func (t copiedTable) compare(name string, columns []string) error {
	var here []string
	for _, c := range t.columns {
		if c.name != "rowid" {
			here = append(here, c.name)
		}
	}
	slices.Sort(here)
	if columns = slices.Sorted(slices.Values(columns)); !slices.Equal(here, columns) {
		return fmt.Errorf("store: the table %s has the columns %s in SQLite and %s in Postgres", name, strings.Join(columns, ", "), strings.Join(here, ", "))
	}
	return nil
}

func postgresTables(tx *gorm.DB) (map[string]copiedTable, error) {
	tables := map[string]copiedTable{}
	err := scan(tx, `SELECT c.table_name, c.column_name, c.data_type, c.is_identity = 'YES'
		FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`, nil, func(rows *sql.Rows) error {
		var name string
		var column copiedColumn
		var counts bool
		if err := rows.Scan(&name, &column.name, &column.kind, &counts); err != nil {
			return err
		}
		if ofOneStore[name] != "" || ofOneStore[name+"."+column.name] != "" {
			return nil
		}
		t := tables[name]
		t.name, t.columns = name, append(t.columns, column)
		if counts {
			t.number = column.name
		}
		tables[name] = t
		return nil
	})
	return tables, err
}

// rowsOf reads the rows of a table one by one. It implements pgx.CopyFromSource.
type rowsOf struct {
	table  copiedTable
	rows   *sql.Rows
	values []any
	to     []any // pointers to values
	err    error
	rowsSum
	progress func(step string) // told after every tellEvery rows; nil for no one
}

const tellEvery = 250_000

// rowsSum is the number of some rows, and a sum over them in any order.
type rowsSum struct {
	count int64
	sum   [4]uint64
}

func readRows(tx *gorm.DB, t copiedTable) (*rowsOf, error) {
	statement := "SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.name
	if t.number != "" {
		statement += " ORDER BY " + t.number
	}
	rows, err := query(tx, statement, nil)
	if err != nil {
		return nil, err
	}
	r := &rowsOf{table: t, rows: rows, values: make([]any, len(t.columns)), to: make([]any, len(t.columns))}
	for i := range r.values {
		r.to[i] = &r.values[i]
	}
	return r, nil
}

// sumRows reads a whole table and returns the rowsSum of its rows.
func sumRows(tx *gorm.DB, t copiedTable) (rowsSum, error) {
	r, err := readRows(tx, t)
	if err != nil {
		return rowsSum{}, err
	}
	for r.Next() {
	}
	return r.rowsSum, errors.Join(r.Err(), r.rows.Close())
}

// Next reads the next row into values.
func (r *rowsOf) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	if r.err = r.rows.Scan(r.to...); r.err != nil {
		return false
	}
	for i, c := range r.table.columns {
		if r.values[i], r.err = c.plain(r.values[i]); r.err != nil {
			r.err = fmt.Errorf("its row with the %s %q has a bad value in the column %s: %w", r.table.columns[0].name, fmt.Sprint(r.values[0]), c.name, r.err)
			return false
		}
	}
	r.add(r.values)
	if r.progress != nil && r.count%tellEvery == 0 {
		r.progress(fmt.Sprintf("copied %d rows of %s", r.count, r.table.name))
	}
	return true
}

// Values returns the row that Next has read.
func (r *rowsOf) Values() ([]any, error) { return r.values, nil }

// Err returns what made Next return false; nil at the end of the table.
func (r *rowsOf) Err() error { return errors.Join(r.err, r.rows.Err()) }

// plain returns a value of either database as the type that the column has in Postgres.
func (c copiedColumn) plain(value any) (any, error) {
	if c.kind == "" {
		return value, nil
	}
	switch v := value.(type) {
	case nil:
		return nil, nil
	case int64:
		switch c.kind {
		case "bigint":
			return v, nil
		case "boolean":
			return v != 0, nil
		}
	case bool:
		if c.kind == "boolean" {
			return v, nil
		}
	case string:
		switch c.kind {
		case "text":
			return v, checkText(v)
		case "bytea":
			return []byte(v), nil
		}
	case []byte:
		switch c.kind {
		case "text":
			return string(v), checkText(string(v))
		case "bytea":
			return v, nil
		}
	}
	return nil, fmt.Errorf("a %T is no %s", value, c.kind)
}

// add adds a row. The sum is that of the rows' SHA-256 hashes, in four parts, so that the order does not matter.
func (s *rowsSum) add(row []any) {
	var b []byte
	for _, value := range row {
		switch v := value.(type) {
		case nil:
			b = append(b, 0)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 1), uint64(v))
		case bool:
			if b = append(b, 2); v {
				b[len(b)-1]++
			}
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 4), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 5), uint64(len(v))), v...)
		default: // such as a time.Time
			b = fmt.Append(append(b, 6), v)
		}
	}
	hash := sha256.Sum256(b)
	for i := range s.sum {
		s.sum[i] += binary.BigEndian.Uint64(hash[8*i:])
	}
	s.count++
}
