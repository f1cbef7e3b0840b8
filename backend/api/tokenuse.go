package api

import (
	"context"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// rowDays is for how many days a token in a list shows its uses.
const rowDays = 30

// TokenUseSummary is how an API token was used, for its row.
type TokenUseSummary struct {
	FirstDay      string            `json:"first_day" format:"date" doc:"The UTC day of the first item of accepted and of refused. Successive days follow; the last one is today"`
	Accepted      []uint64          `json:"accepted" nullable:"false" doc:"Accepted validations on each of 30 days"`
	Refused       []uint64          `json:"refused" nullable:"false" doc:"Validations on each of 30 days that were refused because the token was suspended, revoked or expired"`
	LastRefusedAt OptionalTimestamp `json:"last_refused_at" doc:"null if never refused"`
	StillTried    bool              `json:"still_tried" doc:"Whether the token is suspended, revoked or expired, and was refused within the last 24 hours. Refusals of a replaced secret count too"`
	Secrets       *TokenSecretUses  `json:"secrets,omitempty" doc:"Uses of each secret since the last rotation; missing unless the token has two valid secrets"`
	LastInstance  *TokenInstance    `json:"last_instance,omitempty" doc:"The newest agent instance that the token registered; missing if there is none"`
}

// TokenInstance is an agent instance that a token registered.
type TokenInstance struct {
	ID         string    `json:"id"`
	AgentID    string    `json:"agent_id"`
	AgentName  string    `json:"agent_name"`
	InsertedAt Timestamp `json:"inserted_at"`
}

// TokenSecretUses are the accepted uses of each secret of a token that has two.
type TokenSecretUses struct {
	New TokenSecretUse `json:"new"`
	Old TokenSecretUse `json:"old"`
}

// TokenSecretUse is how one of two secrets was used since the rotation.
type TokenSecretUse struct {
	Accepted   uint64            `json:"accepted"`
	LastUsedAt OptionalTimestamp `json:"last_used_at" doc:"null if not used since the rotation"`
}

func secretUses(u *token.Usage, t *token.Listed) *TokenSecretUses {
	if t.OldSecret.EndsAt.IsZero() {
		return nil
	}
	uses := u.Secrets
	return &TokenSecretUses{
		New: TokenSecretUse{uses.Accepted, OptionalTimestamp(uses.Last())}, Old: TokenSecretUse{uses.OldAccepted, OptionalTimestamp(uses.LastOfOld())},
	}
}

func useSummary(u *token.Usage, t *token.Listed) *TokenUseSummary {
	days := u.LastDays(rowDays)
	return &TokenUseSummary{
		FirstDay: days.First.Format("2006-01-02"), Accepted: days.Accepted, Refused: days.Refused,
		LastRefusedAt: OptionalTimestamp(u.LastRefusedAt), StillTried: u.IsStillTried(&t.Token), Secrets: secretUses(u, t),
	}
}

// Including says what else a response holds.
type Including struct {
	Include string `query:"include" enum:"use," doc:"use adds how each token was used"`
}

// withUse returns tokens for a response, with their uses if they are wanted.
func (in *Including) withUse(ctx context.Context, s *Service, list []token.Listed) ([]APIToken, error) {
	shown := make([]APIToken, len(list))
	for i, t := range list {
		shown[i] = apiToken(t)
	}
	if in.Include != "use" {
		return shown, nil
	}
	usages, err := s.Tokens.Usages(ctx, list)
	if err != nil {
		return nil, err
	}
	ids := make([]pfid.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	latest, err := s.Activity.LatestInstances(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range usages {
		shown[i].Use = useSummary(&usages[i], &list[i])
		if last, ok := latest[ids[i]]; ok {
			shown[i].Use.LastInstance = &TokenInstance{last.ID.String(), last.AgentID.String(), last.AgentName, Timestamp(last.InsertedAt)}
		}
	}
	return shown, nil
}

// TokenUse is how an API token was used.
type TokenUse struct {
	Type       string        `json:"type" enum:"api_token_use"`
	APITokenID string        `json:"api_token_id"`
	Hours      TokenUseTimes `json:"hours" doc:"The last 48 hours"`
	Days       TokenUseTimes `json:"days" doc:"The last 90 UTC days"`
	TokenUseFacts
	StillTried   bool             `json:"still_tried" doc:"Whether the token is suspended, revoked or expired, and was refused within the last 24 hours. Refusals of a replaced secret count too"`
	Secrets      *TokenSecretUses `json:"secrets,omitempty" doc:"Uses of each secret since the last rotation; missing unless the token has two valid secrets"`
	CountedSince Timestamp        `json:"counted_since" doc:"Every validation since then is counted"`
	Accuracy     TokenUseAccuracy `json:"accuracy"`
}

// TokenUseTimes are the counts of successive hours or days, oldest first. The last one is not over.
type TokenUseTimes struct {
	First    Timestamp `json:"first" doc:"Start of the first hour or day"`
	Accepted []uint64  `json:"accepted" nullable:"false"`
	Refused  []uint64  `json:"refused" nullable:"false"`
}

// TokenUseFacts say who would notice that a token stops working.
type TokenUseFacts struct {
	LastUsedAt    OptionalTimestamp `json:"last_used_at" doc:"null if never used"`
	LastRefusedAt OptionalTimestamp `json:"last_refused_at" doc:"null if never refused"`
	LastHour      TokenUseTotal     `json:"last_hour"`
	LastDay       TokenUseTotal     `json:"last_day"`
	Addresses     []TokenUseAddress `json:"addresses" nullable:"false" doc:"The last client addresses, up to 8, newest first. Behind a trusted proxy, those of its clients"`
}

// TokenUseTotal counts the validations since an instant.
type TokenUseTotal struct {
	Since    Timestamp `json:"since" doc:"An hour or a day ago; the start of that clock hour if the token was used since, because counts are kept by the hour"`
	Accepted uint64    `json:"accepted"`
	Refused  uint64    `json:"refused"`
}

// TokenUseAddress is an address that used a token.
type TokenUseAddress struct {
	Address        string            `json:"address"`
	LastAcceptedAt OptionalTimestamp `json:"last_accepted_at" doc:"null if never accepted from here"`
	LastRefusedAt  OptionalTimestamp `json:"last_refused_at" doc:"null if never refused from here"`
}

// TokenUseAccuracy says which facts are exact.
type TokenUseAccuracy struct {
	Counts       string `json:"counts" enum:"exact" doc:"Each validation is counted once. A crash loses at most what the last flush had not written"`
	LastUses     string `json:"last_uses" enum:"exact"`
	Addresses    string `json:"addresses" enum:"sampled" doc:"Of the uses within one second, one accepted and one refused one leave their address. Introspections leave none"`
	SampledEvery int    `json:"sampled_every_seconds"`
}

func useFacts(u *token.Usage) TokenUseFacts {
	facts := TokenUseFacts{
		LastUsedAt: OptionalTimestamp(u.LastUsedAt), LastRefusedAt: OptionalTimestamp(u.LastRefusedAt),
		LastHour: useTotal(u.Within(1)), LastDay: useTotal(u.Within(24)), Addresses: []TokenUseAddress{},
	}
	for _, c := range u.Newest() {
		facts.Addresses = append(facts.Addresses, TokenUseAddress{c.Address.String(), OptionalTimestamp(c.Last()), OptionalTimestamp(c.LastRefused())})
	}
	return facts
}

func useTotal(t token.Total) TokenUseTotal {
	return TokenUseTotal{Timestamp(t.Since), t.Accepted, t.Refused}
}

func useTimes(s token.Series) TokenUseTimes {
	return TokenUseTimes{Timestamp(s.First), s.Accepted, s.Refused}
}

// usageOf returns a token of the caller's account and how it was used.
func (s *Service) usageOf(ctx context.Context, who *caller, id pfid.ID) (t token.Listed, usage token.Usage, err error) {
	if t, err = s.Tokens.Get(ctx, who.AccountID, id); err != nil {
		return t, usage, err
	}
	usages, err := s.Tokens.Usages(ctx, []token.Listed{t})
	if err != nil {
		return t, usage, err
	}
	return t, usages[0], nil
}

func (s *Service) getTokenUse(ctx context.Context, who *caller, in *pathID) (*one[TokenUse], error) {
	t, usage, err := s.usageOf(ctx, who, in.id())
	if err != nil {
		return nil, err
	}
	return details(TokenUse{
		Type: "api_token_use", APITokenID: t.ID.String(),
		Hours: useTimes(usage.LastHours(token.HistoryHours)), Days: useTimes(usage.LastDays(token.HistoryDays)),
		TokenUseFacts: useFacts(&usage), StillTried: usage.IsStillTried(&t.Token), Secrets: secretUses(&usage, &t), CountedSince: Timestamp(usage.Since),
		Accuracy: TokenUseAccuracy{Counts: "exact", LastUses: "exact", Addresses: "sampled", SampledEvery: 1},
	}), nil
}
