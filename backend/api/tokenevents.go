package api

import (
	"context"

	"tokentab/backend/token"
)

// TokenEvent is a recorded change of an API token.
type TokenEvent struct {
	Type             string    `json:"type" enum:"api_token_event"`
	ID               string    `json:"id"`
	Action           action    `json:"action"`
	Detail           *string   `json:"detail"`
	ActorKind        *string   `json:"actor_kind" enum:"admin_user,api_token,command_line,server,stranger" doc:"null for the command line and the server in events of earlier versions"`
	ActorAdminUserID *string   `json:"actor_admin_user_id"`
	ActorAPITokenID  *string   `json:"actor_api_token_id" doc:"The token's own id if its holder made the change"`
	ActorName        *string   `json:"actor_name" doc:"null for the command line, and for a token that is deleted now"`
	ActorAddress     *string   `json:"actor_address" doc:"null for the command line"`
	RequestID        *string   `json:"request_id" doc:"The X-Request-Id of the response to the change"`
	Reason           *string   `json:"reason" doc:"Why, in the words of the actor"`
	InsertedAt       Timestamp `json:"inserted_at"`
}

func tokenEvent(e token.Event) TokenEvent {
	return TokenEvent{
		Type: "api_token_event", ID: e.ID.String(), Action: action(e.Action), Detail: orNull(e.Detail),
		ActorKind: orNull(string(e.Actor.KindIn(""))), ActorAdminUserID: idOrNull(e.Actor.AdminUserID), ActorAPITokenID: idOrNull(e.Actor.APITokenID),
		ActorName: orNull(e.ActorName), ActorAddress: orNull(e.Actor.Address),
		RequestID: orNull(e.Actor.RequestID), Reason: orNull(e.Actor.Reason), InsertedAt: Timestamp(e.At),
	}
}

type listTokenEventsInput struct {
	PathID
	Listing
}

func (s *Service) listTokenEvents(ctx context.Context, who *caller, in *listTokenEventsInput) (*many[TokenEvent], error) {
	return listed(&in.Listing, tokenEvent)(s.Tokens.Events(ctx, who.AccountID, in.id(), in.page()))
}
