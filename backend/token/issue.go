package token

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// ErrDeploymentExists means that a concurrent request created the deployment under another id, or deleted it.
var ErrDeploymentExists = errors.New("the deployment exists under another id")

// ErrKeyWithdrawn means that the key that signed a token was withdrawn before the token was written.
var ErrKeyWithdrawn = errors.New("the signing key is withdrawn")

// hintSize is how many of the secret's last characters the record keeps, so that people can recognise it.
const hintSize = 4

// maxAttempts bounds how often Issue tries again after a conflict. A random status entry is free at least every other
// time, so this many misses are a fault.
const maxAttempts = 40

// Order describes the token to issue.
type Order struct {
	Scope         Scope
	Role          Role // zero for Manage; Read only for ScopeAccount
	AgentID       pfid.ID
	EnvironmentID pfid.ID
	Name          string
	ExpiresAt     time.Time     // zero for Lifetime from now; fractions of a second are dropped
	Lifetime      time.Duration // zero for the default
}

// Issue creates a token for the actor's account and returns it with its secret, which is stored nowhere. It creates the
// agent deployment in the same transaction if it does not exist yet. It returns fault.Validation with the field if the
// order is invalid, and fault.InvalidAction if the agent is retired.
func (ts *Tokens) Issue(ctx context.Context, actor audit.Actor, order Order) (Listed, string, error) {
	at := ts.now().UTC()
	if order.ExpiresAt.IsZero() {
		order.ExpiresAt = at.Add(cmp.Or(order.Lifetime, ts.lifetimes.Default))
	}
	order.ExpiresAt = order.ExpiresAt.UTC().Truncate(time.Second)
	if err := ts.checkOrder(&order, at); err != nil {
		return Listed{}, "", err
	}
	if order.Scope == ScopeEnvironment {
		if err := ts.store.Environment(ctx, actor.AccountID, order.EnvironmentID); err != nil {
			return Listed{}, "", err
		}
	}
	// The signed secret holds the deployment's id and the status entry, so they are chosen before the transaction, which
	// may find that a concurrent request took them.
	for attempt := 1; ; attempt++ {
		t, secret, err := ts.issueOnce(ctx, actor, order, at)
		if attempt < maxAttempts && (errors.Is(err, ErrDeploymentExists) || errors.Is(err, ErrEntryTaken) || errors.Is(err, ErrKeyWithdrawn)) {
			continue
		}
		if err != nil {
			return Listed{}, "", err
		}
		listed, err := ts.store.Token(ctx, t.AccountID, t.ID)
		if err != nil {
			// The token is committed, so return its secret even without the names.
			return Listed{Token: t}, secret, nil
		}
		return listed, secret, nil
	}
}

