package activity

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Span is one step of an instance, as the agent reported it.
type Span struct {
	ID         pfid.ID
	AccountID  pfid.ID
	AgentID    pfid.ID
	InstanceID pfid.ID
	ParentID   pfid.ID // zero for none; the parent need not exist, since children may arrive first
	SchemaName string
	Status     Status // any but Terminated
	// Payload and Result are JSON objects without insignificant white space. A nil Result is none.
	Payload, Result json.RawMessage
	// SensitiveEncoding is JSON as it was sent; nil for none. That of a finish replaces that of a create.
	SensitiveEncoding json.RawMessage
	// StartedAt and FinishedAt are by the agent's clock. FinishedAt is zero until the span is finished.
	StartedAt, FinishedAt time.Time
	InsertedAt, UpdatedAt time.Time
}

// Limits of a span. The payloads' are in bytes of JSON, the name's in characters.
const (
	MaxPayload           = 1 << 20
	maxSensitiveEncoding = 64 << 10
	maxSchemaName        = 255
	MaxTestSpans         = 100
)

// isOfSpan reports whether a span may have the status.
func (s Status) isOfSpan() bool { return s.IsFinished() || s == Pending || s == Active }

// Creation identifies a request to create a span, so that it can be repeated. The zero Creation can't be.
type Creation struct {
	Key  [16]byte // of the caller and the idempotency key
	Hash [16]byte // of the request
}

// IsZero reports whether the request has no idempotency key.
func (c Creation) IsZero() bool { return c == Creation{} }

// Reported is a span and what its agent must hear about the instance.
type Reported struct {
	Span
	Terminated bool // the instance was terminated
	Reason     string
}

// SpanOrder describes a span to create.
type SpanOrder struct {
	ID                pfid.ID // zero for a new id
	InstanceID        pfid.ID
	ParentID          pfid.ID
	SchemaName        string
	Status            Status
	Payload, Result   json.RawMessage // a nil Payload is empty
	SensitiveEncoding json.RawMessage
	StartedAt         time.Time // zero for now
	FinishedAt        time.Time // zero for now, if the status is a finished one
	Creation          Creation
}

// CreateSpan adds a span to an instance, whatever the instance's status. If the creation or the id was used before, it
// returns that span as it was created. It returns fault.Validation if a field is invalid or the scope has no such
// instance, and fault.IdempotencyKeyAlreadyUsed if the key was used for another request.
func (a *Activity) CreateSpan(ctx context.Context, scope Scope, order SpanOrder) (Reported, error) {
	at := a.now().UTC()
	wrong := fault.Fields{}
	if order.InstanceID.IsZero() {
		wrong.Add("agent_instance_id", "is required")
	}
	if n := utf8.RuneCountInString(order.SchemaName); n < 1 || n > maxSchemaName {
		wrong.Add("schema_name", "must have from 1 to %d characters", maxSchemaName)
	}
	if strings.ContainsFunc(order.SchemaName, unicode.IsControl) {
		wrong.Add("schema_name", "must have no control characters")
	}
	if !order.Status.isOfSpan() {
		wrong.Add("status", "must be pending, active, complete, failed or cancelled")
	}
	checkPayloads(wrong, order.Payload, order.Result, order.SensitiveEncoding)
	if order.Status.isOfSpan() && !order.Status.IsFinished() {
		if order.Result != nil {
			wrong.Add("result_payload", "requires a finished status: complete, failed or cancelled")
		}
		if !order.FinishedAt.IsZero() {
			wrong.Add("finished_at", "requires a finished status: complete, failed or cancelled")
		}
	}
	if err := wrong.Err(); err != nil {
		return Reported{}, err
	}
	s, err := a.span(scope, order, at)
	if err != nil {
		return Reported{}, err
	}
	made, err := a.store.InsertSpans(ctx, scope, []Span{s}, order.Creation)
	if err != nil {
		return Reported{}, err
	}
	return made[0], nil
}

func (a *Activity) span(scope Scope, order SpanOrder, at time.Time) (Span, error) {
	s := Span{
		ID: order.ID, AccountID: scope.AccountID, InstanceID: order.InstanceID, ParentID: order.ParentID, SchemaName: order.SchemaName, Status: order.Status,
		Payload: order.Payload, Result: order.Result, SensitiveEncoding: order.SensitiveEncoding,
		StartedAt: order.StartedAt, FinishedAt: order.FinishedAt, InsertedAt: at, UpdatedAt: at,
	}
	if s.Payload == nil {
		s.Payload = json.RawMessage("{}")
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = at
	}
	if s.FinishedAt.IsZero() && s.Status.IsFinished() {
		s.FinishedAt = at
	}
	if !s.ID.IsZero() {
		return s, nil
	}
	var err error
	s.ID, err = pfid.New(at, scope.AccountID.Partition(), a.random)
	return s, err
}

