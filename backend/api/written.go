package api

import (
	"io"

	"github.com/danielgtaylor/huma/v2"
)

// written is a response that writes its own JSON, because encoding/json would check and copy each of its payloads.
type written interface {
	// AppendJSON appends what encoding/json would write.
	AppendJSON(text []byte) []byte
}

// encode writes the JSON of a response for Huma.
func encode(w io.Writer, response any) error {
	own, ok := response.(written)
	if !ok {
		return huma.DefaultJSONFormat.Marshal(w, response)
	}
	_, err := w.Write(append(own.AppendJSON(nil), '\n'))
	return err
}
