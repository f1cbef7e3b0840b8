// Package activity keeps what agents do: their instances, which are runs, and the spans of each run.
package activity

import (
	"io"
	"sync"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// Status is the status of an instance or a span.
type Status string

// The statuses. Only instances can be Terminated.
const (
	Pending    Status = "pending" // not started
	Active     Status = "active"
	Complete   Status = "complete"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
	Terminated Status = "terminated" // by an admin
)

// IsFinished reports whether an agent has ended what has this status.
func (s Status) IsFinished() bool { return s == Complete || s == Failed || s == Cancelled }

// Scope is the part of an account's activity that a caller may see and change.
type Scope struct {
	AccountID     pfid.ID
	EnvironmentID pfid.ID // zero for all
	DeploymentID  pfid.ID // zero for all
	// Actor is the caller. Each change checks again that it still may act.
	Actor audit.Actor
}

// IsAccount reports whether the scope is the whole account.
func (s Scope) IsAccount() bool { return s.EnvironmentID.IsZero() && s.DeploymentID.IsZero() }

// Store keeps activity.
type Store interface {
	InstanceStore
	SpanStore
	TrimStore
}

// Activity records what agents report.
type Activity struct {
	store  Store
	saw    func(agent pfid.ID)
	now    func() time.Time
	random io.Reader

	trimming sync.Mutex // held by Trim
	trimmed  int64      // number of the last instance that Trim looked at
	// trimmedVersion is the last version that Trim looked at.
	trimmedVersion pfid.ID
}

// New returns the activity kept in store. It calls saw with the agent of each report of a token that does not imply one, and now
// once per operation.
func New(store Store, saw func(agent pfid.ID), now func() time.Time, random io.Reader) *Activity {
	return &Activity{store: store, saw: saw, now: now, random: random}
}

// reported notes that an agent was seen, unless the use of its own token says so, or an admin user acts for it.
func (a *Activity) reported(scope Scope, agent pfid.ID) {
	if scope.DeploymentID.IsZero() && !scope.Actor.APITokenID.IsZero() {
		a.saw(agent)
	}
}
