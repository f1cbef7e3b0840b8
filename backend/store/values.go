package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// stamp is a time in the database: Unix milliseconds, NULL for the zero time.
type stamp time.Time

// Value implements driver.Valuer.
func (s stamp) Value() (driver.Value, error) {
	if time.Time(s).IsZero() {
		return nil, nil
	}
	return time.Time(s).UnixMilli(), nil
}

// Scan implements sql.Scanner.
func (s *stamp) Scan(value any) error {
	var ms sql.NullInt64
	err := ms.Scan(value)
	if *s = (stamp{}); ms.Valid {
		*s = stamp(time.UnixMilli(ms.Int64).UTC())
	}
	return err
}

// optional is a text in the database that may be missing: NULL for the empty text.
type optional string

// Value implements driver.Valuer.
func (o optional) Value() (driver.Value, error) {
	if o == "" {
		return nil, nil
	}
	return string(o), nil
}

// Scan implements sql.Scanner.
func (o *optional) Scan(value any) error {
	var text sql.NullString
	err := text.Scan(value)
	*o = optional(text.String)
	return err
}

// digest is a hash in the database.
type digest [32]byte

// Value implements driver.Valuer.
func (d digest) Value() (driver.Value, error) { return d[:], nil }

// Scan implements sql.Scanner.
func (d *digest) Scan(value any) error {
	hash, ok := value.([]byte)
	if !ok || len(hash) != len(d) {
		return fmt.Errorf("store: a %T of another size than a hash", value)
	}
	*d = digest(hash)
	return nil
}

// document is a value that the database keeps as JSON.
type document struct{ of any } // a pointer, to be read

// Value implements driver.Valuer.
func (d document) Value() (driver.Value, error) {
	text, err := json.Marshal(d.of)
	return string(text), err
}

// Scan implements sql.Scanner.
func (d document) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("store: JSON can't be read from a %T", value)
	}
	return json.Unmarshal([]byte(text), d.of)
}

// rowNumber is the number of a row. The database chooses it for a new one, whose number is 0; see table.insertOr.
type rowNumber int64

// Scan implements sql.Scanner.
func (n *rowNumber) Scan(value any) error {
	number, ok := value.(int64)
	if !ok {
		return fmt.Errorf("store: a %T instead of a number", value)
	}
	*n = rowNumber(number)
	return nil
}

// qualities are quality payloads by name, as JSON; NULL for none.
type qualities map[string]json.RawMessage

// Value implements driver.Valuer.
func (q qualities) Value() (driver.Value, error) {
	if len(q) == 0 {
		return nil, nil
	}
	return document{map[string]json.RawMessage(q)}.Value()
}

// Scan implements sql.Scanner.
func (q *qualities) Scan(value any) error {
	if *q = nil; value == nil {
		return nil
	}
	return document{q}.Scan(value)
}

// partition is the part of an account's id that all ids of the account share.
type partition pfid.ID

// Value implements driver.Valuer.
func (p partition) Value() (driver.Value, error) { return int64(pfid.ID(p).Partition()), nil }

// Scan implements sql.Scanner. The id has it already.
func (*partition) Scan(any) error { return nil }

// shown is the name or email of an admin user, as people write it, or what an API token is called by. It is only read.
type shown string

// Scan implements sql.Scanner.
func (s *shown) Scan(value any) error {
	var name optional
	err := name.Scan(value)
	*s = shown(text.ShownEmail(string(name))) // leaves names unchanged
	return err
}

// nameOf returns the SQL of a shown: of the API token and the admin user that two tables, which may have no row, hold. The
// last characters of an imported token may be unknown; it is called by its name.
func nameOf(apiTokens, adminUsers string) string {
	return "COALESCE(CASE " + apiTokens + ".hint WHEN '' THEN TRIM('API token ' || " + apiTokens + ".name) ELSE 'API token …' || " + apiTokens + ".hint END, " + adminUsers + ".name, " + adminUsers + ".email)"
}
