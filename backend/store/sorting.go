package store

import (
	"slices"
	"strings"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
)

// sorting lists the columns that a list can be sorted by. They have the names of the wire fields.
type sorting []string

// orderBy returns the ORDER BY terms of a page of the table t. The id breaks ties, so that pages neither repeat nor miss
// a row. It returns fault.Validation if the list can't be sorted by page.Sort.
func (s sorting) orderBy(page paging.Page) (string, error) {
	column, direction := page.Sort, " ASC"
	if column == "" {
		column, page.Descending = "inserted_at", true
	}
	if page.Descending {
		direction = " DESC"
	}
	switch {
	case !slices.Contains(s, column):
		return "", fault.Field("sorting", "must be one of %s", strings.Join(s, ", "))
	case column == "id":
		return "t.id" + direction, nil
	}
	return "t." + column + direction + ", t.id" + direction, nil
}
