package activity

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Instance is one run of an agent.
type Instance struct {
	Number            int64 // counts in order of arrival; 0 before the instance is stored
	ID                pfid.ID
	AccountID         pfid.ID
	AgentID           pfid.ID
	VersionID         pfid.ID
	EnvironmentID     pfid.ID
	DeploymentID      pfid.ID
	APITokenID        pfid.ID // that registered it; zero for an admin user
	Status            Status
	Purpose           string    // one of Purposes
	StartedAt         time.Time // by the agent's clock; zero if it has not started
	FinishedAt        time.Time // likewise; of a terminated one by the server's
	TerminationReason string
	Qualities         map[string]json.RawMessage // the latest payload of each name; nil for none
	Spans             SpanCounts
	InsertedAt        time.Time
	UpdatedAt         time.Time // the last activity, also of its spans
}

// SpanCounts counts the spans of an instance by status.
type SpanCounts struct {
	Pending, Active, Complete, Failed, Cancelled int
}

// ListedInstance is an instance with the names behind its ids.
type ListedInstance struct {
	Instance
	AgentName         string
	EnvironmentName   string
	VersionIdentifier string // empty if the version is gone
	APITokenName      string // empty if it has none, or if the token is gone
	APITokenHint      string // its last characters; empty if the token is gone
}

// LatestInstance is the newest instance that a token registered.
type LatestInstance struct {
	ID, AgentID pfid.ID
	AgentName   string
	InsertedAt  time.Time
}

// Purposes lists the allowed purposes of an instance.
var Purposes = []string{"live", "smoke_test", "eval"}

// Limits of texts in characters, and of quality payloads in bytes of JSON.
const (
	maxName        = 100
	maxDescription = 1000
	maxIdentifier  = 255
	maxReason      = 1000
	maxQualities   = 64 << 10 // of one instance together, because lists show them
	maxAgent       = 255      // of what names an agent
)

// Registration describes an instance to register. The version, its schema version and the deployment are created
// unless they exist.
type Registration struct {
	ID            pfid.ID // zero for a new id
	Agent         string  // its id, external identifier or name; empty for that of the scope
	EnvironmentID pfid.ID // zero for that of the scope, or of the agent's deployment
	Version       RegisteredVersion
	Schema        *RegisteredSchema // nil for none
	Purpose       string            // empty for live
	// KeepsCurrentVersion leaves the current version of the deployment as it is. Otherwise it becomes this one.
	KeepsCurrentVersion bool
}

// RegisteredVersion names a version of an agent.
type RegisteredVersion struct {
	ExternalIdentifier, Name, Description string
}

// RegisteredSchema names a schema version of an agent.
type RegisteredSchema struct {
	ExternalIdentifier string
	Schemas            map[string]json.RawMessage // as sent
}

// Registered is a registered instance and its schema version.
type Registered struct {
	ListedInstance
	SchemaVersionID pfid.ID // zero for none
}

