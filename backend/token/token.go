// Package token issues, changes and validates API tokens.
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

// Scope says whether a token is for an account, an environment or an agent deployment.
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

// Hash is the SHA-256 of a secret. Secrets carry 128 random bits, so a plain hash is enough (OWASP ASVS 5.0, 6.5.2). It is
// an alias so that packages can pass hashes without importing this one.
type Hash = [sha256.Size]byte

// HashOf returns the hash of a secret.
func HashOf(secret []byte) Hash { return sha256.Sum256(secret) }

// Token is the record of an API token. It never holds the secret.
type Token struct {
	ID        pfid.ID
	AccountID pfid.ID
	Name      string // up to MaxName characters; may be empty
	Hint      string // the last four characters of the secret
	Scope     Scope
	Role      Role
	Status    Status
	// SuspendedByRetirement means that retiring the agent suspended the token, so reinstating the agent activates it.
	SuspendedByRetirement bool

	AgentID           pfid.ID // agent deployment tokens only
	AgentRetired      bool    // a token of a retired agent can't be activated
	EnvironmentID     pfid.ID // environment and agent deployment tokens only
	AgentDeploymentID pfid.ID // agent deployment tokens only

	KeyID       string      // of the key that signed the secret; KeyElsewhere, or empty for tokens older than key ids
	StatusEntry StatusEntry // zero for tokens older than the lists

	// The creator: an admin user, or an API token together with the admin user who is responsible for it. Both are zero
	// for the command line.
	CreatedByAdminUserID pfid.ID
	CreatedByAPITokenID  pfid.ID

	ExpiresAt time.Time // whole seconds, as in the secret's exp claim
	RotatedAt time.Time // when the current secret replaced another one; zero for the first secret
	// RotatedByAdminUserID is the admin user who got the current secret then; zero for an API token. The token ends with those
	// that this admin user made.
	RotatedByAdminUserID pfid.ID
	LastUsedAt           time.Time // the last accepted validation; zero if never used
	InsertedAt           time.Time
	UpdatedAt            time.Time
}

// Listed is a token with the names of the resources that it refers to.
type Listed struct {
	Token
	Hash            Hash // of the secret; must not leave the program
	AgentName       string
	EnvironmentName string
	CreatedByName   string
	Changed         StatusChange
	OldSecret       OldSecret
}

// StatusChange says when a token was suspended or revoked, and by whom. For an active token it says nothing.
type StatusChange struct {
	At time.Time
	// The actor: an admin user, or an API token, which may be the token itself. Both are zero for the command line.
	AdminUserID pfid.ID
	APITokenID  pfid.ID
	ByName      string // empty for the command line and for an API token that is deleted
	Reason      string // why, in their words; empty if they gave none
}

// Event is a recorded change of a token.
type Event struct {
	audit.Event
	ActorName string // empty for the command line and for an API token that is deleted
}

// MaxName is the longest name of a token, in characters.
const MaxName = 100

