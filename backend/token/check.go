package token

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"tokentab/backend/pfid"
)

// MaxSecret is the longest possible secret, in bytes. Check refuses longer ones as unknown.
const MaxSecret = 4096

// findTimeout bounds how long a validation waits for the store before it returns an error.
const findTimeout = 3 * time.Second

// Reason is the outcome of a validation. The zero Reason is Unknown, so an unset verdict never accepts.
type Reason uint8

// The outcomes. Only the holder of a real token learns more than Unknown.
const (
	Unknown      Reason = iota // unknown, forged or malformed
	Good                       // accepted
	IsSuspended                // can be activated again
	IsRevoked                  // permanently
	IsExpired                  // ExpiresAt has passed
	IsReplaced                 // the secret was replaced by a rotation, and its overlap is over
	Insufficient               // good, but it does not meet a requirement
)

// State holds the fields of a token that a validation reads. It has no pointers, so millions of them cost the garbage
// collector nothing. The zero State is no token.
type State struct {
	ExpiresAt         int64 // Unix seconds; of an old secret, its end
	TokenID           pfid.ID
	AccountID         pfid.ID
	EnvironmentID     pfid.ID
	AgentID           pfid.ID
	AgentDeploymentID pfid.ID
	Status            Status
	Scope             Scope
	Role              Role
	Old               bool   // the secret is an old one
	RotatedAt         uint32 // Unix seconds of the token's last rotation; 0 for none
}

// Verdict is the result of a validation. State is set unless the reason is Unknown.
type Verdict struct {
	Reason Reason
	State  State

	at           int64 // Unix milliseconds
	wantsAddress bool
}

// WantsAddress reports whether Tokens.RecordAddress needs the address of the client. Most validations don't, and working it
// out takes time.
func (v *Verdict) WantsAddress() bool { return v.wantsAddress }

// Need is the caller's requirement of a good token. The token must match one value of each slice that is not empty. The
// zero Need accepts every good token.
type Need struct {
	Accounts     []pfid.ID
	Scopes       []Scope
	Environments []pfid.ID
	Agents       []pfid.ID
}

// Check validates a secret now, and counts the use of its token. The token must meet every need. An error means that the
// store could not tell, so the secret is neither good nor bad. Check reads the store only for secrets that are not in the
// cache, and never writes to it. If several copies of the program share the store, it first waits for their changes; see Arrive.
func (ts *Tokens) Check(ctx context.Context, secret []byte, needs ...Need) (v Verdict, err error) {
	if err := ts.validate(ctx, secret, needs, &v); err != nil {
		return Verdict{}, err
	}
	ts.Count(&v, needs...)
	return v, nil
}

// Count counts a use by the verdict of Judge and its needs. It counts nothing for a token that does not meet them.
func (ts *Tokens) Count(v *Verdict, needs ...Need) {
	switch v.Reason {
	case Good:
		v.wantsAddress = ts.uses.count(&v.State, v.at, true)
	case IsSuspended, IsRevoked, IsExpired, IsReplaced:
		if v.State.meetsAll(needs) {
			v.wantsAddress = ts.uses.count(&v.State, v.at, false)
		}
	}
}

// Judge is Check without counting the use. It is for callers that check more before they accept the token, and then call Count.
func (ts *Tokens) Judge(ctx context.Context, secret []byte, needs ...Need) (v Verdict, err error) {
	if err := ts.validate(ctx, secret, needs, &v); err != nil {
		return Verdict{}, err
	}
	return v, nil
}

// Glance is Judge for callers that judge again later: while the cache has the token as good, it does not wait for changes of
// other copies.
func (ts *Tokens) Glance(ctx context.Context, secret []byte, needs ...Need) (Verdict, error) {
	v, err := ts.Judge(context.WithValue(ctx, hasArrived{}, true), secret, needs...)
	if err != nil || v.Reason == Good {
		return v, err
	}
	return ts.Judge(ctx, secret, needs...)
}

func (ts *Tokens) validate(ctx context.Context, secret []byte, needs []Need, v *Verdict) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil
	}
	if ts.halted.Load() {
		return errHalted
	}
	if err := ts.barrier.pass(ctx); err != nil {
		return err
	}
	at := ts.now()
	v.at = at.UnixMilli()
	ok, err := ts.cache.Find(ctx, ts.store, secret, v.at, &v.State)
	if err != nil || !ok {
		return err
	}
	v.Reason = v.State.judge(at, needs)
	return nil
}

// RecordAddress adds the address of the client to the use that a verdict counted. It ignores text that is no IP address.
func (ts *Tokens) RecordAddress(v *Verdict, address string) {
	if ip, err := netip.ParseAddr(address); err == nil && v.wantsAddress {
		ts.uses.recordAddress(&v.State, v.at, v.Reason == Good, ip.WithZone("").Unmap())
	}
}

func (s *State) judge(at time.Time, needs []Need) Reason {
	switch {
	case s.Status == Revoked:
		return IsRevoked
	case s.Status == Suspended:
		return IsSuspended
	case s.Status != Active:
		return Unknown
	case at.Unix() >= s.ExpiresAt && s.Old:
		return IsReplaced
	case at.Unix() >= s.ExpiresAt:
		return IsExpired
	}
	if !s.meetsAll(needs) {
		return Insufficient
	}
	return Good
}

func (s *State) meetsAll(needs []Need) bool {
	for i := range needs {
		if !s.meets(&needs[i]) {
			return false
		}
	}
	return true
}

// meets reports whether the token satisfies the need. An account token satisfies every environment and agent of its
// account.
func (s *State) meets(need *Need) bool {
	if len(need.Accounts) > 0 && !slices.Contains(need.Accounts, s.AccountID) {
		return false
	}
	if len(need.Scopes) > 0 && !slices.Contains(need.Scopes, s.Scope) {
		return false
	}
	if len(need.Environments) > 0 && !s.covers(s.EnvironmentID, need.Environments) {
		return false
	}
	return len(need.Agents) == 0 || s.covers(s.AgentID, need.Agents)
}

func (s *State) covers(own pfid.ID, wanted []pfid.ID) bool {
	if s.Scope != ScopeAccount {
		return !own.IsZero() && slices.Contains(wanted, own)
	}
	// All ids of an account share its partition; an id of another partition is never in this account.
	return slices.ContainsFunc(wanted, func(id pfid.ID) bool {
		return !id.IsZero() && id.Partition() == s.AccountID.Partition()
	})
}
