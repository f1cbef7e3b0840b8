package store

import (
	"encoding/json"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
)

type accountRow struct {
	ID               pfid.ID
	Partition        int64
	Name             string
	Purpose          string
	OrganisationName *string
	Website          *string
	InsertedAt       int64
	UpdatedAt        int64 `gorm:"autoUpdateTime:false"`
}

func (accountRow) TableName() string { return "accounts" }

func (r accountRow) account() account.Account {
	return account.Account{
		ID: r.ID, Name: r.Name, Purpose: r.Purpose, OrganisationName: orEmpty(r.OrganisationName), Website: orEmpty(r.Website),
		InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type adminUserRow struct {
	ID           pfid.ID
	AccountID    pfid.ID
	Email        string
	Name         *string
	JobTitle     *string
	PasswordHash string
	InsertedAt   int64
	UpdatedAt    int64 `gorm:"autoUpdateTime:false"`
	RemovedAt    *int64
}

func (adminUserRow) TableName() string { return "admin_users" }

func (r adminUserRow) adminUser() people.AdminUser {
	return people.AdminUser{
		ID: r.ID, AccountID: r.AccountID, Email: r.Email, Name: orEmpty(r.Name), JobTitle: orEmpty(r.JobTitle),
		InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

func adminUserRowOf(u people.AdminUser, passwordHash string) adminUserRow {
	return adminUserRow{
		ID: u.ID, AccountID: u.AccountID, Email: u.Email, Name: orNull(u.Name), JobTitle: orNull(u.JobTitle),
		PasswordHash: passwordHash, InsertedAt: millis(u.InsertedAt), UpdatedAt: millis(u.UpdatedAt),
	}
}

type inviteRow struct {
	ID                   pfid.ID
	AccountID            pfid.ID
	Email                string
	Status               string
	CreatedByAdminUserID pfid.ID
	CreatedByAPITokenID  pfid.ID `gorm:"column:created_by_api_token_id"`
	ExpiresAt            int64
	InsertedAt           int64
	UpdatedAt            int64 `gorm:"autoUpdateTime:false"`
}

func (inviteRow) TableName() string { return "admin_user_invites" }

func inviteRowOf(i people.Invite) inviteRow {
	return inviteRow{
		ID: i.ID, AccountID: i.AccountID, Email: i.Email, Status: i.Status,
		CreatedByAdminUserID: i.CreatedByAdminUserID, CreatedByAPITokenID: i.CreatedByAPITokenID,
		ExpiresAt: millis(i.ExpiresAt), InsertedAt: millis(i.InsertedAt), UpdatedAt: millis(i.UpdatedAt),
	}
}

func (r inviteRow) invite() people.Invite {
	return people.Invite{
		ID: r.ID, AccountID: r.AccountID, Email: r.Email, Status: r.Status,
		CreatedByAdminUserID: r.CreatedByAdminUserID, CreatedByAPITokenID: r.CreatedByAPITokenID,
		ExpiresAt: instant(r.ExpiresAt), InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type sessionRow struct {
	ID          pfid.ID
	IDHash      []byte
	AdminUserID pfid.ID
	Address     string
	UserAgent   string
	InsertedAt  int64
	LastSeenAt  int64
	ExpiresAt   int64
}

func (sessionRow) TableName() string { return "sessions" }

// session returns the session without its admin user and account.
func (r sessionRow) session() people.Session {
	return people.Session{
		ID: r.ID, Address: r.Address, UserAgent: r.UserAgent,
		InsertedAt: instant(r.InsertedAt), LastSeenAt: instant(r.LastSeenAt), ExpiresAt: instant(r.ExpiresAt),
	}
}

type triesRow struct {
	Source   string
	Failures int
	LastAt   int64
}

func (triesRow) TableName() string { return "sign_in_failures" }

type environmentRow struct {
	ID          pfid.ID
	AccountID   pfid.ID
	Name        string
	Purpose     string
	Description *string
	InsertedAt  int64
	UpdatedAt   int64 `gorm:"autoUpdateTime:false"`
	DeletedAt   *int64
}

func (environmentRow) TableName() string { return "environments" }

func environmentRowOf(e account.Environment) environmentRow {
	return environmentRow{
		ID: e.ID, AccountID: e.AccountID, Name: e.Name, Purpose: e.Purpose, Description: orNull(e.Description),
		InsertedAt: millis(e.InsertedAt), UpdatedAt: millis(e.UpdatedAt),
	}
}

func (r environmentRow) environment() account.Environment {
	return account.Environment{
		ID: r.ID, AccountID: r.AccountID, Name: r.Name, Purpose: r.Purpose, Description: orEmpty(r.Description),
		InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type agentRow struct {
	ID                 pfid.ID
	AccountID          pfid.ID
	Name               string
	Description        *string
	ExternalIdentifier *string
	InsertedAt         int64
	UpdatedAt          int64 `gorm:"autoUpdateTime:false"`
	LastSeenAt         *int64
	RetiredAt          *int64
	DeletedAt          *int64
}

func (agentRow) TableName() string { return "agents" }

func (r agentRow) agent() agent.Agent {
	return agent.Agent{
		ID: r.ID, AccountID: r.AccountID, Name: r.Name, Description: orEmpty(r.Description),
		ExternalIdentifier: orEmpty(r.ExternalIdentifier),
		LastSeenAt:         instantOrZero(r.LastSeenAt), RetiredAt: instantOrZero(r.RetiredAt),
		InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type deploymentRow struct {
	ID               pfid.ID
	AccountID        pfid.ID
	AgentID          pfid.ID
	EnvironmentID    pfid.ID
	CurrentVersionID pfid.ID
	InsertedAt       int64
	UpdatedAt        int64 `gorm:"autoUpdateTime:false"`
	DeletedAt        *int64
}

func (deploymentRow) TableName() string { return "agent_deployments" }

func (r deploymentRow) deployment() agent.Deployment {
	return agent.Deployment{
		ID: r.ID, AccountID: r.AccountID, AgentID: r.AgentID, EnvironmentID: r.EnvironmentID,
		CurrentVersionID: r.CurrentVersionID, InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type versionRow struct {
	ID                        pfid.ID
	AccountID                 pfid.ID
	AgentID                   pfid.ID
	AgentSchemaVersionID      pfid.ID
	ExternalIdentifier        string
	ExternalIdentifierRepeats int
	Name                      *string
	Description               *string
	InsertedAt                int64
	UpdatedAt                 int64 `gorm:"autoUpdateTime:false"`
}

func (versionRow) TableName() string { return "agent_versions" }

func (r versionRow) version() agent.Version {
	return agent.Version{
		ID: r.ID, AccountID: r.AccountID, AgentID: r.AgentID, SchemaVersionID: r.AgentSchemaVersionID,
		ExternalIdentifier: r.ExternalIdentifier, Name: orEmpty(r.Name), Description: orEmpty(r.Description),
		InsertedAt: instant(r.InsertedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type schemaVersionRow struct {
	ID                        pfid.ID
	AccountID                 pfid.ID
	AgentID                   pfid.ID
	ExternalIdentifier        string
	ExternalIdentifierRepeats int
	Schemas                   string
	InsertedAt                int64
}

func (schemaVersionRow) TableName() string { return "agent_schema_versions" }

func (r schemaVersionRow) schemaVersion() (agent.SchemaVersion, error) {
	v := agent.SchemaVersion{
		ID: r.ID, AccountID: r.AccountID, AgentID: r.AgentID, ExternalIdentifier: r.ExternalIdentifier, InsertedAt: instant(r.InsertedAt),
	}
	return v, json.Unmarshal([]byte(r.Schemas), &v.Schemas)
}

type auditRow struct {
	ID               pfid.ID
	AccountID        pfid.ID
	Action           string
	SubjectID        string
	ActorAdminUserID pfid.ID
	ActorAPITokenID  pfid.ID `gorm:"column:actor_api_token_id"`
	ActorAddress     string
	Detail           string
	InsertedAt       int64
}

func (auditRow) TableName() string { return "audit_events" }

func auditRowOf(e audit.Event) auditRow {
	return auditRow{
		ID: e.ID, AccountID: e.Actor.AccountID, Action: string(e.Action), SubjectID: e.Subject,
		ActorAdminUserID: e.Actor.AdminUserID, ActorAPITokenID: e.Actor.APITokenID,
		ActorAddress: e.Actor.Address, Detail: e.Detail, InsertedAt: millis(e.At),
	}
}

type signingKeyRow struct {
	KID              string `gorm:"column:kid"`
	SealedPrivateKey []byte
	PublicKey        []byte
	InsertedAt       int64
	SignsFrom        int64
	WithdrawnAt      *int64
	Number           int64
	AtOnce           bool
}

func (signingKeyRow) TableName() string { return "signing_keys" }
