package agent

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Reader reads deployments and versions.
type Reader interface {
	// Deployment returns one deployment of the account, or fault.NotFound.
	Deployment(ctx context.Context, account, id pfid.ID) (ListedDeployment, error)
	// Deployments returns one page of the account's deployments that match the filter, and their total number.
	Deployments(ctx context.Context, account pfid.ID, filter DeploymentFilter, page paging.Page) ([]ListedDeployment, int, error)
	// Version returns one version of the account, or fault.NotFound.
	Version(ctx context.Context, account, id pfid.ID) (ListedVersion, error)
	// Versions returns one page of an agent's versions, and their total number. It returns fault.NotFound if the
	// agent does not exist.
	Versions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedVersion, int, error)
	// SchemaVersion and SchemaVersions do the same for schema versions.
	SchemaVersion(ctx context.Context, account, id pfid.ID) (ListedSchemaVersion, error)
	SchemaVersions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedSchemaVersion, int, error)
}

// Store keeps agents. It writes each change together with its events in one transaction. Tokens that move along have
// their new status from then on; if there are very many, their rows and events follow later.
type Store interface {
	Reader
	// InsertAgent writes an agent. It returns fault.Validation if the external identifier or id is taken.
	InsertAgent(ctx context.Context, a Agent, recorder audit.Recorder) error
	// Agent returns one agent of the account, or fault.NotFound.
	Agent(ctx context.Context, account, id pfid.ID) (Agent, error)
	// AgentByExternalIdentifier is like Agent, by external identifier.
	AgentByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (Agent, error)
	// Agents returns one page of the account's agents that the search finds, and their total number. An empty search finds
	// all. For sorting by status, agents last seen from activeSince to activeUntil count as active.
	Agents(ctx context.Context, account pfid.ID, search string, page paging.Page, activeSince, activeUntil time.Time) ([]Agent, int, error)
	// ChangeAgent reads the agent, lets decide change or refuse it, and writes it with the side effects in Change. It
	// returns how many tokens move.
	ChangeAgent(ctx context.Context, account, id pfid.ID, decide func(*Agent) (Change, error), recorder audit.Recorder) (Agent, int, error)
	// DeleteAgent reads the agent, lets decide refuse, revokes its live tokens, and removes the agent with its
	// deployments and versions. It returns the agent as it was and the number of those tokens. It returns fault.NotFound
	// if the account has no such agent, and the error of decide.
	DeleteAgent(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (Agent, int, error)

	// InsertDeployment writes a deployment. It returns fault.Validation if the account does not have the agent,
	// environment or version, or the pair is deployed already, and fault.InvalidAction if the agent is retired.
	InsertDeployment(ctx context.Context, d Deployment, recorder audit.Recorder) (ListedDeployment, error)
	// SetCurrentVersion sets the current version of a deployment; zero for none. It returns fault.Validation if the
	// version is not one of its agent.
	SetCurrentVersion(ctx context.Context, account, id, version pfid.ID, at time.Time, recorder audit.Recorder) (ListedDeployment, error)
	// DeleteDeployment is like DeleteAgent, for a deployment.
	DeleteDeployment(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (ListedDeployment, int, error)

	// InsertVersion writes a version. It returns fault.Validation if the account does not have the agent or schema
	// version, or if the id is taken.
	InsertVersion(ctx context.Context, v Version, recorder audit.Recorder) (ListedVersion, error)
	// InsertSchemaVersion does the same for a schema version.
	InsertSchemaVersion(ctx context.Context, v SchemaVersion, recorder audit.Recorder) (ListedSchemaVersion, error)
}

// Change holds the side effects of a change of an agent: its audit event, a new current version, and token moves.
type Change struct {
	Action audit.Action
	// Version becomes the current version of the agent's only deployment; zero for no such change. ChangeAgent
	// returns fault.Validation if the version is not the agent's, or if the agent does not have exactly one
	// deployment.
	Version pfid.ID
	Tokens  TokenMove
}

// TokenMove says how a change of an agent moves its deployment tokens. The zero TokenMove is LeaveTokens.
type TokenMove uint8

// The token moves.
const (
	LeaveTokens     TokenMove = iota
	SuspendTokens             // suspend the active ones
	ReinstateTokens           // activate those that SuspendTokens suspended and that have not moved since
)
