package api

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"tokentab/backend/fault"
	"tokentab/backend/token"
)

// TokenFilter selects tokens. All conditions must hold.
type TokenFilter struct {
	AccountID      string `query:"account_id" json:"account_id,omitempty" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	Search         string `query:"search" json:"search,omitempty" doc:"Part of the token's name or id, its last four characters, or part of the name of its agent, environment or creator, in any case. Parts of ids must have at least 6 characters, or 7 without a digit"`
	State          string `query:"state" json:"state,omitempty" enum:"active,suspended,expired,revoked," doc:"As status, but an active or suspended token whose expires_at has passed is expired"`
	Status         string `query:"status" json:"status,omitempty" enum:"active,suspended,revoked,"`
	TokenScope     string `query:"token_scope" json:"token_scope,omitempty" enum:"account,environment,agent_deployment,"`
	TokenRole      string `query:"token_role" json:"token_role,omitempty" enum:"manage,read," doc:"Only account tokens with this role"`
	AgentID        string `query:"agent_id" json:"agent_id,omitempty"`
	EnvironmentID  string `query:"environment_id" json:"environment_id,omitempty"`
	CreatedBy      string `query:"created_by_admin_user_id" json:"created_by_admin_user_id,omitempty"`
	CreatedByToken string `query:"created_by_api_token_id" json:"created_by_api_token_id,omitempty"`
	CreatorLeft    bool   `query:"creator_left" json:"creator_left,omitempty" doc:"Only tokens whose creator was removed from the account"`
	DescendantsOf  string `query:"descendants_of" json:"descendants_of,omitempty" doc:"Id of an API token: only tokens that it created, directly or through other tokens"`
	Live           bool   `query:"live" json:"live,omitempty" doc:"Only active and suspended tokens that have not expired"`
	ExpiresWithin  int64  `query:"expires_within" json:"expires_within,omitempty" minimum:"1" maximum:"1000000000" doc:"Seconds: only live tokens that expire within this time"`
	UnusedFor      int64  `query:"unused_for" json:"unused_for,omitempty" minimum:"1" maximum:"1000000000" doc:"Seconds: only tokens that were neither created nor used within this time"`
	NeverUsed      bool   `query:"never_used" json:"never_used,omitempty"`
	CreatedAfter   string `query:"created_after" json:"created_after,omitempty" doc:"RFC 3339: only tokens created at this time or later"`
	CreatedBefore  string `query:"created_before" json:"created_before,omitempty" doc:"RFC 3339: only tokens created before this time"`
}

// longestSearch is the longest text to search for, in characters.
const longestSearch = 200

func (in *TokenFilter) filter() (token.Filter, error) {
	wrong := fault.Fields{}
	f := token.Filter{
		AgentID: optionalID(wrong, "agent_id", &in.AgentID), EnvironmentID: optionalID(wrong, "environment_id", &in.EnvironmentID),
		CreatedByAdminUserID: optionalID(wrong, "created_by_admin_user_id", &in.CreatedBy),
		CreatedByAPITokenID:  optionalID(wrong, "created_by_api_token_id", &in.CreatedByToken),
		DescendantsOf:        optionalID(wrong, "descendants_of", &in.DescendantsOf),
		CreatorLeft:          in.CreatorLeft, Live: in.Live, NeverUsed: in.NeverUsed,
		ExpiresWithin: time.Duration(in.ExpiresWithin) * time.Second, UnusedFor: time.Duration(in.UnusedFor) * time.Second,
		CreatedAfter: optionalTime(wrong, "created_after", in.CreatedAfter), CreatedBefore: optionalTime(wrong, "created_before", in.CreatedBefore),
	}
	// Other text than names may hold finds nothing. It comes up while people type.
	if f.Search = in.Search; utf8.RuneCountInString(in.Search) > longestSearch {
		wrong.Add("search", "must have at most %d characters", longestSearch)
	}
	f.Scope, _ = token.ParseScope(in.TokenScope)
	f.Role, _ = token.ParseRole(in.TokenRole)
	f.Status, _ = token.ParseStatus(in.Status)
	switch state, isStatus := token.ParseStatus(in.State); {
	case in.State == "expired":
		f.Expired = true
	case isStatus && f.Status != 0 && f.Status != state:
		wrong.Add("state", "must not differ from status")
	case isStatus:
		f.Status, f.Unexpired = state, state != token.Revoked
	}
	return f, wrong.Err()
}

// optionalTime reads an optional time. A + in a query that is not encoded arrives as a space. It adds an error to wrong if the text
// is no RFC 3339 time, or if the time can't be written as one in UTC: its year has four digits there, too.
func optionalTime(wrong fault.Fields, field, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
	if year := at.UTC().Year(); err != nil || year < 1 || year > 9999 || at.IsZero() {
		wrong.Add(field, "must be a time such as 2026-01-31T00:00:00Z")
	}
	return at
}

type listTokensInput struct {
	Listing
	After string `query:"pagination[after]" doc:"A next_cursor: the items that follow, instead of pagination[offset]"`
	TokenFilter
	Including
}

func (s *Service) listTokens(ctx context.Context, who *caller, in *listTokensInput) (*many[APIToken], error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.After != "" && in.Offset != 0 {
		return nil, fault.Field("pagination[after]", "must be omitted if pagination[offset] is sent")
	}
	page := in.page()
	page.After = in.After
	found, err := s.Tokens.List(ctx, who.AccountID, filter, page)
	if err != nil {
		return nil, err
	}
	if in.After != "" {
		in.Offset = found.Before
	}
	shown, err := in.withUse(ctx, s, found.Tokens)
	if err != nil {
		return nil, err
	}
	list := summaries(shown, found.Total, &in.Listing, func(t APIToken) APIToken { return t })
	list.Body.Pagination.NextCursor = orNull(found.Next)
	return list, nil
}

// TokenSummary counts tokens by what needs attention. A token may count several times.
type TokenSummary struct {
	Type      string `json:"type" enum:"api_token_summary"`
	ItemCount int    `json:"item_count" doc:"All of them: active, suspended, expired and revoked"`
	Active    int    `json:"active" doc:"state=active"`
	Suspended int    `json:"suspended" doc:"state=suspended"`
	Expired   int    `json:"expired" doc:"state=expired"`
	Revoked   int    `json:"revoked" doc:"state=revoked"`
	Expiring  int    `json:"expiring" doc:"Live tokens that expire within 14 days: expires_within=1209600"`
	Unused    int    `json:"unused" doc:"Live tokens that were neither created nor used for 90 days: live=true and unused_for=7776000"`
}

func (s *Service) summarizeTokens(ctx context.Context, who *caller, in *TokenFilter) (*one[TokenSummary], error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	sum, err := s.Tokens.Summarize(ctx, who.AccountID, filter)
	if err != nil {
		return nil, err
	}
	return details(TokenSummary{
		Type: "api_token_summary", ItemCount: sum.Total, Active: sum.Active, Suspended: sum.Suspended, Expired: sum.Expired, Revoked: sum.Revoked,
		Expiring: sum.Expiring, Unused: sum.Unused,
	}), nil
}
