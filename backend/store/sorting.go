package store

import (
	"slices"
	"strings"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
)

// sorting names the columns that a list can be sorted by. They have the names of the wire fields.
type sorting []string

// orderBy returns the ORDER BY terms of a page for a table prefix such as "t.". The id settles ties, so that pages
// neither repeat nor miss a row.
func (s sorting) orderBy(page paging.Page) (func(prefix string) string, error) {
	column, direction := page.Sort, " ASC"
	if column == "" {
		column, page.Descending = "inserted_at", true
	}
	if page.Descending {
		direction = " DESC"
	}
	if !slices.Contains(s, column) {
		return nil, fault.Field("sorting", "must be one of %s", strings.Join(s, ", "))
	}
	return func(prefix string) string {
		if column == "id" {
			return prefix + "id" + direction
		}
		return prefix + column + direction + ", " + prefix + "id" + direction
	}, nil
}
