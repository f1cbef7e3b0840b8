package pfid

import (
	"bytes"
	"encoding/binary"
)

// Part is a part of the text of an id, for a search in very many ids.
type Part struct {
	text []byte
	// triples has all three characters in a row that the part contains. An id that contains the part has one of them at a
	// place where In looks, and others rarely do.
	triples [1 << 15]bool
}

// ShortestPart is how many characters a Part has at least.
const ShortestPart = 6

// NewPart returns a part; nil if the text is too short or too long, or has characters that ids don't have.
func NewPart(text string) *Part {
	if len(text) < ShortestPart || len(text) > TextSize {
		return nil
	}
	if _, ok := decode(text); !ok {
		return nil
	}
	part := &Part{text: []byte(text)}
	for i := range len(text) - 2 {
		triple, _ := decode(text[i : i+3])
		part.triples[triple] = true
	}
	return part
}

// In reports whether the text of an id contains the part.
func (p *Part) In(id *ID) bool {
	ms := binary.BigEndian.Uint64(id[:8]) >> 16
	for _, eight := range [...]uint64{ms >> 10, ms<<30 | uint64(id.Partition()), get40(id[10:15]), get40(id[15:])} { // see Append
		if p.triples[eight>>25&0x7fff] || p.triples[eight>>10&0x7fff] || p.triples[eight&0x7fff] {
			var text [TextSize]byte
			return bytes.Contains(id.Append(text[:0]), p.text)
		}
	}
	return false
}
