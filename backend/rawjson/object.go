package rawjson

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Object is the JSON of an object, without its last brace.
type Object []byte

// Member appends a member, whose value is JSON without insignificant white space; nil for null.
func (o *Object) Member(name string, value []byte) {
	if (*o)[len(*o)-1] != '{' {
		*o = append(*o, ',')
	}
	*o = append(appendText(*o, name), ':')
	if value == nil {
		value = []byte("null")
	}
	*o = append(*o, value...)
}

// Text appends a member with a text; nil for null.
func (o *Object) Text(name string, value *string) {
	if value == nil {
		o.Member(name, nil)
		return
	}
	var room [64]byte
	o.Member(name, appendText(room[:0], *value))
}

// Time appends a member with an instant.
func (o *Object) Time(name string, value json.Marshaler) {
	text, _ := value.MarshalJSON()
	o.Member(name, text)
}

// appendText appends a text as JSON.
func appendText(json []byte, text string) []byte {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return append(json, Of(text)...)
	}
	return append(append(append(json, '"'), text...), '"')
}

// Of returns the JSON of a value that always has one, as it is in responses.
func Of(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return nil
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
