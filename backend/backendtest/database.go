package backendtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"tokentab/backend/pgtest"
	"tokentab/backend/store"
)

// Database returns connections to the program's database beside it. They take the statements that the store takes.
func (p *Program) Database() *sql.DB {
	p.t.Helper()
	p.opening.Lock()
	defer p.opening.Unlock()
	if p.database == nil {
		p.database = p.openDatabase()
	}
	return p.database
}

func (p *Program) openDatabase() *sql.DB {
	p.t.Helper()
	var db *sql.DB
	var err error
	if pgtest.Wanted() {
		db, err = store.OpenPostgres(string(p.Config.DatabaseURL))
	} else {
		db, err = sql.Open("sqlite", "file:"+filepath.Join(p.Folder, store.FileName)+"?_pragma=busy_timeout(5000)")
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Exec runs a statement on the database without the program's knowledge.
func (p *Program) Exec(statement string, values ...any) {
	p.t.Helper()
	if _, err := p.Database().Exec(statement, values...); err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
}

// Break makes the database refuse a change, such as INSERT, of the rows of a table that meet a condition, until mend is called.
func (p *Program) Break(change, table, when string) (mend func()) {
	p.t.Helper()
	if !pgtest.Wanted() {
		p.Exec("CREATE TRIGGER broken BEFORE " + change + " ON " + table + " WHEN " + when + " BEGIN SELECT RAISE(ABORT, 'broken'); END")
		return func() { p.Exec("DROP TRIGGER broken") }
	}
	p.Exec("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$")
	p.Exec("CREATE TRIGGER broken BEFORE " + change + " ON " + table + " FOR EACH ROW WHEN (" + when + ") EXECUTE FUNCTION broken()")
	return func() { p.Exec("DROP TRIGGER broken ON " + table + "; DROP FUNCTION broken") }
}

// Tables returns the names of the database's tables, in order.
func (p *Program) Tables() (names []string) {
	p.t.Helper()
	list := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
	if pgtest.Wanted() {
		list = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
	}
	rows, err := p.Database().Query(list)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			p.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return names
}

// Stored returns all that the program has stored, by name: the files of its folder, or the tables of Postgres.
func (p *Program) Stored() map[string][]byte {
	p.t.Helper()
	stored := map[string][]byte{}
	if pgtest.Wanted() {
		for _, name := range p.Tables() {
			stored[name] = p.rowsOf(name)
		}
		return stored
	}
	files, err := filepath.Glob(filepath.Join(p.Folder, "*"))
	if err != nil || len(files) == 0 {
		p.t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		if stored[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			p.t.Fatal(err)
		}
	}
	return stored
}

// rowsOf returns all values of a table, as text or bytes.
func (p *Program) rowsOf(table string) (all []byte) {
	p.t.Helper()
	rows, err := p.Database().Query("SELECT * FROM " + table)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		p.t.Fatal(err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			p.t.Fatal(err)
		}
		for _, value := range values {
			if bytes, ok := value.([]byte); ok {
				all = append(append(all, bytes...), '\n')
			} else {
				all = append(all, fmt.Sprintln(value)...)
			}
		}
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return all
}
