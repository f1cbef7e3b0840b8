package api

import (
	"context"
	"encoding/json"
	"slices"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/rawjson"
)

// spanRoute is the path of spans.
const spanRoute = "/agent_spans"

// AgentSpan is an agent span in responses.
type AgentSpan struct {
	Type              string            `json:"type" enum:"agent_span"`
	ID                string            `json:"id"`
	AccountID         string            `json:"account_id"`
	AgentID           string            `json:"agent_id"`
	AgentInstanceID   string            `json:"agent_instance_id"`
	ParentSpanID      *string           `json:"parent_span_id" doc:"Need not exist"`
	SchemaName        string            `json:"schema_name"`
	SchemaTitle       *string           `json:"schema_title" doc:"Always null"`
	Status            string            `json:"status" enum:"pending,active,complete,failed,cancelled"`
	Payload           openObject        `json:"payload" doc:"An object, as it was sent"`
	ResultPayload     openObject        `json:"result_payload" doc:"An object, as it was sent, or null"`
	Summary           *string           `json:"summary" doc:"Always null: summary templates are not rendered"`
	SensitiveEncoding json.RawMessage   `json:"sensitive_encoding" doc:"As it was sent, or null"`
	StartedAt         OptionalTimestamp `json:"started_at" doc:"By the agent's clock"`
	FinishedAt        OptionalTimestamp `json:"finished_at" doc:"By the agent's clock"`
	InsertedAt        Timestamp         `json:"inserted_at"`
	UpdatedAt         Timestamp         `json:"updated_at"`
}

func spanOf(s activity.Span) AgentSpan {
	return AgentSpan{
		Type: "agent_span", ID: s.ID.String(), AccountID: s.AccountID.String(), AgentID: s.AgentID.String(), AgentInstanceID: s.InstanceID.String(),
		ParentSpanID: idOrNull(s.ParentID), SchemaName: s.SchemaName, Status: string(s.Status),
		Payload: openObject{s.Payload}, ResultPayload: openObject{s.Result}, SensitiveEncoding: s.SensitiveEncoding,
		StartedAt: OptionalTimestamp(s.StartedAt), FinishedAt: OptionalTimestamp(s.FinishedAt), InsertedAt: Timestamp(s.InsertedAt), UpdatedAt: Timestamp(s.UpdatedAt),
	}
}

// AppendJSON implements written.
func (s AgentSpan) AppendJSON(text []byte) []byte {
	o := rawjson.Object(append(text, '{'))
	o.Text("type", &s.Type)
	o.Text("id", &s.ID)
	o.Text("account_id", &s.AccountID)
	o.Text("agent_id", &s.AgentID)
	o.Text("agent_instance_id", &s.AgentInstanceID)
	o.Text("parent_span_id", s.ParentSpanID)
	o.Text("schema_name", &s.SchemaName)
	o.Text("schema_title", s.SchemaTitle)
	o.Text("status", &s.Status)
	o.Member("payload", s.Payload.RawMessage)
	o.Member("result_payload", s.ResultPayload.RawMessage)
	o.Text("summary", s.Summary)
	o.Member("sensitive_encoding", s.SensitiveEncoding)
	o.Time("started_at", s.StartedAt)
	o.Time("finished_at", s.FinishedAt)
	o.Time("inserted_at", s.InsertedAt)
	o.Time("updated_at", s.UpdatedAt)
	return append(o, '}')
}

// SpanAnswer is the response to a change of a span.
type SpanAnswer struct {
	Status  string       `json:"status" enum:"success"`
	Details AgentSpan    `json:"details"`
	Control *SpanControl `json:"control,omitempty" doc:"Present if the instance was terminated"`
}

// AppendJSON implements written.
func (a SpanAnswer) AppendJSON(text []byte) []byte {
	text = slices.Grow(text, 700+len(a.Details.Payload.RawMessage)+len(a.Details.ResultPayload.RawMessage)+len(a.Details.SensitiveEncoding))
	o := rawjson.Object(append(text, '{'))
	o.Text("status", &a.Status)
	o.Member("details", []byte{})
	o = a.Details.AppendJSON(o)
	if a.Control != nil {
		o.Member("control", rawjson.Of(a.Control))
	}
	return append(o, '}')
}