func checkPayloads(wrong fault.Fields, payload, result, encoding json.RawMessage) {
	if len(payload) > MaxPayload {
		wrong.Add("payload", "must have at most 1 MiB (%d bytes) of JSON", MaxPayload)
	}
	if len(result) > MaxPayload {
		wrong.Add("result_payload", "must have at most 1 MiB (%d bytes) of JSON", MaxPayload)
	}
	if len(encoding) > maxSensitiveEncoding {
		wrong.Add("sensitive_encoding", "must have at most 64 KiB (%d bytes) of JSON", maxSensitiveEncoding)
	}
}

// SpanFinish describes how a span ended.
type SpanFinish struct {
	At                time.Time // zero for now
	Status            Status    // empty for Complete
	Result            json.RawMessage
	SensitiveEncoding json.RawMessage // nil leaves it unchanged
	// Reserve is called before the change, with the bytes of the payloads that FinishSpan returns. An error refuses it. nil
	// for no limit.
	Reserve func(bytes int) error
}

// FinishSpan finishes a span. A finished one stays unchanged. It returns fault.NotFound if the scope has no such span.
func (a *Activity) FinishSpan(ctx context.Context, scope Scope, id pfid.ID, finish SpanFinish) (Reported, error) {
	at := a.now().UTC()
	wrong := fault.Fields{}
	if finish.Status == "" {
		finish.Status = Complete
	}
	if !finish.Status.isOfSpan() || !finish.Status.IsFinished() {
		wrong.Add("status", "must be complete, failed or cancelled")
	}
	checkPayloads(wrong, nil, finish.Result, finish.SensitiveEncoding)
	if err := wrong.Err(); err != nil {
		return Reported{}, err
	}
	if finish.At.IsZero() {
		finish.At = at
	}
	return a.store.FinishSpan(ctx, scope, id, finish, at)
}

// CreateTestSpans adds finished spans with the schema name "test" to an instance. It returns fault.Validation if the
// scope has no such instance.
func (a *Activity) CreateTestSpans(ctx context.Context, scope Scope, instance, parent pfid.ID, count int) ([]Reported, error) {
	at := a.now().UTC()
	spans := make([]Span, count)
	for i := range spans {
		var err error
		spans[i], err = a.span(scope, SpanOrder{InstanceID: instance, ParentID: parent, SchemaName: "test", Status: Complete}, at)
		if err != nil {
			return nil, err
		}
	}
	return a.store.InsertSpans(ctx, scope, spans, Creation{})
}

// SpanFilter selects spans. One of the ids is required.
type SpanFilter struct {
	InstanceID pfid.ID
	AgentID    pfid.ID
	// From and Until bound StartedAt, both inclusive; zero for no bound.
	From, Until time.Time
}

// Spans returns one page of the spans that the filter selects, and their total number, with a window at most the
// page's CountLimit. A page ends early if its payloads
// would exceed paging.MaxBytes. It returns fault.NotFound if the scope has no such instance or agent.
func (a *Activity) Spans(ctx context.Context, scope Scope, filter SpanFilter, page paging.Page) ([]Span, int, error) {
	return a.store.Spans(ctx, scope, filter, page)
}

// SpanStore keeps spans.
type SpanStore interface {
	// InsertSpans adds spans, which all belong to one instance, and counts them on it. A creation stands for a single
	// span. Of a creation or an id that was used before it returns the span as it was created, and adds nothing. It
	// returns fault.Validation if the scope has no such instance or another instance has the id, and
	// fault.IdempotencyKeyAlreadyUsed if the creation's key was used for another request.
	InsertSpans(ctx context.Context, scope Scope, spans []Span, creation Creation) ([]Reported, error)
	// FinishSpan finishes a span, unless it is finished. It returns fault.NotFound if the scope has no such span.
	FinishSpan(ctx context.Context, scope Scope, id pfid.ID, finish SpanFinish, at time.Time) (Reported, error)
	// Spans is Activity.Spans.
	Spans(ctx context.Context, scope Scope, filter SpanFilter, page paging.Page) ([]Span, int, error)
}
