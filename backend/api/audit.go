package api

import (
	"bufio"
	"context"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/request"
	"tokentab/backend/text"
)

// AuditEvent is a recorded change of anything in the account.
type AuditEvent struct {
	Type             string    `json:"type" enum:"audit_event"`
	ID               string    `json:"id"`
	AccountID        string    `json:"account_id"`
	Action           action    `json:"action"`
	SubjectID        string    `json:"subject_id" doc:"What was changed"`
	SubjectName      *string   `json:"subject_name" doc:"null if it has no name, or is deleted now"`
	ActorKind        *string   `json:"actor_kind" enum:"admin_user,api_token,command_line,server,stranger" doc:"stranger is a client without an accepted credential; null for the command line and the server in events of earlier versions"`
	ActorAdminUserID *string   `json:"actor_admin_user_id"`
	ActorAPITokenID  *string   `json:"actor_api_token_id"`
	ActorName        *string   `json:"actor_name" doc:"null for the command line and the server, and for a token that is deleted now"`
	ActorAddress     *string   `json:"actor_address" doc:"null for the command line and the server"`
	RequestID        *string   `json:"request_id" doc:"The X-Request-Id of the response to the change"`
	Reason           *string   `json:"reason" doc:"Why, in the words of the actor"`
	Detail           *string   `json:"detail"`
	Times            int       `json:"times" doc:"How often it happened, if one event stands for several refusals of a minute; otherwise 1"`
	Sequence         int64     `json:"sequence" doc:"Number of the event in the account"`
	Hash             string    `json:"hash" doc:"SHA-256 over the event and the hash of the one before, in hexadecimal"`
	InsertedAt       Timestamp `json:"inserted_at"`
}

// action is an audit.Action in responses. Its schema names all, so that the page has words for each.
type action audit.Action

// Schema implements huma.SchemaProvider.
func (action) Schema(huma.Registry) *huma.Schema {
	all := make([]any, len(audit.Actions))
	for i, a := range audit.Actions {
		all[i] = string(a)
	}
	return &huma.Schema{Type: huma.TypeString, Enum: all, Examples: []any{string(audit.APITokenSuspended)}}
}

func auditEvent(e audit.Listed) AuditEvent {
	return AuditEvent{
		Type: "audit_event", ID: e.ID.String(), AccountID: e.Actor.AccountID.String(), Action: action(e.Action), SubjectID: e.Subject, SubjectName: orNull(e.SubjectName),
		ActorKind: orNull(string(e.Actor.KindIn(""))), Times: e.Times, ActorAdminUserID: idOrNull(e.Actor.AdminUserID), ActorAPITokenID: idOrNull(e.Actor.APITokenID), ActorName: orNull(e.ActorName),
		ActorAddress: orNull(e.Actor.Address), RequestID: orNull(e.Actor.RequestID), Reason: orNull(e.Actor.Reason), Detail: orNull(e.Detail),
		Sequence: e.Sequence, Hash: hex.EncodeToString(e.Hash), InsertedAt: Timestamp(e.At),
	}
}

var auditEventDetails = shown(auditEvent)

type listAuditEventsInput struct {
	Offset   int    `query:"pagination[offset]" minimum:"0" maximum:"1000000000" default:"0" doc:"Number of items to skip"`
	PageSize int    `query:"pagination[page_size]" minimum:"1" maximum:"100" default:"100" doc:"Largest number of items to return"`
	After    string `query:"pagination[after]" doc:"A next_cursor: the items that follow, instead of pagination[offset]"`
	AuditFilter
}

