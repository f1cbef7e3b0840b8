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
	column := page.Sort
	if column == "" {
		column, page.Descending = "inserted_at", true
	}
	switch {
	case !slices.Contains(s, column):
		return "", fault.Field("sorting", "must be one of %s", strings.Join(s, ", "))
	case column == "id":
		return ordered("id", page.Descending), nil
	}
	return ordered(column, page.Descending) + ", " + ordered("id", page.Descending), nil
}

// nullable are the columns that lists sort by and that may be NULL.
var nullable = []string{"name", "job_title", "external_identifier", "last_seen_at", "started_at", "finished_at"}

// ordered returns the ORDER BY term of a column of the table t. NULL counts as the smallest value, as it does in SQLite
// unless a statement says otherwise; other columns say nothing, so that the indexes of Postgres fit.
func ordered(column string, descending bool) string {
	direction, nulls := " ASC", " NULLS FIRST"
	if descending {
		direction, nulls = " DESC", " NULLS LAST"
	}
	if !slices.Contains(nullable, column) {
		nulls = ""
	}
	return "t." + column + direction + nulls
}
