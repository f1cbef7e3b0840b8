// Package paging describes which part of a list a caller wants, and in which order.
package paging

// Page selects one part of a list. An empty Sort means newest first.
type Page struct {
	Offset int // number of items to skip
	Size   int // maximum number of items
	// Sort is the name of a wire field. The store refuses fields that it can't sort by.
	Sort       string
	Descending bool
}
