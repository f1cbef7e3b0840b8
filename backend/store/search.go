package store

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// searched narrows a list of the table t to the rows that a search finds: by a part of one of three columns, or of the id. from is
// the rest of a statement after FROM.
func (d *db) searched(ctx context.Context, search, columns, from string, args ...any) (string, []any, error) {
	needle := text.Needle(search)
	if needle == "" {
		return from, args, nil
	}
	ids, err := read(ctx, d, func(tx *gorm.DB) ([]pfid.ID, error) {
		return idsWith(tx, needle, pfid.NewPart(needle), "SELECT t.id, "+columns+" FROM "+from, args...)
	})
	return from + " AND t.id IN " + anyOf, append(args, document{ids}), err
}

// idsWith returns the ids of the rows of a query that have a folded text in one of the three texts or emails after the id, or a part
// in the id, which is nil for none. The databases fold only ASCII, so this package compares the texts.
func idsWith(tx *gorm.DB, needle string, part *pfid.Part, statement string, args ...any) ([]pfid.ID, error) {
	ids := []pfid.ID{}
	err := scan(tx, statement, args, func(rows *sql.Rows) error {
		var id pfid.ID
		var texts [3]optional
		err := rows.Scan(&id, &texts[0], &texts[1], &texts[2])
		found := part != nil && part.In(&id)
		for _, one := range texts {
			found = found || strings.Contains(text.Folded(text.ShownEmail(string(one))), needle)
		}
		if found {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}
