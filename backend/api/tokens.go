package api

import (
	"context"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// APIToken is an API token in responses. It never holds the secret.
type APIToken struct {
	Type                   string            `json:"type" enum:"api_token"`
	ID                     string            `json:"id"`
	AccountID              string            `json:"account_id"`
	Name                   *string           `json:"name"`
	Hint                   string            `json:"hint" doc:"The last four characters of the secret"`
	TokenScope             string            `json:"token_scope" enum:"account,environment,agent_deployment"`
	TokenRole              string            `json:"token_role,omitempty" enum:"manage,read" doc:"What an account token may do: manage is everything, read is every GET that shows no secret. Left out for other scopes"`
	Status                 string            `json:"status" enum:"active,suspended,revoked"`
	AgentDeploymentID      *string           `json:"agent_deployment_id"`
	AgentID                *string           `json:"agent_id"`
	AgentName              *string           `json:"agent_name"`
	AgentRetired           bool              `json:"agent_retired" doc:"Whether its agent is retired. Such a token can't be activated"`
	EnvironmentID          *string           `json:"environment_id"`
	EnvironmentName        *string           `json:"environment_name"`
	CreatedByAdminUserID   *string           `json:"created_by_admin_user_id"`
	CreatedByAPITokenID    *string           `json:"created_by_api_token_id"`
	CreatedByName          *string           `json:"created_by_name" doc:"null if created on the command line"`
	ExpiresAt              Timestamp         `json:"expires_at"`
	RevokedAt              OptionalTimestamp `json:"revoked_at" doc:"null unless revoked"`
	RevokedByAdminUserID   *string           `json:"revoked_by_admin_user_id"`
	RevokedByAPITokenID    *string           `json:"revoked_by_api_token_id" doc:"The token's own id if its holder revoked it"`
	RevokedByName          *string           `json:"revoked_by_name" doc:"null if revoked on the command line, or by a token that is deleted now"`
	RevokedReason          *string           `json:"revoked_reason" doc:"The reason given with the revoke; null if there was none"`
	SuspendedAt            OptionalTimestamp `json:"suspended_at" doc:"null unless suspended"`
	SuspendedByAdminUserID *string           `json:"suspended_by_admin_user_id"`
	SuspendedByAPITokenID  *string           `json:"suspended_by_api_token_id"`
	SuspendedByName        *string           `json:"suspended_by_name" doc:"null if suspended on the command line, or by a token that is deleted now"`
	SuspendedReason        *string           `json:"suspended_reason" doc:"The reason given with the suspend; null if there was none"`
	LastUsedAt             OptionalTimestamp `json:"last_used_at" doc:"Time of the last accepted validation, accurate to 5 seconds; null if never used"`
	RotatedAt              OptionalTimestamp `json:"rotated_at" doc:"When its secret replaced another one; null for the first secret"`
	OldSecret              *OldSecret        `json:"old_secret,omitempty" doc:"The replaced secret; left out unless it is still valid"`
	InsertedAt             Timestamp         `json:"inserted_at"`
	UpdatedAt              Timestamp         `json:"updated_at"`
	AvailableActions       tokenActions      `json:"available_actions"`
	Use                    *TokenUseSummary  `json:"use,omitempty" doc:"Only with include=use"`
}

type tokenActions struct {
	Suspend  bool `json:"suspend"`
	Activate bool `json:"activate"`
	Revoke   bool `json:"revoke"`
	Rotate   bool `json:"rotate"`
	Delete   bool `json:"delete"`
}

func apiToken(t token.Listed) APIToken {
	var revoked, suspended token.StatusChange
	switch t.Status {
	case token.Revoked:
		revoked = t.Changed
	case token.Suspended:
		suspended = t.Changed
	}
	return APIToken{
		Type: "api_token", ID: t.ID.String(), AccountID: t.AccountID.String(), Name: orNull(t.Name), Hint: t.Hint,
		TokenScope: t.Scope.String(), TokenRole: roleOf(t), Status: t.Status.String(),
		AgentDeploymentID: idOrNull(t.AgentDeploymentID), AgentID: idOrNull(t.AgentID), AgentName: orNull(t.AgentName), AgentRetired: t.AgentRetired,
		EnvironmentID: idOrNull(t.EnvironmentID), EnvironmentName: orNull(t.EnvironmentName),
		CreatedByAdminUserID: idOrNull(t.CreatedByAdminUserID), CreatedByAPITokenID: idOrNull(t.CreatedByAPITokenID),
		CreatedByName: orNull(t.CreatedByName),
		RevokedAt:     OptionalTimestamp(revoked.At), RevokedByAdminUserID: idOrNull(revoked.AdminUserID), RevokedByAPITokenID: idOrNull(revoked.APITokenID),
		RevokedByName: orNull(revoked.ByName), RevokedReason: orNull(revoked.Reason),
		SuspendedAt: OptionalTimestamp(suspended.At), SuspendedByAdminUserID: idOrNull(suspended.AdminUserID), SuspendedByAPITokenID: idOrNull(suspended.APITokenID),
		SuspendedByName: orNull(suspended.ByName), SuspendedReason: orNull(suspended.Reason),
		ExpiresAt: Timestamp(t.ExpiresAt), LastUsedAt: OptionalTimestamp(t.LastUsedAt),
		RotatedAt: OptionalTimestamp(t.RotatedAt), OldSecret: oldSecret(t.OldSecret), InsertedAt: Timestamp(t.InsertedAt), UpdatedAt: Timestamp(t.UpdatedAt), AvailableActions: tokenActions(t.Actions()),
	}
}

// roleOf returns the role of an account token; empty for others.
func roleOf(t token.Listed) string {
	if t.Scope != token.ScopeAccount {
		return ""
	}
	return t.Role.String()
}

// NewAPIToken is a request to create a token.
type NewAPIToken struct {
	_             struct{}   `additionalProperties:"true"`
	TokenScope    string     `json:"token_scope" enum:"account,environment,agent_deployment"`
	TokenRole     *string    `json:"token_role,omitempty" nullable:"true" doc:"manage, the default, or read; only for the scope account"`
	AccountID     *string    `json:"account_id,omitempty" nullable:"true" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	AgentID       *string    `json:"agent_id,omitempty" nullable:"true" doc:"Required for the scope agent_deployment"`
	EnvironmentID *string    `json:"environment_id,omitempty" nullable:"true" doc:"Required for the scopes environment and agent_deployment"`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"RFC 3339; the default lifetime if empty"`
	ExpiresIn     *int64     `json:"expires_in,omitempty" nullable:"true" minimum:"1" maximum:"1000000000" doc:"Seconds from now by the server's clock, instead of expires_at"`
	Name          *string    `json:"name,omitempty" nullable:"true" doc:"Up to 100 characters"`
}

// CreatedAPIToken is the response to creating and to rotating a token. No other holds a secret.
type CreatedAPIToken struct {
	Status  string   `json:"status" enum:"success"`
	Details APIToken `json:"details"`
	Token   string   `json:"token,omitempty" doc:"The secret, shown only once; omitted if an idempotency key repeats the response"`
}

func (s *Service) createToken(ctx context.Context, who *caller, in *ordered[NewAPIToken]) (*whole[CreatedAPIToken], error) {
	if err := s.mayGetSecret(who, pfid.ID{}); err != nil {
		return nil, err
	}
	asked := in.Body.Details
	wrong := fault.Fields{}
	order := token.Order{
		AgentID: optionalID(wrong, "agent_id", asked.AgentID), EnvironmentID: optionalID(wrong, "environment_id", asked.EnvironmentID),
		Name: optionalText(asked.Name),
	}
	if role := optionalText(asked.TokenRole); role != "" {
		var known bool
		if order.Role, known = token.ParseRole(role); !known {
			wrong.Add("token_role", "must be manage or read")
		}
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	order.Scope, _ = token.ParseScope(asked.TokenScope)
	var err error
	if order.ExpiresAt, order.Lifetime, err = expiryAsked(asked.ExpiresAt, asked.ExpiresIn); err != nil {
		return nil, err
	}
	made, secret, err := s.Tokens.Issue(ctx, who.Actor, order)
	if err != nil {
		return nil, err
	}
	return &whole[CreatedAPIToken]{Body: CreatedAPIToken{Status: "success", Details: apiToken(made), Token: secret}}, nil
}

// mayGetSecret refuses an API token that asks for the secret of another token, a new one if id is zero, unless the server
// allows that.
func (s *Service) mayGetSecret(who *caller, id pfid.ID) error {
	if who.State == nil || who.APITokenID == id || s.TokensMayCreateTokens {
		return nil
	}
	return fault.New(fault.NotPermitted, "On this server, API tokens can't create API tokens or rotate others (--tokens-may-create-tokens). Sign in, or run tokentab token create on its machine.")
}

type getTokenInput struct {
	PathID
	Including
}

func (s *Service) getToken(ctx context.Context, who *caller, in *getTokenInput) (*one[APIToken], error) {
	t, err := s.Tokens.Get(ctx, who.AccountID, in.id())
	if err != nil {
		return nil, err
	}
	shown, err := in.withUse(ctx, s, []token.Listed{t})
	if err != nil {
		return nil, err
	}
	return details(shown[0]), nil
}

func (s *Service) suspendToken(ctx context.Context, who *caller, in *suspendTokenInput) (*whole[ChangedAPIToken], error) {
	actor := who.Actor
	if in.Body != nil {
		var err error
		if actor, err = who.because(in.Body.Reason, in.Body.Details.Reason); err != nil {
			return nil, err
		}
	}
	return s.changeToken(ctx, actor, &tryableInput{in.PathID, in.Trying}, token.ToSuspend, s.Tokens.Suspend)
}

func (s *Service) activateToken(ctx context.Context, who *caller, in *pathID) (*one[APIToken], error) {
	return tokenDetails(s.Tokens.Activate(ctx, who.Actor, in.id()))
}

// revokeTokenInput accepts with_descendants in every place that clients use: the query, details (the page), or the top
// of the body (bulk items). An overlooked one would leave tokens active.
type revokeTokenInput struct {
	PathID
	Trying
	WithDescendants bool `query:"with_descendants" doc:"Also revoke the tokens that it created, directly or through other tokens"`
	Body            *struct {
		_               struct{} `additionalProperties:"true"`
		WithDescendants bool     `json:"with_descendants,omitempty" doc:"As in the query"`
		Reason          string   `json:"reason,omitempty" doc:"Why, for the audit trail; at most 500 characters"`
		Details         struct {
			_               struct{} `additionalProperties:"true"`
			WithDescendants bool     `json:"with_descendants,omitempty" doc:"As in the query"`
			Reason          string   `json:"reason,omitempty" doc:"As above"`
		} `json:"details,omitempty"`
	}
}

func (in *revokeTokenInput) withDescendants() bool {
	return in.WithDescendants || in.Body != nil && (in.Body.WithDescendants || in.Body.Details.WithDescendants)
}

// RevokedAPIToken is a revoked token, and how many tokens were revoked with it.
type RevokedAPIToken struct {
	Status                 string       `json:"status" enum:"success"`
	Details                APIToken     `json:"details"`
	RevokedDescendantCount int          `json:"revoked_descendant_count" doc:"Number of live tokens that with_descendants revoked, or would revoke, without this one"`
	DryRun                 *TokenDryRun `json:"dry_run,omitempty" doc:"Only with dry_run"`
}

func (s *Service) revokeToken(ctx context.Context, who *caller, in *revokeTokenInput) (*whole[RevokedAPIToken], error) {
	var t token.Listed
	var descendants int
	actor, err := who.Actor, error(nil)
	if in.Body != nil {
		if actor, err = who.because(in.Body.Reason, in.Body.Details.Reason); err != nil {
			return nil, err
		}
	}
	switch {
	case in.withDescendants() && in.DryRun:
		t, descendants, err = s.Tokens.PreviewRevokeWithDescendants(ctx, actor, in.id())
	case in.withDescendants():
		t, descendants, err = s.Tokens.RevokeWithDescendants(ctx, actor, in.id())
	case in.DryRun:
		t, err = s.Tokens.Preview(ctx, actor, in.id(), token.ToRevoke)
	default:
		t, err = s.Tokens.Revoke(ctx, actor, in.id())
	}
	if err != nil {
		return nil, err
	}
	out := &whole[RevokedAPIToken]{Body: RevokedAPIToken{Status: "success", Details: apiToken(t), RevokedDescendantCount: descendants}}
	if in.DryRun {
		out.Body.DryRun, err = s.dryRun(ctx, t)
	}
	return out, err
}

func (s *Service) deleteToken(ctx context.Context, who *caller, in *tryableInput) (*whole[ChangedAPIToken], error) {
	return s.changeToken(ctx, who.Actor, in, token.ToDelete, s.Tokens.Delete)
}

var tokenDetails = shown(apiToken)
