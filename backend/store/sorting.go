package store

import (
	"slices"
	"strings"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
)

// sorting lists the columns that a list can be sorted by. They have the names of the wire fields.
type sorting []string

// orderBy returns a function from a table prefix, such as "t.", to the ORDER BY terms of a page. The id breaks ties,
// so that pages neither repeat nor miss a row. It returns fault.Validation if the list can't be sorted by page.Sort.
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