func (ts *Tokens) issueOnce(ctx context.Context, actor audit.Actor, order Order, at time.Time) (Token, string, error) {
	id, err := pfid.New(at, actor.AccountID.Partition(), ts.random)
	if err != nil {
		return Token{}, "", err
	}
	t, deployed, err := ts.ordered(ctx, actor, order, at)
	if err != nil {
		return Token{}, "", err
	}
	t.ID = id
	secret, err := ts.newSecret(ctx, &t, at)
	if err != nil {
		return Token{}, "", err
	}
	event, err := audit.New(at, actor, audit.APITokenCreated, t.ID.String(), t.described()+", expires "+t.ExpiresAt.Format(time.RFC3339), ts.random)
	if err != nil {
		return Token{}, "", err
	}
	if err := ts.store.InsertToken(ctx, t, HashOf([]byte(secret)), event, deployed); err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// ordered returns the token of an order, without an id and a secret, and the event of its deployment, which may be new; zero for
// none.
func (ts *Tokens) ordered(ctx context.Context, actor audit.Actor, order Order, at time.Time) (t Token, deployed audit.Event, err error) {
	t = Token{
		AccountID: actor.AccountID, Name: order.Name, Scope: order.Scope, Role: order.Role, Status: Active,
		AgentID: order.AgentID, EnvironmentID: order.EnvironmentID,
		CreatedByAdminUserID: actor.AdminUserID, CreatedByAPITokenID: actor.APITokenID,
		ExpiresAt: order.ExpiresAt, InsertedAt: at, UpdatedAt: at,
	}
	if t.Scope != ScopeAgentDeployment {
		return t, deployed, nil
	}
	if t.AgentDeploymentID, err = ts.store.Deployment(ctx, t.AccountID, t.AgentID, t.EnvironmentID); err != nil {
		return t, deployed, err
	}
	if t.AgentDeploymentID.IsZero() {
		if t.AgentDeploymentID, err = pfid.New(at, actor.AccountID.Partition(), ts.random); err != nil {
			return t, deployed, err
		}
	}
	deployed, err = audit.New(at, actor, audit.AgentDeploymentCreated, t.AgentDeploymentID.String(), "for an API token", ts.random)
	return t, deployed, err
}

// described returns the scope of a token, with its role if that is not the common one.
func (t Token) described() string {
	if t.Role == Read {
		return t.Scope.String() + ", read only"
	}
	return t.Scope.String()
}

// newSecret returns a new secret for a token, issued at the given instant, and sets the fields of the token that depend on it:
// StatusEntry, a random one that may be taken, KeyID and Hint.
func (ts *Tokens) newSecret(ctx context.Context, t *Token, at time.Time) (secret string, err error) {
	if t.StatusEntry.List, err = ts.store.OpenStatusList(ctx); err != nil {
		return "", err
	}
	if t.StatusEntry.Index, err = drawIndex(ts.random); err != nil {
		return "", err
	}
	var jti [16]byte
	if _, err := io.ReadFull(ts.random, jti[:]); err != nil {
		return "", fmt.Errorf("token: read random bytes: %w", err)
	}
	secret, t.KeyID, err = ts.signer.Sign(ctx, Claims{
		ID: base64.RawURLEncoding.EncodeToString(jti[:]), ClientID: t.ID, Subject: t.subject(),
		IssuedAt: at.Truncate(time.Second), ExpiresAt: t.ExpiresAt, Scope: t.Scope,
		AccountID: t.AccountID, EnvironmentID: t.EnvironmentID, AgentID: t.AgentID, AgentDeploymentID: t.AgentDeploymentID,
		StatusEntry: t.StatusEntry,
	})
	if err != nil {
		return "", err
	}
	t.Hint = secret[len(secret)-hintSize:]
	return secret, nil
}

// Subject returns the sub claim of the token.
func (s *State) Subject() pfid.ID {
	return Token{Scope: s.Scope, AccountID: s.AccountID, EnvironmentID: s.EnvironmentID, AgentID: s.AgentID}.subject()
}

// subject returns the sub claim: the id of the token's account, environment or agent, depending on the scope.
func (t Token) subject() pfid.ID {
	switch t.Scope {
	case ScopeEnvironment:
		return t.EnvironmentID
	case ScopeAgentDeployment:
		return t.AgentID
	default:
		return t.AccountID
	}
}

func (ts *Tokens) checkOrder(order *Order, at time.Time) error {
	wrong := fault.Fields{}
	wantsAgent, wantsEnvironment := order.Scope == ScopeAgentDeployment, order.Scope == ScopeAgentDeployment || order.Scope == ScopeEnvironment
	if order.Scope == 0 {
		wrong.Add("token_scope", "must be account, environment or agent_deployment")
	} else {
		checkPresence(wrong, "agent_id", order.Scope, !order.AgentID.IsZero(), wantsAgent)
		checkPresence(wrong, "environment_id", order.Scope, !order.EnvironmentID.IsZero(), wantsEnvironment)
	}
	order.Role = cmp.Or(order.Role, Manage)
	if order.Role != Manage && order.Scope != ScopeAccount {
		wrong.Add("token_role", "must be omitted unless the scope is account: other tokens can't call the management API")
	}
	order.Name = text.Line(wrong, "name", order.Name, 0, MaxName)
	field := "expires_at"
	if order.Lifetime != 0 {
		field = "expires_in"
	}
	switch latest := at.Add(ts.lifetimes.Max); {
	case !order.ExpiresAt.After(at):
		wrong.Add(field, "must be in the future")
	case order.ExpiresAt.After(latest):
		wrong.Add(field, "must not be after %s, the longest lifetime allowed here", latest.Truncate(time.Second).Format(time.RFC3339))
	}
	return wrong.Err()
}

func checkPresence(wrong fault.Fields, field string, scope Scope, has, wants bool) {
	switch {
	case wants && !has:
		wrong.Add(field, "is required for the scope %s", scope)
	case has && !wants:
		wrong.Add(field, "must be omitted for the scope %s", scope)
	}
}
