// Package audit records who changed what and when. Each event is written in the transaction of its change, so that
// every change has its record. The events of an account form a hash chain, and so do those of the installation: see Head and
// Trail.
package audit

import (
	"fmt"
	"io"
	"time"

	"tokentab/backend/pfid"
)

// Kind is a kind of actor.
type Kind string

// The kinds of actors. Events of earlier versions have none.
const (
	AdminUser   Kind = "admin_user" // signed in
	APIToken    Kind = "api_token"
	CommandLine Kind = "command_line" // someone with access to the machine
	Server      Kind = "server"       // what the server does on its own
	Stranger    Kind = "stranger"     // a client without an accepted credential
)

// Actor is the caller that asks for a change.
type Actor struct {
	// Kind may be empty: the store fills it in, by the ids and by what this process is.
	Kind        Kind
	AccountID   pfid.ID
	AdminUserID pfid.ID // zero unless an admin user is signed in
	APITokenID  pfid.ID // zero unless an API token asks
	// Secret is the SHA-256 of the API token's secret that was presented, so that a change can't outlive it. Zero if unknown.
	// It is not recorded.
	Secret [32]byte
	// Address is the network address of the client; empty for the command line.
	Address string
	// RequestID is the X-Request-Id of the response; empty for the command line and for what the server does on its own.
	RequestID string
	// Reason is why the caller asks for the change, in its own words; empty if it does not say.
	Reason string
}

// KindIn returns the kind of the actor. process is the kind of an actor without ids.
func (a Actor) KindIn(process Kind) Kind {
	switch {
	case a.Kind != "":
		return a.Kind
	case !a.AdminUserID.IsZero():
		return AdminUser
	case !a.APITokenID.IsZero():
		return APIToken
	}
	return process
}

// Action names a change: the kind of resource and what happened to it.
type Action string

// The recorded actions.
const (
	AccountCreated          Action = "account.created"
	AccountUpdated          Action = "account.updated"
	AccountDeleted          Action = "account.deleted"
	AdminUserCreated        Action = "admin_user.created"
	AdminUserUpdated        Action = "admin_user.updated"
	AdminUserRemoved        Action = "admin_user.removed"
	AdminUserRoleChanged    Action = "admin_user.role_changed"
	PasswordChanged         Action = "admin_user.password_changed"
	AdminUserInviteCreated  Action = "admin_user_invite.created"
	AdminUserInviteUsed     Action = "admin_user_invite.used"
	AdminUserInviteRevoked  Action = "admin_user_invite.revoked"
	SessionCreated          Action = "session.created"
	SessionEnded            Action = "session.ended"
	EnvironmentCreated      Action = "environment.created"
	EnvironmentUpdated      Action = "environment.updated"
	EnvironmentDeleted      Action = "environment.deleted"
	AgentCreated            Action = "agent.created"
	AgentUpdated            Action = "agent.updated"
	AgentRetired            Action = "agent.retired"
	AgentReinstated         Action = "agent.reinstated"
	AgentDeleted            Action = "agent.deleted"
	AgentDeploymentCreated  Action = "agent_deployment.created"
	AgentDeploymentUpdated  Action = "agent_deployment.updated"
	AgentDeploymentDeleted  Action = "agent_deployment.deleted"
	AgentVersionCreated     Action = "agent_version.created"
	SchemaVersionCreated    Action = "agent_schema_version.created"
	AgentInstanceTerminated Action = "agent_instance.terminated"
	APITokenCreated         Action = "api_token.created"
	APITokenSuspended       Action = "api_token.suspended"
	APITokenActivated       Action = "api_token.activated"
	APITokenRevoked         Action = "api_token.revoked"
	APITokenRotated         Action = "api_token.rotated"
	OldSecretEnded          Action = "api_token.old_secret_ended"
	OverlapCorrected        Action = "api_token.overlap_corrected"
	APITokenDeleted         Action = "api_token.deleted"
	WebhookCreated          Action = "webhook.created"
	WebhookUpdated          Action = "webhook.updated"
	WebhookSecretReplaced   Action = "webhook.secret_replaced"
	WebhookDeleted          Action = "webhook.deleted"
	SigningKeyCreated       Action = "signing_key.created"
	SigningKeyWithdrawn     Action = "signing_key.withdrawn"
	BackupRestored          Action = "backup.restored"
	RestoreReviewed         Action = "restore.reviewed"
	ChainStarted            Action = "audit.chain_started"
	DatabaseConfirmed       Action = "database.confirmed"

	// The recorded refusals, see Refusals.
	SessionRefused  Action = "session.refused"             // a sign-in; of a known email in its account's chain
	PasswordRefused Action = "admin_user.password_refused" // a change of password, for the present one
	APITokenRefused Action = "api_token.refused"           // a token that was issued, at the management API
	RequestRefused  Action = "request.refused"             // by the role of the caller, or by its origin
)

// Event records one change. It never holds a secret.
type Event struct {
	ID      pfid.ID
	At      time.Time
	Actor   Actor
	Action  Action
	Subject string // id of the changed resource
	// Detail adds what a reader needs beyond the ids, such as the scope of a token; may be empty.
	Detail string
	// Times is how often it happened, if one event stands for several; otherwise 1.
	Times int
	// Sequence and Hash are the event's place in its chain, see Head. The store sets them.
	Sequence int64
	Hash     []byte
}

// New returns the event of a change by actor to subject at the given instant.
func New(at time.Time, actor Actor, action Action, subject, detail string, random io.Reader) (Event, error) {
	id, err := pfid.New(at, actor.AccountID.Partition(), random)
	if err != nil {
		return Event{}, fmt.Errorf("audit: %w", err)
	}
	return Event{ID: id, At: at, Actor: actor, Action: action, Subject: subject, Detail: detail, Times: 1}, nil
}

// Recorder makes the events of one operation, which has one actor and one instant.
type Recorder func(action Action, subject pfid.ID, detail string) (Event, error)

// NewRecorder returns a Recorder for what actor does at the given instant.
func NewRecorder(at time.Time, actor Actor, random io.Reader) Recorder {
	return func(action Action, subject pfid.ID, detail string) (Event, error) {
		return New(at, actor, action, subject.String(), detail, random)
	}
}
