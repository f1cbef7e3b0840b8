// Package paging says which part of a list is wanted, in which order.
package paging

// Page is one part of a list. The zero Sort is newest first.
type Page struct {
	Offset int // how many items to pass over
	Size   int // how many items at the most
	// Sort names a wire field of what is listed; the store refuses one that it does not sort by.
	Sort       string
	Descending bool
}