// SpanControl tells an agent to end its run.
type SpanControl struct {
	Terminate bool   `json:"terminate"`
	Reason    string `json:"reason"`
}

func reportedSpan(who *caller, report func() (activity.Reported, error)) (*whole[SpanAnswer], error) {
	who.work.Rest()
	r, err := report()
	who.work.Begin()
	if err != nil {
		return nil, err
	}
	return &whole[SpanAnswer]{Body: spanAnswer(r)}, nil
}

func spanAnswer(r activity.Reported) SpanAnswer {
	out := SpanAnswer{Status: "success", Details: spanOf(r.Span)}
	if r.Terminated {
		out.Control = &SpanControl{Terminate: true, Reason: r.Reason}
	}
	return out
}

// NewAgentSpan is a request to create a span.
type NewAgentSpan struct {
	_                 struct{}        `additionalProperties:"true"`
	AgentInstanceID   *string         `json:"agent_instance_id"`
	SchemaName        string          `json:"schema_name" minLength:"1" maxLength:"255"`
	Status            string          `json:"status" enum:"pending,active,complete,failed,cancelled"`
	Payload           openObject      `json:"payload,omitempty" doc:"At most 1 MiB of JSON; an empty object if it is missing"`
	ResultPayload     openObject      `json:"result_payload,omitempty" doc:"At most 1 MiB of JSON; only with a finished status"`
	ID                *string         `json:"id,omitempty" nullable:"true" doc:"Any id; generated if it is missing"`
	ParentSpanID      *string         `json:"parent_span_id,omitempty" nullable:"true" doc:"Need not exist. A UUID, by which an SDK names a span that it has not sent, counts as null"`
	StartedAt         sentTime        `json:"started_at,omitempty" doc:"Now if it is missing"`
	FinishedAt        sentTime        `json:"finished_at,omitempty" doc:"Only with a finished status; then now if it is missing"`
	SensitiveEncoding json.RawMessage `json:"sensitive_encoding,omitempty" doc:"Stored and returned as it is"`
}

// createSpanInput has a body that this route decodes itself, because it may be large.
type createSpanInput struct{}

func (*createSpanInput) body() any { return orderedBody[NewAgentSpan]{} }

func (s *Service) createSpan(ctx context.Context, who *caller, _ *createSpanInput) (*whole[SpanAnswer], error) {
	order, err := who.spanOrder(who.sent(), string(who.request.Request().URI().RequestURI()))
	if err != nil {
		return nil, err
	}
	return reportedSpan(who, func() (activity.Reported, error) { return s.Activity.CreateSpan(ctx, who.scope(), order) })
}

// spanOrder reads the body of a request to create a span, which was sent to the URI.
func (c *caller) spanOrder(body *sentBody, uri string) (order activity.SpanOrder, err error) {
	members, err := body.members(true)
	if err != nil {
		return order, err
	}
	creation, err := c.creation(body, uri)
	if err != nil {
		return order, err
	}
	r := reader{members, fault.Fields{}}
	order = activity.SpanOrder{
		ID: r.id("id"), InstanceID: r.id("agent_instance_id"), ParentID: r.parent("parent_span_id"),
		SchemaName: r.text("schema_name"), Status: activity.Status(r.text("status")),
		Payload: r.object("payload"), Result: r.object("result_payload"), SensitiveEncoding: r.json("sensitive_encoding"),
		StartedAt: r.time("started_at"), FinishedAt: r.time("finished_at"), Creation: creation,
	}
	return order, r.wrong.Err()
}

// SpanEnd is a request to finish a span.
type SpanEnd struct {
	_                 struct{}        `additionalProperties:"true"`
	Status            string          `json:"status,omitempty" enum:"complete,failed,cancelled" default:"complete"`
	Timestamp         sentTime        `json:"timestamp,omitempty" doc:"Now if it is missing"`
	ResultPayload     openObject      `json:"result_payload,omitempty" doc:"At most 1 MiB of JSON"`
	SensitiveEncoding json.RawMessage `json:"sensitive_encoding,omitempty" doc:"Stored and returned as it is"`
}

