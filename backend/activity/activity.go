// Package activity keeps what agents do: their instances, which are runs, and the spans of each run.
package activity

import (
	"context"
	"io"
	"sync"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/paging"
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

// Reader reads what agents have reported.
type Reader interface {
	// Instance returns one instance. It returns fault.NotFound if the scope has no such instance.
	Instance(ctx context.Context, scope Scope, id pfid.ID) (ListedInstance, error)
	// InstanceContext returns what an instance is a part of. It returns fault.NotFound if the scope has no such instance.
	InstanceContext(ctx context.Context, scope Scope, id pfid.ID) (Registered, error)
	// Instances returns one page of the instances that match the filter, newest first unless sorted, and their total number,
	// at most the page's CountLimit. It returns fault.Validation if so many can't be sorted by that field.
	Instances(ctx context.Context, scope Scope, filter InstanceFilter, page paging.Page) ([]ListedInstance, int, error)
	// LatestInstances returns the newest instance of each token that registered any.
	LatestInstances(ctx context.Context, tokens []pfid.ID) (map[pfid.ID]LatestInstance, error)
	// InstanceCounts counts the instances of an agent by status.
	InstanceCounts(ctx context.Context, account, agent pfid.ID) (map[Status]int, error)
	// Spans returns one page of the spans that the filter selects, and their total number; with a window, or of an agent, at
	// most the page's CountLimit. A page ends early if its payloads would exceed paging.MaxBytes. It returns fault.NotFound if
	// the scope has no such instance or agent.
	Spans(ctx context.Context, scope Scope, filter SpanFilter, page paging.Page) ([]Span, int, error)
}

// Store keeps activity.
type Store interface {
	Reader
	InstanceStore
	SpanStore
	TrimStore
}

// Activity records what agents report.
type Activity struct {
	Reader
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
	return &Activity{Reader: store, store: store, saw: saw, now: now, random: random}
}

// reported notes that an agent was seen, unless the use of its own token says so, or an admin user acts for it.
func (a *Activity) reported(scope Scope, agent pfid.ID) {
	if scope.DeploymentID.IsZero() && !scope.Actor.APITokenID.IsZero() {
		a.saw(agent)
	}
}
