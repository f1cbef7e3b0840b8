package store

import (
	"context"
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
	type row struct {
		id    pfid.ID
		texts [3]optional
	}
	rows, err := read(ctx, d, func(tx *gorm.DB) ([]row, error) {
		return rowsAs(tx, "SELECT t.id, "+columns+" FROM "+from, args, func(r *row) []any { return []any{&r.id, &r.texts[0], &r.texts[1], &r.texts[2]} })
	})
	part, ids := pfid.NewPart(needle), []pfid.ID{}
	for _, r := range rows {
		found := part != nil && part.In(&r.id)
		for _, one := range r.texts {
			found = found || strings.Contains(text.Folded(text.ShownEmail(string(one))), needle)
		}
		if found {
			ids = append(ids, r.id)
		}
	}
	return from + " AND t.id IN " + anyOf, append(args, document{ids}), err
}
