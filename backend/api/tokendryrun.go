package api

import (
	"context"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// Trying says whether a change of a token is only tried.
type Trying struct {
	DryRun bool `query:"dry_run" doc:"Change nothing, and show who would notice. The errors are those of the change"`
}

type tryableInput struct {
	PathID
	Trying
}

// TokenDryRun says who would notice a change of an API token.
type TokenDryRun struct {
	TokenUseFacts
}

// ChangedAPIToken is an API token after a change; for a dry run, as it is.
type ChangedAPIToken struct {
	Status  string       `json:"status" enum:"success"`
	Details APIToken     `json:"details"`
	DryRun  *TokenDryRun `json:"dry_run,omitempty" doc:"Only with dry_run"`
}

func (s *Service) changeToken(ctx context.Context, actor audit.Actor, in *tryableInput, action token.Action, change func(context.Context, audit.Actor, pfid.ID) (token.Listed, error)) (*whole[ChangedAPIToken], error) {
	if in.DryRun {
		change = func(ctx context.Context, actor audit.Actor, id pfid.ID) (token.Listed, error) {
			return s.Tokens.Preview(ctx, actor, id, action)
		}
	}
	t, err := change(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	out := &whole[ChangedAPIToken]{Body: ChangedAPIToken{Status: "success", Details: apiToken(t)}}
	if in.DryRun {
		out.Body.DryRun, err = s.dryRun(ctx, t)
	}
	return out, err
}

func (s *Service) dryRun(ctx context.Context, t token.Listed) (*TokenDryRun, error) {
	usages, err := s.Tokens.Usages(ctx, []token.Listed{t})
	if err != nil {
		return nil, err
	}
	return &TokenDryRun{useFacts(&usages[0])}, nil
}
