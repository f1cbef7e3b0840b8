package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Filter selects events of an account. All conditions must hold; the zero value of each holds for all events.
type Filter struct {
	Actions  []Action // one of these
	Actor    pfid.ID  // id of an admin user or an API token
	Kind     Kind     // of the actor: only CommandLine, Server and Stranger
	Subject  string
	Address  string
	From, To time.Time // written at From or later, and before To
	// Search is a part of any text of an event, of the ids in it, or of the name or email behind one of these, in any case.
	Search string
}

// Listed is an event with the names behind its ids.
type Listed struct {
	Event
	ActorName   string // empty for the command line, and if the actor is gone
	SubjectName string // empty if it has none, or is gone
}

// Found is one part of a list of events, newest first.
type Found struct {
	Events []Listed
	Before int // how many events of the list come before Events
	Total  int
	// AtLeast is set if the list may have more events than Total. All are counted up to the page's CountLimit, those of a
	// search up to the next one.
	AtLeast bool
	Next    string // for paging.Page.After; empty at the end
	// SearchedTo is the time of the oldest event that a search has looked at, if Next goes on with older ones. Zero if the
	// part is full, or at the end.
	SearchedTo time.Time
}

// Reader reads events.
type Reader interface {
	// Events returns one part of the events that match, newest first. It returns fault.Validation of pagination[after] if
	// that is not a Found.Next.
	Events(ctx context.Context, account pfid.ID, filter Filter, page paging.Page) (Found, error)
	// Event returns an event of the account, or fault.NotFound.
	Event(ctx context.Context, account, id pfid.ID) (Listed, error)
	// Chains returns the ids of all accounts that have or should have a chain, and the empty text for the installation.
	Chains(ctx context.Context) ([]string, error)
}

// Actions are all recorded actions.
var Actions = []Action{
	AccountCreated, AccountUpdated, AccountDeleted, AdminUserCreated, AdminUserUpdated, AdminUserRemoved, AdminUserRoleChanged, PasswordChanged,
	AdminUserInviteCreated, AdminUserInviteUsed, AdminUserInviteRevoked, SessionCreated, SessionEnded, EnvironmentCreated, EnvironmentUpdated,
	EnvironmentDeleted, AgentCreated, AgentUpdated, AgentRetired, AgentReinstated, AgentDeleted, AgentDeploymentCreated, AgentDeploymentUpdated,
	AgentDeploymentDeleted, AgentVersionCreated, SchemaVersionCreated, AgentInstanceTerminated, APITokenCreated, APITokenSuspended, APITokenActivated,
	APITokenRevoked, APITokenRotated, OldSecretEnded, OverlapCorrected, APITokenDeleted, WebhookCreated, WebhookUpdated, WebhookSecretReplaced, WebhookDeleted,
	SigningKeyCreated, SigningKeyWithdrawn, BackupRestored, RestoreReviewed, ChainStarted, DatabaseConfirmed, SessionRefused, PasswordRefused, APITokenRefused,
	RequestRefused,
}

// ParseActions returns the actions with these names. A name that ends with .* stands for all actions of a kind of resource,
// such as api_token.*. It returns fault.Validation of action for an unknown name.
func ParseActions(names []string) (found []Action, err error) {
	for _, name := range names {
		kind, isKind := strings.CutSuffix(name, "*")
		before := len(found)
		for _, action := range Actions {
			if string(action) == name || isKind && strings.HasSuffix(kind, ".") && strings.HasPrefix(string(action), kind) {
				found = append(found, action)
			}
		}
		if len(found) == before {
			return nil, fault.Field("action", "must be an action such as api_token.revoked, or a kind such as api_token.*")
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
