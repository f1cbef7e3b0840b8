package api

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// written is a response that writes its own JSON, because encoding/json would check and copy each of its payloads.
type written interface {
	// appendTo appends what encoding/json would write.
	appendTo(text []byte) []byte
}

// encode writes the JSON of a response for Huma.
func encode(w io.Writer, response any) error {
	own, ok := response.(written)
	if !ok {
		return huma.DefaultJSONFormat.Marshal(w, response)
	}
	_, err := w.Write(append(own.appendTo(nil), '\n'))
	return err
}

// object is the JSON of an object, without its last brace.
type object []byte

// member appends a member, whose value is JSON without insignificant white space; nil for null.
func (o *object) member(name string, value []byte) {
	if (*o)[len(*o)-1] != '{' {
		*o = append(*o, ',')
	}
	*o = append(appendText(*o, name), ':')
	if value == nil {
		value = []byte("null")
	}
	*o = append(*o, value...)
}

// text appends a member with a text; nil for null.
func (o *object) text(name string, value *string) {
	if value == nil {
		o.member(name, nil)
		return
	}
	var room [64]byte
	o.member(name, appendText(room[:0], *value))
}

// time appends a member with an instant.
func (o *object) time(name string, value json.Marshaler) {
	text, _ := value.MarshalJSON()
	o.member(name, text)
}

// appendText appends a text as JSON.
func appendText(json []byte, text string) []byte {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return append(json, asJSON(text)...)
	}
	return append(append(append(json, '"'), text...), '"')
}

// asJSON returns the JSON of a value that always has one, as it is in responses.
func asJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return nil
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