// Store keeps tokens. It writes each change together with its event in one transaction.
type Store interface {
	// Deployment returns the id of the deployment of an agent in an environment, or zero if there is none yet. It returns
	// fault.Validation with the field if the account does not have the agent or environment, and fault.InvalidAction if
	// the agent is retired.
	Deployment(ctx context.Context, account, agent, environment pfid.ID) (pfid.ID, error)
	// Environment returns fault.Validation with the field if the account does not have the environment.
	Environment(ctx context.Context, account, environment pfid.ID) error
	// InsertToken writes the token and, if its deployment does not exist yet, the deployment with the event deployed. It
	// returns the errors of Deployment and Environment. It returns ErrDeploymentExists if a concurrent request created the
	// deployment under another id or deleted it, ErrEntryTaken if the status entry is used or its list is full, and
	// ErrKeyWithdrawn if the key that signed the token was withdrawn. After an error nothing is written.
	InsertToken(ctx context.Context, t Token, hash Hash, event, deployed audit.Event) error
	// ChangeTokens reads the account's tokens with these ids, in their order and without those that do not exist, lets
	// choose say which to change, and gives those the status to, or deletes them if to is 0, all in one transaction. A
	// suspend or revoke ends their pending invites. record makes an event for each token and each invite, also for pending
	// moves of many tokens that include a token that it reads. It returns the tokens that it read as they are now, and
	// deleted ones as they were, also after a failure, so that caches can drop them.
	ChangeTokens(ctx context.Context, account pfid.ID, ids []pfid.ID, to Status, at time.Time, choose func([]Listed) ([]pfid.ID, error), record audit.Recorder) ([]Listed, error)
	// RotateToken reads the token, lets decide refuse, and gives it a new secret and expiry. The current secret becomes the
	// old one; an earlier old one ends. It returns fault.BadAuthToken or fault.NotAuthenticated if the actor has ended,
	// ErrEntryTaken and ErrKeyWithdrawn as InsertToken does.
	RotateToken(ctx context.Context, account, id pfid.ID, to NewSecret, decide func(Listed) error, record audit.Recorder) (Listed, error)
	// EndOldSecret reads the token, lets decide refuse, and ends its old secret.
	EndOldSecret(ctx context.Context, account, id pfid.ID, decide func(Listed) error, record audit.Recorder) (Listed, error)
	// CorrectOverlaps lets overlaps that began after ahead begin at latest. It corrects some at a time, and returns their tokens,
	// also if it fails.
	CorrectOverlaps(ctx context.Context, ahead, latest time.Time, recorder func(account pfid.ID) audit.Recorder) ([]pfid.ID, error)
	// RevokeWithDescendants reads the token, lets decide refuse, and revokes the token and its descendants, all in one
	// transaction. live is how many descendants are not revoked. It returns the ids of the tokens that it revoked, or nil if
	// they are too many, and how many of the descendants had not expired.
	RevokeWithDescendants(ctx context.Context, account, id pfid.ID, at time.Time, decide func(t Token, live int) error, record audit.Recorder) (Listed, []pfid.ID, int, error)
	// AdvanceMoves writes the new status and event of up to most tokens of the oldest move, fewer if they take long. more is
	// false if no move was under way.
	AdvanceMoves(ctx context.Context, most int, record func(audit.Actor, time.Time) audit.Recorder) (more bool, err error)
	// Moves returns the moves of an account that are under way, oldest first.
	Moves(ctx context.Context, account pfid.ID) ([]Move, error)
	// Token returns one token of the account, or fault.NotFound.
	Token(ctx context.Context, account, id pfid.ID) (Listed, error)
	// NewestTokens returns up to size tokens of the account, newest first. It starts behind the entry after, or with the newest
	// token if after is zero, and skips offset more. It also returns the number of all tokens.
	NewestTokens(ctx context.Context, account pfid.ID, after Entry, offset, size int) ([]Listed, int, error)
	// Snapshot calls f with a context in which other methods read one state of the database.
	Snapshot(ctx context.Context, f func(ctx context.Context) error) error
	// LastChange returns the number of the newest change of any token.
	LastChange(ctx context.Context) (int64, error)
	// Entries returns up to most tokens of the account in order of InsertedAt and ID, those that come after an entry.
	Entries(ctx context.Context, account pfid.ID, after Entry, most int) ([]Entry, error)
	// Changes returns what happened to the tokens of the account after the change with that number.
	Changes(ctx context.Context, account pfid.ID, after int64) (Changes, error)
	// IsDescendant reports whether a token was created by another one, directly or through others.
	IsDescendant(ctx context.Context, id, of pfid.ID) (bool, error)
	// Descendants returns the ids of a token and of all that it created, directly or through others, also of deleted ones.
	Descendants(ctx context.Context, id pfid.ID) ([]pfid.ID, error)
	// Named returns the ids of the agents, environments and admin users whose folded name or email contains part.
	Named(ctx context.Context, account pfid.ID, part string) ([]pfid.ID, error)
	// Left returns the ids of the admin users who were removed from the account.
	Left(ctx context.Context, account pfid.ID) ([]pfid.ID, error)
	// RetiredAgents returns the ids of the account's agents whose tokens can't be activated.
	RetiredAgents(ctx context.Context, account pfid.ID) ([]pfid.ID, error)
	// TokensByID returns the tokens with these ids, in their order, without those that do not exist.
	TokensByID(ctx context.Context, ids []pfid.ID) ([]Listed, error)
	// FindToken returns the state of the token with a secret of this hash, its present one or an old one; ok is false if there
	// is none.
	FindToken(ctx context.Context, hash Hash) (state State, ok bool, err error)
	// OpenStatusList returns the number of the status list for new tokens. The list may not exist yet.
	OpenStatusList(ctx context.Context) (int, error)
	// StatusLists returns the numbers of all status lists, oldest first.
	StatusLists(ctx context.Context) ([]int, error)
	// StatusList calls set once for each entry of the list whose token is not active at the given instant. Deleted tokens
	// and ended secrets count as revoked, and so does every unknown entry of a list that is older than a restore. until is when the next secret in the list ends; zero for never. ok is false if the
	// list does not exist.
	StatusList(ctx context.Context, number int, at time.Time, set func(index int, status Status)) (until time.Time, ok bool, err error)
	// ForgotStatusLists reports whether a restore may have forgotten status lists.
	ForgotStatusLists(ctx context.Context) (bool, error)
	// IsRevokedEntry reports whether a known token or secret has the entry, and has ended whatever the time.
	IsRevokedEntry(ctx context.Context, entry StatusEntry) (bool, error)
	// RecordUses adds the uses of a batch to the histories of their tokens, in one transaction. It sets a last use if it is
	// later than the stored one, or if the stored one is in the future, which only a wrong clock can cause. It skips tokens
	// that do not exist, and does nothing if the writer's batch that was stored last has this number. A power cut may lose the
	// last calls.
	RecordUses(ctx context.Context, batch UseBatch) error
	// Uses returns what is stored of the uses of tokens, and which batch of a writer was stored last.
	Uses(ctx context.Context, tokens []pfid.ID, writer int64) (StoredUses, error)
	// TokenEvents returns one page of the events of a token and their total number, or fault.NotFound.
	TokenEvents(ctx context.Context, account, id pfid.ID, page paging.Page) ([]Event, int, error)
	// RecordSeen sets when each agent was last seen if that is later than the stored time, or if the stored time is after
	// latest, in Unix milliseconds.
	RecordSeen(ctx context.Context, seen []Seen, latest int64) error
	// Census counts the tokens of all accounts at an instant. It reads all of them.
	Census(ctx context.Context, at time.Time) (Census, error)
}

// Signer turns claims into signed JWTs.
type Signer interface {
	// Sign returns the secret and the id of the key that signed it.
	Sign(ctx context.Context, claims Claims) (secret, keyID string, err error)
	SignStatusList(ctx context.Context, claims StatusListClaims) (signed string, err error)
	// StatusListURI returns the public URI of the list with that number.
	StatusListURI(number int) string
	// StatusEntry returns the status entry that a secret names, or zero if it names none. It does not check the
	// signature.
	StatusEntry(secret []byte) StatusEntry
}

// Claims are the claims of a secret that depend on the token (RFC 9068). The signer adds issuer and audience.
type Claims struct {
	ID        string // jti: 128 random bits; no API shows it
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

// Lifetimes are the default and the maximum lifetime of tokens.
type Lifetimes struct {
	Default time.Duration // if the order names no expiry
	Max     time.Duration // for every scope
}

// Tokens issues, changes, lists and validates API tokens. It is safe for concurrent use.
type Tokens struct {
	store     Store
	signer    Signer
	cache     *Cache
	lifetimes Lifetimes
	now       func() time.Time
	random    io.Reader

	statusLists *statusLists
	halted      *atomic.Bool
	barrier     *barrier // nil if no other copy of the program uses the store
	uses        *pendingUses
	flushed     atomic.Int64 // Unix milliseconds of the last flush that wrote all uses, at first of New
	indexes     indexes
	censuses    censuses
}

// New returns the tokens in store. Each operation reads now once.
func New(store Store, signer Signer, cache *Cache, lifetimes Lifetimes, now func() time.Time, random io.Reader) *Tokens {
	ts := &Tokens{
		store: store, signer: signer, cache: cache, lifetimes: lifetimes, now: now, random: random,
		statusLists: newStatusLists(), halted: new(atomic.Bool), uses: newPendingUses(cache.Stats().Most),
		indexes: indexes{accounts: map[uint32]*index{}},
	}
	ts.flushed.Store(now().UnixMilli())
	return ts
}

// HaltWhile makes validations fail while the flag is set, also for tokens in the cache. Call it before any other method.
func (ts *Tokens) HaltWhile(flag *atomic.Bool) { ts.halted = flag }

// errHalted is the error of validations while the files of the database are not those that a restart would open.
var errHalted = fault.New(fault.Unavailable, "A file of the server's database was removed or replaced, so tokens can't be validated.")

// Lifetimes returns the bounds that Issue enforces.
func (ts *Tokens) Lifetimes() Lifetimes { return ts.lifetimes }

// Get returns one token of the account, or fault.NotFound.
func (ts *Tokens) Get(ctx context.Context, account, id pfid.ID) (Listed, error) {
	t, err := ts.store.Token(ctx, account, id)
	ts.asOfNow(&t)
	return t, err
}

// Events returns one page of the recorded changes of a token and their total number. It returns fault.NotFound if the
// account has no such token.
func (ts *Tokens) Events(ctx context.Context, account, id pfid.ID, page paging.Page) ([]Event, int, error) {
	return ts.store.TokenEvents(ctx, account, id, page)
}
