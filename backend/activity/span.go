package activity

import (
	"cmp"
	"context"
	"encoding/json"
	"time"
	"unicode/utf8"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
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

// SpanChange is a request to create a span or to finish one.
type SpanChange struct {
	Create *SpanOrder // nil to finish
	ID     pfid.ID    // of the span to finish
	Finish SpanFinish
	// Reserve is called with the bytes of the payloads of a span that is not new, before it is changed or returned. An error
	// refuses that. nil is no limit.
	Reserve func(bytes int) error
}

// ReportSpans makes changes of spans in order, in one transaction, until one fails. It returns the spans before that one,
// whose changes are kept, and its error. If the transaction fails, it returns no spans.
//
// A span is added whatever the status of its instance. If the creation or the id was used before, ReportSpans returns that
// span as it was created; a finished span stays unchanged when it is finished again. A change fails with fault.Validation if
// a field is invalid or the scope has no such instance, fault.IdempotencyKeyAlreadyUsed if the key was used for another
// request, and fault.NotFound if the scope has no span to finish.
func (a *Activity) ReportSpans(ctx context.Context, scope Scope, changes []SpanChange) ([]Reported, error) {
	at := a.now().UTC()
	reports := make([]SpanReport, 0, len(changes))
	var failed error
	for _, c := range changes {
		report, err := a.report(scope, c, at)
		if err != nil {
			failed = err
			break
		}
		reports = append(reports, report)
	}
	if len(reports) == 0 {
		return nil, failed
	}
	made, err := a.store.ReportSpans(ctx, scope, reports, at)
	for _, r := range made {
		a.reported(scope, r.AgentID)
	}
	return made, cmp.Or(err, failed)
}

func (a *Activity) report(scope Scope, c SpanChange, at time.Time) (r SpanReport, err error) {
	if c.Create == nil {
		finish := c.Finish
		if err := finish.check(at); err != nil {
			return r, err
		}
		return SpanReport{Span: Span{ID: c.ID}, Finish: &finish, Reserve: c.Reserve}, nil
	}
	if err := c.Create.check(); err != nil {
		return r, err
	}
	span, err := a.span(scope, *c.Create, at)
	return SpanReport{Span: span, Creation: c.Create.Creation, Reserve: c.Reserve}, err
}

// CreateSpan is ReportSpans for a single new span.
func (a *Activity) CreateSpan(ctx context.Context, scope Scope, order SpanOrder) (Reported, error) {
	return only(a.ReportSpans(ctx, scope, []SpanChange{{Create: &order}}))
}

// FinishSpan is ReportSpans for a single span to finish.
func (a *Activity) FinishSpan(ctx context.Context, scope Scope, id pfid.ID, finish SpanFinish, reserve func(bytes int) error) (Reported, error) {
	return only(a.ReportSpans(ctx, scope, []SpanChange{{ID: id, Finish: finish, Reserve: reserve}}))
}

func only(made []Reported, err error) (Reported, error) {
	if err != nil {
		return Reported{}, err
	}
	return made[0], nil
}

func (order *SpanOrder) check() error {
	wrong := fault.Fields{}
	if order.InstanceID.IsZero() {
		wrong.Add("agent_instance_id", "is required")
	}
	if n := utf8.RuneCountInString(order.SchemaName); n < 1 || n > maxSchemaName {
		wrong.Add("schema_name", "must have from 1 to %d characters", maxSchemaName)
	}
	if complaint := text.Complaint(order.SchemaName); complaint != "" {
		wrong.Add("schema_name", "%s", complaint)
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
	return wrong.Err()
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
}

// check fills in what is missing.
func (f *SpanFinish) check(at time.Time) error {
	wrong := fault.Fields{}
	if f.Status == "" {
		f.Status = Complete
	}
	if !f.Status.isOfSpan() || !f.Status.IsFinished() {
		wrong.Add("status", "must be complete, failed or cancelled")
	}
	checkPayloads(wrong, nil, f.Result, f.SensitiveEncoding)
	f.At = orNow(f.At, at)
	return wrong.Err()
}

// CreateTestSpans adds finished spans with the schema name "test" to an instance. It returns fault.Validation if the
// scope has no such instance.
func (a *Activity) CreateTestSpans(ctx context.Context, scope Scope, instance, parent pfid.ID, count int) ([]Reported, error) {
	changes := make([]SpanChange, count)
	for i := range changes {
		changes[i].Create = &SpanOrder{InstanceID: instance, ParentID: parent, SchemaName: "test", Status: Complete}
	}
	return a.ReportSpans(ctx, scope, changes)
}

// SpanFilter selects spans. One of the ids is required.
type SpanFilter struct {
	InstanceID pfid.ID
	AgentID    pfid.ID
	// From and Until bound StartedAt, both inclusive; zero for no bound.
	From, Until time.Time
}

// SpanReport is a checked change of a span.
type SpanReport struct {
	Span     // to create; only with its id to finish
	Creation Creation
	Finish   *SpanFinish // nil to create
	Reserve  func(bytes int) error
}

// SpanStore keeps spans.
type SpanStore interface {
	// ReportSpans is Activity.ReportSpans for changes that were checked.
	ReportSpans(ctx context.Context, scope Scope, reports []SpanReport, at time.Time) ([]Reported, error)
}