// Register adds an instance of an agent. If the scope has an instance with the id already, it returns that one. It returns
// fault.Validation if a field is invalid or names nothing, if it does not say which of several deployments is meant, or if
// another agent has an instance with the id; fault.NotPermitted if the request names another agent or environment than the
// scope's; and fault.InvalidAction if the agent is retired.
func (a *Activity) Register(ctx context.Context, actor audit.Actor, scope Scope, r Registration) (Registered, error) {
	at := a.now().UTC()
	wrong := fault.Fields{}
	r.Agent = strings.TrimSpace(text.Composed(r.Agent))
	if n := len([]rune(r.Agent)); n > maxAgent || n == 0 && scope.DeploymentID.IsZero() {
		wrong.Add("agent_id", "must name an agent by its id, external identifier or name, in at most %d characters", maxAgent)
	}
	r.Version.ExternalIdentifier = text.Line(wrong, "agent_version.external_identifier", r.Version.ExternalIdentifier, 1, maxIdentifier)
	// SDKs send them unasked, as they are, and their telemetry ends with a refusal.
	r.Version.Name = text.Tidied(r.Version.Name, maxName, "")
	r.Version.Description = text.Tidied(r.Version.Description, maxDescription, text.Breaks)
	if r.Schema != nil {
		r.Schema.ExternalIdentifier = text.Line(wrong, "agent_schema_version.external_identifier", r.Schema.ExternalIdentifier, 1, maxIdentifier)
	}
	if r.Purpose == "" {
		r.Purpose = Purposes[0]
	}
	if !slices.Contains(Purposes, r.Purpose) {
		wrong.Add("purpose", "must be one of %s", strings.Join(Purposes, ", "))
	}
	if err := wrong.Err(); err != nil {
		return Registered{}, err
	}
	newID := func() (pfid.ID, error) { return pfid.New(at, actor.AccountID.Partition(), a.random) }
	i := Instance{
		ID: r.ID, AccountID: actor.AccountID, APITokenID: actor.APITokenID, Status: Pending, Purpose: r.Purpose, InsertedAt: at, UpdatedAt: at,
	}
	if i.ID.IsZero() {
		var err error
		if i.ID, err = newID(); err != nil {
			return Registered{}, err
		}
	}
	made, err := a.store.RegisterInstance(ctx, scope, i, r, newID, audit.NewRecorder(at, actor, a.random))
	if err == nil {
		a.reported(scope, made.AgentID)
	}
	return made, err
}

// change is ChangeInstance for a report of the instance's agent.
func (a *Activity) change(ctx context.Context, scope Scope, id pfid.ID, size int, decide func(*Instance) (changed []string, err error)) (ListedInstance, error) {
	i, err := a.store.ChangeInstance(ctx, scope, id, size, decide)
	if err == nil {
		a.reported(scope, i.AgentID)
	}
	return i, err
}

// Start starts a pending instance; zero for now. An instance that was started, finished or terminated keeps its status, and
// only gets the time if it has none: requests of one run may arrive in any order. It returns fault.NotFound if the scope has
// no such instance.
func (a *Activity) Start(ctx context.Context, scope Scope, id pfid.ID, startedAt time.Time) (ListedInstance, error) {
	at := a.now().UTC()
	return a.change(ctx, scope, id, 0, func(i *Instance) ([]string, error) {
		if !i.StartedAt.IsZero() {
			return nil, nil
		}
		if i.Status == Pending {
			i.Status = Active
		}
		i.StartedAt, i.UpdatedAt = orNow(startedAt, at), at
		return []string{"status", "started_at"}, nil
	})
}

// Finish ends an instance with a finished status, empty for Complete; a zero time is now. A finished or terminated
// instance stays as it is. It returns fault.Validation if the status is no finished one, and fault.NotFound if the scope has
// no such instance.
func (a *Activity) Finish(ctx context.Context, scope Scope, id pfid.ID, status Status, finishedAt time.Time) (ListedInstance, error) {
	at := a.now().UTC()
	if status == "" {
		status = Complete
	}
	if !status.IsFinished() {
		return ListedInstance{}, fault.Field("status", "must be complete, failed or cancelled")
	}
	return a.change(ctx, scope, id, 0, func(i *Instance) ([]string, error) {
		if !i.isOpen() {
			return nil, nil
		}
		i.Status, i.FinishedAt, i.UpdatedAt = status, orNow(finishedAt, at), at
		return []string{"status", "finished_at"}, nil
	})
}

// Terminate ends an instance for a reason, which its agent learns with the next answer. It returns fault.Validation
// without a reason, fault.InvalidAction if the instance has ended, and fault.NotFound if the scope has no such instance.
func (a *Activity) Terminate(ctx context.Context, actor audit.Actor, scope Scope, id pfid.ID, reason string) (ListedInstance, error) {
	at := a.now().UTC()
	wrong := fault.Fields{}
	reason = text.Lines(wrong, "reason", reason, 1, maxReason)
	if err := wrong.Err(); err != nil {
		return ListedInstance{}, err
	}
	return a.store.TerminateInstance(ctx, scope, id, func(i *Instance) error {
		if !i.isOpen() {
			return fault.New(fault.InvalidAction, "This instance has ended already, with the status %s.", i.Status)
		}
		i.Status, i.TerminationReason, i.FinishedAt, i.UpdatedAt = Terminated, reason, at, at
		return nil
	}, audit.NewRecorder(at, actor, a.random))
}

