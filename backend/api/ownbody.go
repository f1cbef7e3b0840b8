package api

import (
	"bytes"
	"net/http"
	"reflect"

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

// largeBody says how a route reads bodies that other routes refuse with 413.
type largeBody struct {
	limit    int  // in bytes
	isEchoed bool // the response repeats the body
	refusal  *fault.Error
}

var (
	largeSpan = &largeBody{maxSpanBody, true, fault.Field("payload",
		"must have at most 1 MiB (%d bytes) of JSON, and so must result_payload; this request is larger than both together", activity.MaxPayload)}
	largeBulk     = &largeBody{maxSpanBody, false, fault.Field("items", "must have at most %d KiB of JSON together; send them in several requests", maxSpanBody>>10)}
	largeRegister = &largeBody{request.MaxBody, false, fault.Field("agent_schema_version", "must have at most %d KiB of JSON, with the rest of the request", request.MaxBody>>10)}
)

// largeBodyOf returns how the routes with this path read large bodies; nil for those that refuse them before they are sent.
func largeBodyOf(path []byte) *largeBody {
	rest, ok := bytes.CutPrefix(path, []byte(apiRoot))
	switch {
	case !ok:
		return nil
	case string(rest) == bulkRoute:
		return largeBulk
	case string(rest) == registerRoute:
		return largeRegister
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(spanRoute)); ok && (len(rest) == 0 || rest[0] == '/' && bytes.HasSuffix(rest, []byte("/finish"))) {
		return largeSpan
	}
	return nil
}

// DropsLargeBodies reports whether the routes with this path read bodies up to MaxDropped.
func DropsLargeBodies(path []byte) bool { return largeBodyOf(path) != nil }

// read reads the body of a request.
func (b *largeBody) read(c *fasthttp.RequestCtx, hold *request.Share) error {
	err := request.ReadBody(c, b.limit, hold)
	if fault.KindOf(err) != fault.TooLarge {
		return err
	}
	if err := request.DropBody(c, MaxDropped); err != nil {
		return err
	}
	return b.refusal
}

// checkKey checks the idempotency key of a request that may be repeated without one.
func (b *sentBody) checkKey() error {
	key, named, err := b.idempotencyKey()
	if err == nil && named {
		err = idempotency.CheckKey(key)
	}
	return err
}

// creation returns what identifies a request to create a span, if its body has an idempotency key.
func (c *caller) creation(body *sentBody, uri string) (made activity.Creation, err error) {
	key, named, err := body.idempotencyKey()
	if err != nil || !named {
		return made, err
	}
	if err := idempotency.CheckKey(key); err != nil {
		return made, err
	}
	owned := idempotency.HashOf(c.id().String(), key, nil)
	request := idempotency.HashOf(http.MethodPost, uri, body.text)
	copy(made.Key[:], owned[:])
	copy(made.Hash[:], request[:])
	return made, nil
}

// sentTime describes a time in a request, which may be null.
type sentTime struct{}

// Schema implements huma.SchemaProvider.
func (sentTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}
