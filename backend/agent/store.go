package agent

import (
	"context"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Store keeps agents. Every change is written together with its events in one transaction, or not at all. Tokens that a
// change moves along have their new status with it; if they are very many, their rows and events follow.
type Store interface {
	// InsertAgent writes an agent. An external identifier or id that is taken is a fault.Validation.
	InsertAgent(ctx context.Context, a Agent, recorder audit.Recorder) error
	// Agent returns one agent of the account, else a fault.NotFound.
	Agent(ctx context.Context, account, id pfid.ID) (Agent, error)
	// AgentByExternalIdentifier does the same by another name.
	AgentByExternalIdentifier(ctx context.Context, account pfid.ID, identifier string) (Agent, error)
	// Agents returns one page of the account's agents and how many there are in all. Sorted by status, those last seen
	// from activeSince to activeUntil are active.
	Agents(ctx context.Context, account pfid.ID, page paging.Page, activeSince, activeUntil time.Time) ([]Agent, int, error)
	// ChangeAgent reads the agent, lets decide alter it or refuse, and writes it with what goes along. It returns how many
	// tokens move.
	ChangeAgent(ctx context.Context, account, id pfid.ID, decide func(*Agent) (Change, error), recorder audit.Recorder) (Agent, int, error)
	// DeleteAgent reads the agent, lets decide refuse, and removes it with its deployments and versions. Its live tokens
	// are revoked.
	DeleteAgent(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (Agent, error)

	// InsertDeployment writes a deployment. An agent, environment or version that the account does not have, or a pair
	// that is deployed already, is a fault.Validation; a retired agent is a fault.InvalidAction.
	InsertDeployment(ctx context.Context, d Deployment, recorder audit.Recorder) (ListedDeployment, error)
	// AgentDeployment returns one deployment of the account, else a fault.NotFound.
	AgentDeployment(ctx context.Context, account, id pfid.ID) (ListedDeployment, error)
	// AgentDeployments returns one page of the account's deployments and how many match in all.
	AgentDeployments(ctx context.Context, account pfid.ID, filter DeploymentFilter, page paging.Page) ([]ListedDeployment, int, error)
	// SetCurrentVersion sets the current version of a deployment, or none where it is zero. A version that is not one of
	// its agent is a fault.Validation.
	SetCurrentVersion(ctx context.Context, account, id, version pfid.ID, at time.Time, recorder audit.Recorder) (ListedDeployment, error)
	// DeleteDeployment reads the deployment, lets decide refuse, and removes it. Its live tokens are revoked.
	DeleteDeployment(ctx context.Context, account, id pfid.ID, at time.Time, decide func(liveTokens int) error, recorder audit.Recorder) (ListedDeployment, error)

	// InsertVersion writes a version. An agent or schema version that the account does not have, and an id that is taken,
	// are a fault.Validation.
	InsertVersion(ctx context.Context, v Version, recorder audit.Recorder) (ListedVersion, error)
	// Version returns one version of the account, else a fault.NotFound.
	Version(ctx context.Context, account, id pfid.ID) (ListedVersion, error)
	// Versions returns one page of an agent's versions and how many there are in all; a fault.NotFound without the agent.
	Versions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedVersion, int, error)
	// InsertSchemaVersion, SchemaVersion and SchemaVersions do the same for schema versions.
	InsertSchemaVersion(ctx context.Context, v SchemaVersion, recorder audit.Recorder) (ListedSchemaVersion, error)
	SchemaVersion(ctx context.Context, account, id pfid.ID) (ListedSchemaVersion, error)
	SchemaVersions(ctx context.Context, account, agent pfid.ID, page paging.Page) ([]ListedSchemaVersion, int, error)
}

// Change says what goes along with a change of an agent.
type Change struct {
	Action audit.Action
	// Version becomes the current version of the agent's only deployment; zero for no such change. A version that is not
	// the agent's, or another number of deployments, is a fault.Validation.
	Version pfid.ID
	Tokens  TokenMove
}

// TokenMove is what a change of an agent does to its deployment tokens.
type TokenMove uint8

// The moves.
const (
	LeaveTokens     TokenMove = iota
	SuspendTokens             // those that are active
	ReinstateTokens           // activate those that SuspendTokens suspended and nobody moved since
)
