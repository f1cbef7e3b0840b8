package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/idempotency"
	"tokentab/backend/request"
)

// ownBody is the input of a route that decodes its body itself: Huma would take a large one apart into maps first.
type ownBody interface {
	body() any // of the type that describes it
}

// describeBody documents the body of a registered route that decodes it itself.
func (s *Service) describeBody(path string, own ownBody) {
	t := reflect.TypeOf(own.body())
	schema := s.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
	s.huma.OpenAPI().Paths[path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// Limits of bodies that hold the payloads of a span, in bytes.
const (
	maxSpanBody = 2*activity.MaxPayload + request.MaxBody
	// MaxDropped is how much of a larger body is read, so that its sender gets the answer: clients take a broken
	// connection or a 413 for the end of their run.
	MaxDropped = 64 << 20
)

// DropsLargeBodies reports whether the routes with this path read bodies up to MaxDropped.
func DropsLargeBodies(path []byte) bool { return bytes.HasPrefix(path, []byte(apiRoot+spanRoute)) }

// readSpanBody reads the body of a request with payloads.
func readSpanBody(c *fasthttp.RequestCtx, hold *request.Share) error {
	err := request.ReadBody(c, maxSpanBody, hold)
	if fault.KindOf(err) != fault.TooLarge {
		return err
	}
	if err := request.DropBody(c, MaxDropped); err != nil {
		return err
	}
	return fault.Field("payload", "and result_payload must have at most 1 MiB (%d bytes) of JSON each; this request is larger than both", activity.MaxPayload)
}

// decode decodes the body of an ownBody. An empty body leaves into unchanged. The errors are those of other routes.
func (c *caller) decode(into any) error {
	body := c.request.Request().Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return fault.New(fault.BadRequest, "The body is not the expected JSON.")
	}
	field := strings.TrimPrefix(wrong.Field, "details.")
	if field == "" {
		field = "body"
	}
	if wrong.Type.Kind() == reflect.String {
		return fault.Field(field, "must be a text")
	}
	return fault.Field(field, "must be an object")
}

// checkKey checks the idempotency key of a request that may be repeated without one.
func (c *caller) checkKey() error {
	key, named, err := idempotencyKey(c.request.Request().Body())
	if err == nil && named {
		err = idempotency.CheckKey(key)
	}
	return err
}

// creation returns what identifies a request to create a span, if it has an idempotency key.
func (c *caller) creation() (made activity.Creation, err error) {
	body := c.request.Request().Body()
	key, named, err := idempotencyKey(body)
	if err != nil || !named {
		return made, err
	}
	if err := idempotency.CheckKey(key); err != nil {
		return made, err
	}
	owned := idempotency.HashOf(c.id().String(), key, nil)
	request := idempotency.HashOf(c.request.Method(), string(c.request.Request().URI().RequestURI()), body)
	copy(made.Key[:], owned[:])
	copy(made.Hash[:], request[:])
	return made, nil
}

// objectIn returns a JSON object without insignificant white space; nil for null or no value.
func objectIn(wrong fault.Fields, field string, sent openObject) json.RawMessage {
	text := jsonIn(sent.RawMessage)
	if text != nil && text[0] != '{' {
		wrong.Add(field, "must be an object")
	}
	return text
}

// jsonIn returns a JSON value without insignificant white space; nil for null or no value.
func jsonIn(sent json.RawMessage) json.RawMessage {
	if len(sent) == 0 || string(sent) == "null" {
		return nil
	}
	var short bytes.Buffer
	short.Grow(len(sent))
	if json.Compact(&short, sent) != nil {
		return nil // valid, since it was decoded
	}
	return short.Bytes()
}

// sentTime is a time in a request, which may be missing or null. It is parsed after the body, so that an error names
// the field.
type sentTime struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (sentTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// in returns the time; zero if it is missing.
func (t sentTime) in(wrong fault.Fields, field string) time.Time {
	var text *string
	if len(t.RawMessage) > 0 && json.Unmarshal(t.RawMessage, &text) != nil {
		wrong.Add(field, "must be a text")
	}
	return optionalTime(wrong, field, optionalText(text))
}
