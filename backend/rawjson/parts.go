// Package rawjson reads and writes JSON without the checks and copies that encoding/json makes of each part: a span would be
// checked seven times. It takes apart what is known to be valid and has no white space around it, and returns parts of it.
package rawjson

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"
)

// Members returns the members of an object. Of those with the same name it returns the last.
func Members(object []byte) map[string]json.RawMessage { return maps.Collect(Each(object)) }

// Each returns the members of an object in their order.
func Each(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for at := afterSpace(object, 1); object[at] != '}'; at = afterSpace(object, at) {
			if object[at] == ',' {
				at = afterSpace(object, at+1)
			}
			end := endOf(object, at)
			name, _ := Text(object[at:end])
			at = afterSpace(object, afterSpace(object, end)+1) // after the colon
			end = endOf(object, at)
			if !yield(name, object[at:end:end]) {
				return
			}
			at = end
		}
	}
}

// Elements returns the first elements of an array, at most so many.
func Elements(array []byte, most int) (list []json.RawMessage) {
	for at := afterSpace(array, 1); array[at] != ']' && len(list) < most; at = afterSpace(array, at) {
		if array[at] == ',' {
			at = afterSpace(array, at+1)
		}
		end := endOf(array, at)
		list = append(list, array[at:end:end])
		at = end
	}
	return list
}

// Text returns the text that a JSON value is. ok is false if the value is neither a text nor null, which becomes the empty
// text.
func Text(value []byte) (text string, ok bool) {
	if value[0] == '"' && !bytes.ContainsRune(value, '\\') {
		return string(value[1 : len(value)-1]), true
	}
	return text, json.Unmarshal(value, &text) == nil
}

// WithoutSpace returns a value without insignificant white space.
func WithoutSpace(value []byte) []byte {
	var short []byte
	from := 0
	for at := 0; at < len(value); {
		switch {
		case value[at] == '"':
			at = endOfText(value, at)
		case IsSpace(value[at]):
			short = append(slices.Grow(short, len(value)-from), value[from:at]...)
			at = afterSpace(value, at)
			from = at
		default:
			at++
		}
	}
	if from == 0 {
		return value
	}
	return append(short, value[from:]...)
}

// endOf returns the end of the value that begins at an index.
func endOf(text []byte, at int) int {
	for depth := 0; ; {
		switch c := text[at]; {
		case c == '"':
			at = endOfText(text, at)
		case c == '{' || c == '[':
			depth++
			at++
		case c == '}' || c == ']':
			depth--
			at++
		case depth > 0:
			at++
		default: // a number, true, false or null
			for at < len(text) && text[at] != ',' && text[at] != '}' && text[at] != ']' && !IsSpace(text[at]) {
				at++
			}
		}
		if depth == 0 {
			return at
		}
	}
}

// endOfText returns the end of the text whose opening quote is at an index.
func endOfText(text []byte, at int) int {
	for {
		at += 1 + bytes.IndexByte(text[at+1:], '"')
		escapes := 0
		for text[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
}

func afterSpace(text []byte, at int) int {
	for at < len(text) && IsSpace(text[at]) {
		at++
	}
	return at
}

// IsSpace reports whether a byte between values is insignificant (RFC 8259, section 2).
func IsSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// IsObject reports whether a value is an object.
func IsObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }
