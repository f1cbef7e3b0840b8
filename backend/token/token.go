// Package token holds what the program exists for: API tokens, the rules of their life, and the verdict on a secret.
package token

import (
	"context"
	"crypto/sha256"
	"io"
	"sync/atomic"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Scope is what a token stands for.
type Scope uint8

// The scopes. The zero Scope is none of them.
const (
	ScopeAccount Scope = iota + 1
	ScopeEnvironment
	ScopeAgentDeployment
)

var scopeNames = [...]string{ScopeAccount: "account", ScopeEnvironment: "environment", ScopeAgentDeployment: "agent_deployment"}

// String returns the wire word.
func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return ""
}

// ParseScope reads the wire word; ok is false for any other text.
func ParseScope(text string) (scope Scope, ok bool) {
	for s := ScopeAccount; s <= ScopeAgentDeployment; s++ {
		if scopeNames[s] == text {
			return s, true
		}
	}
	return 0, false
}

// Status is the stored status of a token. Expiry is not one: a token is expired once ExpiresAt has passed.
type Status uint8

// The statuses. The zero Status is none of them, so an unset one is never active.
const (
	Active Status = iota + 1
	Suspended
	Revoked
)

var statusNames = [...]string{Active: "active", Suspended: "suspended", Revoked: "revoked"}

// String returns the wire word.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return ""
}

// ParseStatus reads the wire word; ok is false for any other text.
func ParseStatus(text string) (status Status, ok bool) {
	for s := Active; s <= Revoked; s++ {
		if statusNames[s] == text {
			return s, true
		}
	}
	return 0, false
}

// Hash is SHA-256 of a secret. Secrets carry 128 random bits, so a plain hash is enough (OWASP ASVS 5.0, 6.5.2). It is
// an alias for packages that end tokens without knowing what a token is.
type Hash = [sha256.Size]byte

// HashOf returns the hash under which a secret is stored.
func HashOf(secret []byte) Hash { return sha256.Sum256(secret) }

// Token is the record of an API token. It never holds the secret.
type Token struct {
	ID        pfid.ID
	AccountID pfid.ID
	Name      string // up to MaxName characters; may be empty
	Hint      string // the last four characters of the secret
	Scope     Scope
	Status    Status
	// SuspendedByRetirement says that the retirement of its agent suspended it, and its reinstatement activates it.
	SuspendedByRetirement bool

	AgentID           pfid.ID // agent deployment tokens only
	AgentRetired      bool    // a token of a retired agent can't be activated
	EnvironmentID     pfid.ID // environment and agent deployment tokens only
	AgentDeploymentID pfid.ID // agent deployment tokens only

	KeyID       string      // of the key that signed the secret; empty for a token older than key ids
	StatusEntry StatusEntry // where offline verifiers look its status up; none for a token older than the lists

	// Who asked for it: an admin user, or an API token, and then also the admin user who is responsible for that one;
	// neither for the command line.
	CreatedByAdminUserID pfid.ID
	CreatedByAPITokenID  pfid.ID

	ExpiresAt  time.Time // whole seconds, as in the secret's exp claim
	LastUsedAt time.Time // the last accepted validation; zero for never
	InsertedAt time.Time
	UpdatedAt  time.Time
}

// Listed is a token together with the names that people know its ids by.
type Listed struct {
	Token
	Hash            Hash // of the secret; stays inside
	AgentName       string
	EnvironmentName string
	CreatedByName   string
	Revocation      Revocation
}

// Revocation is how a token was revoked. The zero Revocation is that of a token that is not.
type Revocation struct {
	At time.Time
	// The actor: an admin user or an API token, which may be the token itself; neither for the command line.
	AdminUserID pfid.ID
	APITokenID  pfid.ID
	ByName      string // empty for the command line and for an API token that is deleted
}

// MaxName is the longest name of a token, in characters.
const MaxName = 100

// Filter narrows a list of tokens. The zero Filter is all tokens of the account.
type Filter struct {
	AgentID              pfid.ID
	EnvironmentID        pfid.ID
	CreatedByAdminUserID pfid.ID
	DescendantsOf        pfid.ID   // tokens that this one created, that they created, and so on
	LiveAt               time.Time // tokens that are not revoked and not expired at this instant; zero for all
	Scope                Scope
	Status               Status
}

// Store keeps tokens. Every change is written together with its event in one transaction, or not at all.
type Store interface {
	// Deployment returns the id of the deployment of an agent in an environment, zero where there is none yet.
	// An agent or environment that the account does not have is a fault.Validation naming the field, a retired agent a
	// fault.InvalidAction.
	Deployment(ctx context.Context, account, agent, environment pfid.ID) (pfid.ID, error)
	// Environment checks that the account has the environment; a fault.Validation naming the field if not.
	Environment(ctx context.Context, account, environment pfid.ID) error
	// InsertToken writes the token and, where its deployment does not exist yet, the deployment. When somebody else made
	// that deployment meanwhile under another id, or deleted it, it writes nothing and returns ErrDeploymentExists. It
	// refuses what Deployment and Environment refuse. deployed is the event of making the deployment, written only if it
	// is made. When the token's status entry is not free, or its list is full, it writes nothing and returns ErrEntryTaken; when
	// the key that signed it was withdrawn meanwhile, ErrKeyWithdrawn.
	InsertToken(ctx context.Context, t Token, hash Hash, event, deployed audit.Event) error
	// ChangeToken reads the token, lets decide set its new state, and writes that, all in one transaction. A token that is
	// not active from then on loses its pending invites. record makes the events of those, and of moves of many tokens that
	// the token is still to follow.
	// It returns the token also when the change failed, as far as it is known, so that caches can drop it.
	ChangeToken(ctx context.Context, account, id pfid.ID, decide func(*Token) (audit.Event, error), record audit.Recorder) (Listed, error)
	// RevokeWithDescendants reads the token, asks decide, which is told how many of its descendants are not revoked, and
	// revokes the token and them, all in one transaction: the tokens that it created, that they created, and so on. It
	// returns the hashes of those that it revoked, nil if they are too many, and how many of the descendants had not
	// expired.
	RevokeWithDescendants(ctx context.Context, account, id pfid.ID, at time.Time, decide func(t Token, live int) error, record audit.Recorder) (Listed, []Hash, int, error)
	// DeleteToken reads the token, asks decide, and removes the row, all in one transaction.
	DeleteToken(ctx context.Context, account, id pfid.ID, decide func(Token) (audit.Event, error), recorder audit.Recorder) (Listed, error)
	// AdvanceMoves brings up to most tokens to where the oldest move of many tokens takes them, each with its event. more
	// is false if no move was under way.
	AdvanceMoves(ctx context.Context, most int, record func(audit.Actor, time.Time) audit.Recorder) (more bool, err error)
	// Moves returns the moves of many tokens of an account that are under way, oldest first.
	Moves(ctx context.Context, account pfid.ID) ([]Move, error)
	// Token returns one token of the account, else a fault.NotFound.
	Token(ctx context.Context, account, id pfid.ID) (Listed, error)
	// Tokens returns one page of the account's tokens and how many there are in all.
	Tokens(ctx context.Context, account pfid.ID, filter Filter, page paging.Page) ([]Listed, int, error)
	// FindToken returns what a validation needs of the token with this hash; ok is false where there is none.
	FindToken(ctx context.Context, hash Hash) (standing State, ok bool, err error)
	// OpenStatusList returns the number of the status list that takes new tokens. It need not exist yet.
	OpenStatusList(ctx context.Context) (int, error)
	// StatusLists returns the numbers of all status lists, oldest first.
	StatusLists(ctx context.Context) ([]int, error)
	// StatusList calls set once for each entry of the list whose token is not active. Deleted tokens count as revoked. ok
	// is false where there is no such list.
	StatusList(ctx context.Context, number int, set func(index int, status Status)) (ok bool, err error)
	// IsRevokedEntry reports whether StatusList would call set for the entry with Revoked.
	IsRevokedEntry(ctx context.Context, entry StatusEntry) (bool, error)
	// RecordUses moves the last use of each token forward to the given instant, and back only from one beyond latest, in
	// Unix milliseconds. The tokens differ. A power cut may take back what it wrote last.
	RecordUses(ctx context.Context, uses []Use, latest int64) error
	// RecordSeen does the same for when each agent was seen last.
	RecordSeen(ctx context.Context, uses []Use, latest int64) error
}

// Signer turns claims into signed JWTs.
type Signer interface {
	// Sign returns the secret and the id of the key that signed it.
	Sign(ctx context.Context, claims Claims) (secret, keyID string, err error)
	SignStatusList(ctx context.Context, claims StatusListClaims) (signed string, err error)
	// StatusListURI is the address under which everybody can fetch the list with that number.
	StatusListURI(number int) string
	// StatusEntry returns the status entry that a secret names, or the zero value if it names none. It checks no
	// signature.
	StatusEntry(secret []byte) StatusEntry
}

// Claims are the claims of a secret that depend on the token (RFC 9068). The signer adds issuer and audience.
type Claims struct {
	ID        string // jti: 128 random bits; no API ever shows it
	ClientID  pfid.ID
	Subject   pfid.ID
	IssuedAt  time.Time
	ExpiresAt time.Time
	Scope     Scope

	AccountID, EnvironmentID, AgentID, AgentDeploymentID pfid.ID

	StatusEntry StatusEntry
}

// StatusListClaims are the claims of a signed status list (draft-ietf-oauth-status-list-20, section 5.1). The signer adds
// issuer and subject.
type StatusListClaims struct {
	Number    int
	IssuedAt  time.Time
	ExpiresAt time.Time
	TTL       time.Duration
	Bits      int    // of an entry
	List      string // the packed entries
}

// Lifetimes bounds how long tokens live.
type Lifetimes struct {
	Default time.Duration // where the caller names no end
	Max     time.Duration // for every scope and every door
}

// Tokens issues, changes, lists and judges API tokens.
type Tokens struct {
	store     Store
	signer    Signer
	cache     *Cache
	lifetimes Lifetimes
	now       func() time.Time
	random    io.Reader

	statusLists *statusLists
	halted      *atomic.Bool
	uses        *lastUses
}

// New returns the tokens kept in store. now is read once for each operation.
func New(store Store, signer Signer, cache *Cache, lifetimes Lifetimes, now func() time.Time, random io.Reader) *Tokens {
	return &Tokens{
		store: store, signer: signer, cache: cache, lifetimes: lifetimes, now: now, random: random,
		statusLists: newStatusLists(), halted: new(atomic.Bool), uses: newLastUses(cache.tokens),
	}
}

// HaltWhile makes validations fail, also of tokens in the cache, while the flag is set. It is called before anything else.
func (ts *Tokens) HaltWhile(flag *atomic.Bool) { ts.halted = flag }

// errHalted is why a validation fails while the store is not the one that a restart would find.
var errHalted = fault.New(fault.Unavailable, "The server's database was removed or replaced, so tokens can't be validated.")

// Lifetimes returns the bounds that Issue enforces.
func (ts *Tokens) Lifetimes() Lifetimes { return ts.lifetimes }

// Get returns one token of the account, else a fault.NotFound.
func (ts *Tokens) Get(ctx context.Context, account, id pfid.ID) (Listed, error) {
	t, err := ts.store.Token(ctx, account, id)
	ts.withLastUse(&t)
	return t, err
}

// List returns one page of the account's tokens and how many match in all.
func (ts *Tokens) List(ctx context.Context, account pfid.ID, filter Filter, page paging.Page) ([]Listed, int, error) {
	if page.Sort == "last_used_at" {
		ts.settleUses(ctx)
	}
	list, total, err := ts.store.Tokens(ctx, account, filter, page)
	for i := range list {
		ts.withLastUse(&list[i])
	}
	return list, total, err
}
