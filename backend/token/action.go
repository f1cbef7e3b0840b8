package token

import (
	"fmt"

	"tokentab/backend/fault"
)

// Action is a change of tokens that callers ask for.
type Action uint8

// The actions. The zero Action is none of them.
const (
	ToSuspend Action = iota + 1
	ToActivate
	ToRevoke
	ToDelete
)

// actions are what each action is called, what it does to a token, and the status that it sets. Deleting sets none.
var actions = [...]struct {
	name, done string
	to         Status
}{
	ToSuspend: {"suspend", "suspended", Suspended}, ToActivate: {"activate", "activated", Active},
	ToRevoke: {"revoke", "revoked", Revoked}, ToDelete: {"delete", "deleted", 0},
}

// ParseAction reads the wire word; ok is false for any other text.
func ParseAction(text string) (action Action, ok bool) {
	for a := ToSuspend; a <= ToDelete; a++ {
		if actions[a].name == text {
			return a, true
		}
	}
	return 0, false
}

// Actions says which moves a token allows now.
type Actions struct {
	Suspend, Activate, Revoke, Rotate, Delete bool
}

// Actions returns which actions are allowed now. Revoking is final, and only revoked tokens can be deleted. A token of a
// retired agent can be neither activated nor rotated.
func (t Token) Actions() Actions {
	return Actions{
		Suspend:  t.Status == Active,
		Activate: t.Status == Suspended && !t.AgentRetired,
		Revoke:   t.Status == Active || t.Status == Suspended,
		Rotate:   (t.Status == Active || t.Status == Suspended) && !t.AgentRetired,
		Delete:   t.Status == Revoked,
	}
}

func (a Actions) allow(action Action) bool {
	return [...]bool{ToSuspend: a.Suspend, ToActivate: a.Activate, ToRevoke: a.Revoke, ToDelete: a.Delete}[action]
}

// Refusal says why an action does not apply to a token. The zero Refusal means that it does.
type Refusal struct {
	Code    string // for programs, such as already_suspended
	Message string // one sentence for people
}

// notFound is the Refusal for an id that no token of the account has.
var notFound = Refusal{"not_found", "There is no such API token."}

func (a Action) refusal(t *Token) Refusal {
	done := actions[a].done
	switch {
	case t.Actions().allow(a):
		return Refusal{}
	case a == ToDelete:
		return Refusal{"not_revoked", fmt.Sprintf("Only a revoked API token can be deleted; this one is %s.", t.Status)}
	case t.Status == Revoked && a != ToRevoke:
		return Refusal{"already_revoked", fmt.Sprintf("A revoked API token can't be %s; it can only be deleted.", done)}
	case a == ToActivate && t.Status == Suspended:
		return Refusal{"agent_retired", "The agent of this API token is retired, so it can't be activated."}
	}
	return Refusal{"already_" + t.Status.String(), fmt.Sprintf("This API token is already %s.", t.Status)}
}

// err returns nil for the zero Refusal.
func (r Refusal) err() error {
	switch r {
	case Refusal{}:
		return nil
	case notFound:
		return fault.New(fault.NotFound, "%s", r.Message)
	}
	return fault.New(fault.InvalidAction, "%s", r.Message)
}
