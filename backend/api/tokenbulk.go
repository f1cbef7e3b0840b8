package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// tokenBulkRoute is the path of bulk changes of tokens.
const tokenBulkRoute = "/api_token/bulk"

// TokenBulk is a request to change many tokens. Unknown members are refused: ignoring a condition of the filter would
// change more tokens than asked for.
type TokenBulk struct {
	Action         string       `json:"action" enum:"suspend,activate,revoke,delete"`
	IDs            []string     `json:"ids,omitempty" minItems:"1" maxItems:"500" nullable:"false" doc:"Ids of API tokens, instead of a filter"`
	Filter         *TokensMeant `json:"filter,omitempty" doc:"Conditions as in the query of GET /api_token, instead of ids. Conditions that are empty, null or false are refused. An empty object means all tokens of the account"`
	After          *string      `json:"after,omitempty" nullable:"true" doc:"With a filter: next of the response to the batch before"`
	Reason         string       `json:"reason,omitempty" doc:"Why, for the audit trail; at most 500 characters. Only for suspend and revoke"`
	DryRun         bool         `json:"dry_run,omitempty" doc:"Count only, and change nothing"`
	AccountID      *string      `json:"account_id,omitempty" nullable:"true" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	IdempotencyKey *string      `json:"idempotency_key,omitempty" nullable:"true"`
}

// TokensMeant is a TokenFilter that remembers which conditions were sent without a value. In a list they match all tokens.
// In a bulk change an unset variable of a script must not match every token.
type TokensMeant struct {
	TokenFilter
	void []string
}

// UnmarshalJSON implements json.Unmarshaler.
func (in *TokensMeant) UnmarshalJSON(text []byte) error {
	var sent map[string]any
	if err := json.Unmarshal(text, &sent); err != nil {
		return err
	}
	for name, value := range sent {
		word, isText := value.(string)
		if name != "account_id" && (value == nil || value == false || isText && strings.TrimLeft(strings.TrimSpace(word), "…") == "") {
			in.void = append(in.void, name)
		}
	}
	return json.Unmarshal(text, &in.TokenFilter)
}

// TokenBulkResult says what a bulk change did to one batch of up to 500 tokens. The counts are from before the change. They
// cover all tokens with the ids, or all that match the filter from after on. Ids that the account does not have don't count.
type TokenBulkResult struct {
	Type       string             `json:"type" enum:"api_token_bulk"`
	Matched    int                `json:"matched" doc:"Tokens that the request covers: active, suspended, expired and revoked ones"`
	Active     int                `json:"active"`
	Suspended  int                `json:"suspended"`
	Expired    int                `json:"expired" doc:"Active or suspended, but their expires_at has passed"`
	Revoked    int                `json:"revoked"`
	Applicable int                `json:"applicable" doc:"Matched tokens that the action applies to"`
	UsedInHour *int               `json:"used_last_hour,omitempty" doc:"Matched tokens whose last use is less than an hour ago; only for a dry run"`
	UsedInDay  *int               `json:"used_last_day,omitempty" doc:"Matched tokens whose last use is less than 24 hours ago; only for a dry run"`
	Results    []TokenBulkOutcome `json:"results" nullable:"false" doc:"One for each token of this batch, in order of their ids. Empty for a dry run"`
	Done       int                `json:"done" doc:"Results with the outcome done"`
	Skipped    int                `json:"skipped" doc:"Results with the outcome skipped"`
	Next       *string            `json:"next" doc:"With a filter: after of the request for the next batch; null at the end, and for a dry run"`
}

// TokenBulkOutcome is what a bulk change did to one token.
type TokenBulkOutcome struct {
	ID      string  `json:"id"`
	Outcome string  `json:"outcome" enum:"done,skipped"`
	Reason  *string `json:"reason" doc:"Why it was skipped, for programs: already_active, already_suspended, already_revoked, agent_retired, not_revoked, no_longer_matches or not_found; null if it was not"`
	Message *string `json:"message" doc:"Why it was skipped, for people; null if it was not"`
}

func (s *Service) changeTokens(ctx context.Context, who *caller, in *ordered[TokenBulk]) (*one[TokenBulkResult], error) {
	bulk, err := in.Body.Details.bulk(who)
	if err != nil {
		return nil, err
	}
	actor, err := who.because(in.Body.Details.Reason)
	if err == nil && actor.Reason != "" && bulk.Action != token.ToSuspend && bulk.Action != token.ToRevoke {
		err = fault.Field("reason", "must be omitted unless the action is suspend or revoke")
	}
	if err != nil {
		return nil, err
	}
	change := s.Tokens.ChangeMany
	if in.Body.Details.DryRun {
		change = s.Tokens.PreviewMany
	}
	result, err := change(ctx, actor, bulk)
	if err != nil {
		return nil, err
	}
	answer := tokenBulkResult(result)
	if in.Body.Details.DryRun {
		answer.UsedInHour, answer.UsedInDay = &result.UsedInHour, &result.UsedInDay
	}
	return details(answer), nil
}

func (in *TokenBulk) bulk(who *caller) (b token.Bulk, err error) {
	wrong := fault.Fields{}
	b.Action, _ = token.ParseAction(in.Action)
	for i := range in.IDs {
		field := fmt.Sprintf("ids[%d]", i)
		if in.IDs[i] == "" {
			wrong.Add(field, "must be an id: 32 lower-case characters")
		}
		b.IDs = append(b.IDs, optionalID(wrong, field, &in.IDs[i]))
	}
	slices.SortFunc(b.IDs, pfid.Compare)
	b.IDs = slices.Compact(b.IDs)
	b.After = optionalID(wrong, "after", in.After)
	switch {
	case in.Filter != nil && in.IDs != nil:
		wrong.Add("filter", "must be omitted if ids is sent")
	case in.Filter != nil:
		if err := who.own(in.Filter.AccountID); err != nil {
			return b, err
		}
		filter, err := in.Filter.filter()
		if refused, ok := errors.AsType[*fault.Error](err); ok {
			for field, complaints := range refused.Fields {
				wrong["filter."+field] = complaints
			}
		}
		for _, name := range in.Filter.void {
			wrong["filter."+name] = []string{"must have a value, or be omitted to accept any"}
		}
		b.Filter = &filter
	case in.IDs == nil:
		wrong.Add("ids", "is required unless filter is sent; an empty filter means all tokens")
	case !b.After.IsZero():
		wrong.Add("after", "must be omitted if ids is sent")
	}
	return b, wrong.Err()
}

func tokenBulkResult(r token.BulkResult) TokenBulkResult {
	shown := TokenBulkResult{
		Type: "api_token_bulk", Matched: r.Before.Total, Active: r.Before.Active, Suspended: r.Before.Suspended, Expired: r.Before.Expired,
		Revoked: r.Before.Revoked, Applicable: r.Applicable, Results: make([]TokenBulkOutcome, len(r.Outcomes)), Next: idOrNull(r.Next),
	}
	for i, o := range r.Outcomes {
		to := &shown.Results[i]
		*to = TokenBulkOutcome{ID: o.ID.String(), Outcome: "done", Reason: orNull(o.Skipped.Code), Message: orNull(o.Skipped.Message)}
		if to.Reason != nil {
			to.Outcome = "skipped"
			shown.Skipped++
		} else {
			shown.Done++
		}
	}
	return shown
}

// prepareTokens fills the index that a bulk change with a filter needs. It comes before the transaction of a request with
// an idempotency key, because other changes wait for that.
func (s *Service) prepareTokens(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Context().Value(callerKey{}).(*caller)
	var asked struct {
		Details struct {
			Filter json.RawMessage `json:"filter"`
		} `json:"details"`
	}
	if json.Unmarshal(who.request.Body(), &asked) == nil && asked.Details.Filter != nil {
		if err := s.Tokens.Prepare(ctx.Context(), who.AccountID); err != nil {
			s.answerHuma(ctx, err)
			return
		}
	}
	next(ctx)
}