// finishSpanInput has a body that this route decodes itself, because it may be large.
type finishSpanInput struct{ PathID }

func (*finishSpanInput) body() any { return SpanEnd{} }

func (s *Service) finishSpan(ctx context.Context, who *caller, in *finishSpanInput) (*whole[SpanAnswer], error) {
	finish, err := spanFinish(who.sent())
	if err != nil {
		return nil, err
	}
	return reportedSpan(who, func() (activity.Reported, error) {
		return s.Activity.FinishSpan(ctx, who.scope(), in.id(), finish, who.reserve)
	})
}

// spanFinish reads the body of a request to finish a span.
func spanFinish(body *sentBody) (finish activity.SpanFinish, err error) {
	members, err := body.members(false)
	if err != nil {
		return finish, err
	}
	if err := body.checkKey(); err != nil {
		return finish, err
	}
	r := reader{members, fault.Fields{}}
	finish = activity.SpanFinish{
		At: r.time("timestamp"), Status: activity.Status(r.text("status")), Result: r.object("result_payload"), SensitiveEncoding: r.json("sensitive_encoding"),
	}
	return finish, r.wrong.Err()
}

// spanListing is the query of a list of spans.
type spanListing struct {
	Listing
	AgentInstanceID  string `query:"agent_instance_id" doc:"Required without an agent_id"`
	AgentID          string `query:"agent_id" doc:"Required without an agent_instance_id"`
	StartTime        string `query:"start_time" doc:"Spans that started then or later, such as 2027-01-31T12:00:00Z"`
	EndTime          string `query:"end_time" doc:"Spans that started then or earlier"`
	IncludeSummaries bool   `query:"include_summaries" doc:"Accepted and ignored: summary templates are not rendered"`
	IncludeRiskLevel bool   `query:"include_risk_level" doc:"Accepted and ignored: there are no risk profiles"`
}

func (s *Service) listSpans(ctx context.Context, who *caller, in *spanListing) (*many[AgentSpan], error) {
	wrong := fault.Fields{}
	filter := activity.SpanFilter{
		InstanceID: optionalID(wrong, "agent_instance_id", &in.AgentInstanceID), AgentID: optionalID(wrong, "agent_id", &in.AgentID),
		From: optionalTime(wrong, "start_time", in.StartTime), Until: optionalTime(wrong, "end_time", in.EndTime),
	}
	if in.AgentInstanceID == "" && in.AgentID == "" {
		wrong.Add("agent_instance_id", "is required without an agent_id")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if in.Sorting == "" && in.Field == "" { // a run is read from its start, an agent from its latest span
		in.Sorting = "started_at"
		if filter.InstanceID.IsZero() {
			in.Sorting = "-started_at"
		}
	}
	return listedUpTo(&in.Listing, spanOf)(s.Activity.Spans(ctx, who.scope(), filter, who.page(&in.Listing)))
}

// TestSpans is a request to create spans for trying things out.
type TestSpans struct {
	_               struct{} `additionalProperties:"true"`
	AgentInstanceID string   `json:"agent_instance_id"`
	Count           int      `json:"count,omitempty" minimum:"1" maximum:"100" default:"1"`
	ParentSpanID    *string  `json:"parent_span_id,omitempty" nullable:"true"`
}

// MadeSpans holds the created spans.
type MadeSpans struct {
	Spans []AgentSpan `json:"spans" nullable:"false"`
}

func (s *Service) createTestSpans(ctx context.Context, who *caller, in *whole[TestSpans]) (*one[MadeSpans], error) {
	wrong := fault.Fields{}
	instance := optionalID(wrong, "agent_instance_id", &in.Body.AgentInstanceID)
	parent := optionalID(wrong, "parent_span_id", in.Body.ParentSpanID)
	if instance.IsZero() && len(wrong) == 0 {
		wrong.Add("agent_instance_id", "is required")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	made, err := s.Activity.CreateTestSpans(ctx, who.scope(), instance, parent, in.Body.Count)
	if err != nil {
		return nil, err
	}
	list := MadeSpans{Spans: make([]AgentSpan, len(made))}
	for i, r := range made {
		list.Spans[i] = spanOf(r.Span)
	}
	return details(list), nil
}
