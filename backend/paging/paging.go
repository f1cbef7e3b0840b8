// Package paging describes which part of a list a caller wants, and in which order.
package paging

// MaxBytes is how many bytes the large values of one part of a list may have together, such as payloads, unless its first
// item alone has more. Then the part ends early.
const MaxBytes = 1 << 20

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
	// Reserve is called before the large values of an item are kept, with the bytes of all large values of the part so far.
	// An error ends the list. nil for no limit.
	Reserve func(bytes int) error
}

// MaxCounted is how many items of a long list are counted beyond the part.
const MaxCounted = 10_000

// CountLimit returns where counting the items of a long list ends: one more than MaxCounted, or than the items up to the
// end of the part. A total of that number means at least as many.
func (p Page) CountLimit() int { return max(MaxCounted, p.Offset+p.Size) + 1 }

// Takes reports whether the part still has room for an item. bytes are those of the large values of all its items with this
// one, number says how many there are before it.
func (p Page) Takes(bytes, number int) (bool, error) {
	if bytes > MaxBytes && number > 0 {
		return false, nil
	}
	if p.Reserve != nil {
		return true, p.Reserve(bytes)
	}
	return true, nil
}
