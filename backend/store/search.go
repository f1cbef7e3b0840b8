package store

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// searched narrows a list of the table t to the rows that a search finds: by a part of one of three columns, of which only the
// last may be an email, or of the id. from is the rest of a statement after FROM. The databases fold only ASCII, so this
// package compares the texts.
func (d *db) searched(ctx context.Context, search, columns, from string, args ...any) (string, []any, error) {
	needle := text.Needle(search)
	if needle == "" {
		return from, args, nil
	}
	part := pfid.NewPart(needle)
	ids, err := read(ctx, d, func(tx *gorm.DB) ([]pfid.ID, error) {
		ids := []pfid.ID{}
		err := scan(tx, "SELECT t.id, "+columns+" FROM "+from, args, func(rows *sql.Rows) error {
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
	})
	return from + " AND t.id IN " + anyOf, append(args, document{ids}), err
}
