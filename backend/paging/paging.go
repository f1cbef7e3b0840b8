// Package paging describes which part of a list a caller wants, and in which order.
package paging

// Page selects one part of a list. An empty Sort means newest first.
type Page struct {
	Offset int // number of items to skip
	Size   int // maximum number of items
	// Sort is the name of a wire field. The store refuses fields that it can't sort by.
	Sort       string
	Descending bool
	// After is the place behind which the part begins, instead of Offset: a Next of an earlier part in the same order. Empty
	// for the beginning. Only lists of tokens support it.
	After string
}
