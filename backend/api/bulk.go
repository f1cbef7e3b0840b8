package api

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/bulk"
	"tokentab/backend/fault"
	"tokentab/backend/rawjson"
	"tokentab/backend/request"
)

// bulkRoute is the path of bulk requests.
const bulkRoute = "/bulk"

// maxBulkAnswer limits all responses of a bulk request together, in bytes.
const maxBulkAnswer = maxSpanBody

// BulkRequest accepts both kinds of items that clients send: {_type, idempotency_key, …} and {method, path, body}.
type BulkRequest struct {
	_     struct{}         `additionalProperties:"true"`
	Items []map[string]any `json:"items" nullable:"false" minItems:"1" maxItems:"100" doc:"Items of the form {_type, idempotency_key, …fields}, with a type such as agents/list, or {method, path, body}"`
}

// bulkInput has a body that this route decodes itself, so that its items pass on what was sent.
type bulkInput struct{}

func (*bulkInput) body() any { return BulkRequest{} }

// BulkAnswer holds the responses of the items up to and including the first that failed.
type BulkAnswer struct {
	Status  string                     `json:"status" enum:"success"`
	Outputs map[string]json.RawMessage `json:"outputs" doc:"By idempotency key, for items with a _type"`
	Details BulkItems                  `json:"details"`
}

// BulkItems holds the responses of items with a method and path, in order.
type BulkItems struct {
	Items []BulkItem `json:"items" nullable:"false"`
}

// BulkItem is the response to one item.
type BulkItem struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// AppendJSON implements written.
func (a BulkAnswer) AppendJSON(text []byte) []byte {
	size := 100
	for key, body := range a.Outputs {
		size += len(key) + len(body) + 10
	}
	for _, item := range a.Details.Items {
		size += len(item.Body) + 30
	}
	o := rawjson.Object(append(slices.Grow(text, size), '{'))
	o.Text("status", &a.Status)
	o.Member("outputs", []byte{'{'})
	for _, key := range slices.Sorted(maps.Keys(a.Outputs)) {
		o.Member(key, a.Outputs[key])
	}
	o = append(o, '}')
	o.Member("details", []byte(`{"items":[`))
	for i, item := range a.Details.Items {
		if i > 0 {
			o = append(o, ',')
		}
		o = append(o, '{')
		o.Member("status", strconv.AppendInt(nil, int64(item.Status), 10))
		o.Member("body", item.Body)
		o = append(o, '}')
	}
	return append(o, "]}}"...)
}

// bulkResponse is the response to one item.
type bulkResponse struct {
	status int
	body   json.RawMessage
}

func (s *Service) bulk(ctx context.Context, who *caller, _ *bulkInput) (*whole[BulkAnswer], error) {
	top, err := who.sent().members(false)
	if err != nil {
		return nil, err
	}
	requests, err := bulk.Read(top)
	if err != nil {
		return nil, err
	}
	out := &whole[BulkAnswer]{Body: BulkAnswer{Status: "success", Outputs: map[string]json.RawMessage{}, Details: BulkItems{Items: []BulkItem{}}}}
	size := 0
	for len(requests) > 0 {
		for _, response := range s.runFirst(ctx, who, requests, size) {
			size += len(response.body)
			switch {
			case size > maxBulkAnswer:
				response = bulkResponse{http.StatusBadRequest, tooMuch}
			case who.reserve(size) != nil:
				response = bulkResponse{http.StatusServiceUnavailable, noRoom}
			}
			if key := requests[0].Key; key != "" {
				out.Body.Outputs[key] = response.body
			} else {
				out.Body.Details.Items = append(out.Body.Details.Items, BulkItem{Status: response.status, Body: response.body})
			}
			if response.status >= http.StatusBadRequest {
				return out, nil
			}
			requests = requests[1:]
		}
	}
	return out, nil
}

// runFirst runs the first item or, if it changes a span, all that do so up to one that does not, and returns their
// responses. size is that of earlier responses.
func (s *Service) runFirst(ctx context.Context, who *caller, requests []bulk.Request, size int) []bulkResponse {
	if requests[0].NotServed {
		return []bulkResponse{{http.StatusNotFound, notServedItem(requests[0])}}
	}
	if changes := who.spanChanges(requests); len(changes) > 0 {
		return s.reportInBulk(ctx, who, changes, size)
	}
	who.work.Rest()
	defer who.work.Begin()
	return []bulkResponse{s.dispatch(who, requests[0])}
}

// tooMuch replaces a response that would make the bulk response too large. If the item was a change, the change was
// made, unless it was that of a span.
var tooMuch = rawjson.Of(answer.NewErrorBody(http.StatusBadRequest, "bad_request", errTooMuch.Message))

var errTooMuch = fault.New(fault.BadRequest, "The responses of this bulk request exceed 2.25 MiB. Send fewer items.")

// noRoom is the same for a response for which the server has no room.
var noRoom = rawjson.Of(map[string]any{"status": "error", "code": "unexpected", "message": tooManyAnswers.Message})

// notServedItem returns the response to an item with an unknown path or type, or one that bulk requests exclude.
func notServedItem(r bulk.Request) json.RawMessage {
	what := "the type " + shownType(r.Type)
	if r.Method != "" {
		path, _, _ := strings.Cut(r.Path, "?")
		what = r.Method + " " + shownPath(path)
	}
	failure := answer.Failures[fault.NotImplemented]
	return rawjson.Of(map[string]any{"status": "error", "code": failure.Code, "message": "This server does not serve " + what + " in a bulk request. /docs lists what it serves."})
}

// dispatch runs one item as its own request with the caller's credential, so the item passes the same checks as any
// request.
func (s *Service) dispatch(who *caller, item bulk.Request) bulkResponse {
	outer := who.request.Context()
	var c fasthttp.RequestCtx
	c.Init2(outer.Conn(), nil, false)
	outer.Request.Header.CopyTo(&c.Request.Header)
	c.Request.Header.Del(fiber.HeaderAcceptEncoding) // the bulk response is encoded as a whole
	c.Request.Header.Del(fiber.HeaderIfNoneMatch)
	c.Request.Header.SetMethod(item.Method)
	c.Request.SetRequestURI(item.Path)
	c.Request.SetBody(item.Body)
	request.SetID(&c, request.ID(outer))
	s.Serve(&c)
	body := bytes.TrimSpace(c.Response.Body())
	if !json.Valid(body) {
		body = []byte("null")
	}
	return bulkResponse{c.Response.StatusCode(), bytes.Clone(body)}
}