// RecordQuality keeps a quality payload of an instance, whatever its status. It replaces an earlier one of the same name; nil
// or null removes that one. It returns fault.Validation if the name or payload is invalid or there are too many, and
// fault.NotFound if the scope has no such instance.
func (a *Activity) RecordQuality(ctx context.Context, scope Scope, id pfid.ID, name string, payload json.RawMessage) (ListedInstance, error) {
	at := a.now().UTC()
	wrong := fault.Fields{}
	name = text.Line(wrong, "name", name, 1, maxName)
	if err := wrong.Err(); err != nil {
		return ListedInstance{}, err
	}
	return a.change(ctx, scope, id, maxQualities, func(i *Instance) ([]string, error) {
		if i.Qualities == nil {
			i.Qualities = map[string]json.RawMessage{}
		}
		if payload == nil || string(payload) == "null" {
			delete(i.Qualities, name)
		} else {
			i.Qualities[name] = payload
		}
		size := 0
		for name, payload := range i.Qualities {
			size += len(name) + len(payload)
		}
		if size > maxQualities {
			return nil, fault.Field("payload", "must have at most 64 KiB (%d bytes) of JSON, together with the other quality payloads of the instance", maxQualities)
		}
		i.UpdatedAt = at
		return []string{"qualities"}, nil
	})
}

// InstanceFilter narrows a list of instances. The zero value selects all of the scope.
type InstanceFilter struct {
	AgentID, DeploymentID, EnvironmentID, APITokenID pfid.ID
	Status                                           Status
}

// DayHours is how many hours a Day has.
const DayHours = 24

// Day counts the instances of an agent by the hour in which they were registered, and by status now.
type Day struct {
	First time.Time // start of the first hour
	Hours [DayHours]map[Status]int
}

// Day returns the last 24 hours of an agent; the last one is not over.
func (a *Activity) Day(ctx context.Context, account, agent pfid.ID) (Day, error) {
	day := Day{First: a.now().UTC().Truncate(time.Hour).Add(-(DayHours - 1) * time.Hour)}
	for hour := range day.Hours {
		day.Hours[hour] = map[Status]int{}
	}
	return day, a.store.HourlyInstances(ctx, account, agent, day.First, func(hour int, status Status, n int) {
		if hour >= 0 && hour < DayHours {
			day.Hours[hour][status] += n
		}
	})
}

func (i *Instance) isOpen() bool { return i.Status == Pending || i.Status == Active }

// MayTerminate reports whether Terminate is allowed now.
func (i *Instance) MayTerminate() bool { return i.isOpen() }

func orNow(at, now time.Time) time.Time {
	if at.IsZero() {
		return now
	}
	return at
}

// InstanceStore keeps instances.
type InstanceStore interface {
	// RegisterInstance writes an instance in one transaction with the version, schema version and deployment that it lacks.
	// See Activity.Register for the errors.
	RegisterInstance(ctx context.Context, scope Scope, i Instance, r Registration, newID func() (pfid.ID, error), recorder audit.Recorder) (Registered, error)
	// ChangeInstance reads an instance, lets decide change it, and writes the columns that decide returns. size is how many
	// bytes the change may add.
	ChangeInstance(ctx context.Context, scope Scope, id pfid.ID, size int, decide func(*Instance) (changed []string, err error)) (ListedInstance, error)
	// TerminateInstance is like ChangeInstance, with an audit event that holds the reason.
	TerminateInstance(ctx context.Context, scope Scope, id pfid.ID, decide func(*Instance) error, recorder audit.Recorder) (ListedInstance, error)
	// HourlyInstances calls add for each hour from first on, and each status in it.
	HourlyInstances(ctx context.Context, account, agent pfid.ID, first time.Time, add func(hour int, status Status, n int)) error
}