// AuditFilter selects events. All conditions must hold.
type AuditFilter struct {
	AccountID string   `query:"account_id" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	Action    []string `query:"action,explode" maxItems:"50" doc:"Only these actions, such as api_token.revoked, or kinds, such as api_token.*"`
	Actor     string   `query:"actor" doc:"Only changes of this actor: the id of an admin user or an API token, or command_line, server or stranger"`
	Subject   string   `query:"subject" doc:"Id: only changes of this"`
	Address   string   `query:"address" maxLength:"64" doc:"Only changes from this IP address, in any of its spellings"`
	From      string   `query:"from" doc:"RFC 3339: only changes at this time or later"`
	To        string   `query:"to" doc:"RFC 3339: only changes before this time"`
	Search    string   `query:"search" doc:"Part of any text or id of an event, or of the name or email behind an id, in any case; of other text than names, only ASCII letters. Each response looks at up to 5,000 events that match the other conditions. If there are more, next_cursor goes on with older ones, also if none was found"`
}

func (in *AuditFilter) filter() (f audit.Filter, err error) {
	if f.Actions, err = audit.ParseActions(in.Action); err != nil {
		return f, err
	}
	wrong := fault.Fields{}
	switch kind := audit.Kind(in.Actor); kind {
	case audit.CommandLine, audit.Server, audit.Stranger:
		f.Kind = kind
	default:
		f.Actor = optionalID(wrong, "actor", &in.Actor)
	}
	f.Address = optionalAddress(wrong, "address", in.Address)
	f.Subject = optionalID(wrong, "subject", &in.Subject).String()
	if f.Search = in.Search; utf8.RuneCountInString(in.Search) > longestSearch {
		wrong.Add("search", "must have at most %d characters", longestSearch)
	}
	if strings.ContainsRune(in.Search, 0) { // ends a pattern of SQLite, which would then find every event
		wrong.Add("search", "must not contain the character U+0000")
	}
	f.From, f.To = optionalTime(wrong, "from", in.From), optionalTime(wrong, "to", in.To)
	return f, wrong.Err()
}

// optionalAddress returns an IP address in the spelling of request.Source.Address.
func optionalAddress(wrong fault.Fields, field, text string) string {
	if text == "" {
		return ""
	}
	ip, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		wrong.Add(field, "must be an IP address such as 192.0.2.1")
	}
	return ip.Unmap().WithZone("").String()
}

func (s *Service) listAuditEvents(ctx context.Context, who *caller, in *listAuditEventsInput) (*many[AuditEvent], error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.After != "" && in.Offset != 0 {
		return nil, fault.Field("pagination[after]", "must be omitted if pagination[offset] is sent")
	}
	listing := Listing{Offset: in.Offset, PageSize: in.PageSize}
	page := listing.page()
	page.After = in.After
	found, err := s.Audit.Events(ctx, who.AccountID, filter, page)
	if err != nil {
		return nil, err
	}
	listing.Offset = found.Before
	out := summaries(found.Events, found.Total, &listing, auditEvent)
	at := &out.Body.Pagination
	at.ItemCountIsMinimum, at.NextCursor, at.SearchedTo = found.AtLeast, orNull(found.Next), OptionalTimestamp(found.SearchedTo)
	return out, nil
}

func (s *Service) getAuditEvent(ctx context.Context, who *caller, in *pathID) (*one[AuditEvent], error) {
	return auditEventDetails(s.Audit.Event(ctx, who.AccountID, in.id()))
}

const auditExportRoute = "/audit_event/export"

// maxExports is how many exports of an account may run at once. A client that reads slowly may take hours for one.
const maxExports = 2

// exportPlace is one of the places that an account has for its exports.
type exportPlace struct {
	account pfid.ID
	number  int
}

// takeExportPlace returns a free place, which the caller gives back, or fault.Unavailable.
func (s *Service) takeExportPlace(account pfid.ID) (exportPlace, error) {
	for number := range maxExports {
		place := exportPlace{account, number}
		if _, taken := s.exports.LoadOrStore(place, true); !taken {
			return place, nil
		}
	}
	return exportPlace{}, &fault.Error{Kind: fault.Unavailable, Message: "Too many exports of this account are running at once. Try again.", RetryAfter: 10 * time.Second}
}

func (s *Service) describeExport() {
	content := map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}}
	s.huma.OpenAPI().Paths[auditExportRoute].Get.Responses["200"] = &huma.Response{Description: "A line for each event, newest first, as tokentab audit export prints it. If the export fails, the connection ends early", Content: content}
}

// exportAuditEvents answers with all events that match, a few at a time.
func (s *Service) exportAuditEvents(_ context.Context, who *caller, in *AuditFilter) (*huma.StreamResponse, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	place, err := s.takeExportPlace(who.AccountID)
	if err != nil {
		return nil, err
	}
	c := who.request.Context()
	connected, done := request.WhileConnected(who.request.UserContext(), c)
	return &huma.StreamResponse{Body: func(huma.Context) {
		c.SetContentType("application/x-ndjson")
		c.Response.Header.Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
		c.Response.Header.Set("Cache-Control", "no-store, no-transform")
		held := &fasthttp.RequestHeader{} // the request's own may serve another one before the writer has noticed its end
		c.Request.Header.CopyTo(held)
		conn, _ := c.Conn().(Streamer)
		export := func(w *bufio.Writer) error {
			return s.Audit.ExportListed(connected, who.AccountID, filter, w, func() error {
				if conn != nil { // all events may take longer than a response may
					conn.Part()
				}
				return s.stillHolds(connected, who, held)
			})
		}
		answer.Stream(c, export, func() { done(); s.exports.Delete(place) })
	}}, nil
}

// stillHolds returns an error if the credential of the caller has ended.
func (s *Service) stillHolds(ctx context.Context, who *caller, h *fasthttp.RequestHeader) error {
	if who.State != nil {
		return s.Credentials.StillHeld(ctx, h)
	}
	_, ok, err := s.People.Glance(ctx, who.SessionID)
	if err == nil && !ok {
		err = fault.New(fault.NotAuthenticated, "The session has ended.")
	}
	return err
}

// longestReason is the longest reason of a change, in characters.
const longestReason = 500

// reasonBody is the body of a change that needs none but takes a reason, at the top or in details.
type reasonBody struct {
	_       struct{} `additionalProperties:"true"`
	Reason  string   `json:"reason,omitempty" doc:"Why, for the audit trail; at most 500 characters"`
	Details struct {
		_      struct{} `additionalProperties:"true"`
		Reason string   `json:"reason,omitempty" doc:"As above"`
	} `json:"details,omitempty"`
}

type suspendTokenInput struct {
	PathID
	Trying
	Body *reasonBody
}

// because returns the caller as the actor of a change with a reason.
func (c *caller) because(reasons ...string) (audit.Actor, error) {
	actor, wrong := c.Actor, fault.Fields{}
	for _, reason := range reasons {
		if reason != "" {
			actor.Reason = text.Line(wrong, "reason", reason, 0, longestReason)
		}
	}
	return actor, wrong.Err()
}
