package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// Tries is how many sign-ins of one source failed in a row, and when the last one was.
type Tries struct {
	Source   string
	Failures int
	LastAt   time.Time
}

// freeTries is how many wrong tries in a row cost no waiting.
const freeTries = 5

// How long a source waits after its free tries: doubled with each further one, up to a bound. The bound of an email is
// low, since whoever knows an email could otherwise keep its owner out.
const (
	firstWait      = 5 * time.Second
	maxEmailWait   = time.Minute
	maxAddressWait = 15 * time.Minute
	// triesForgottenAfter is how long a source has to be quiet to start anew.
	triesForgottenAfter = 24 * time.Hour
)

const addressSource = "address "

// wait returns how long after its last failure a source may try again.
func (t Tries) wait() time.Duration {
	if t.Failures < freeTries {
		return 0
	}
	longest := maxEmailWait
	if strings.HasPrefix(t.Source, addressSource) {
		longest = maxAddressWait
	}
	return min(firstWait<<min(t.Failures-freeTries, 16), longest)
}

// SignIn checks a password and starts a session. It returns the session's id, which exists nowhere else from then on.
// An unknown email and a wrong password answer alike, after the same work: a fault.NotAuthenticated. After five wrong
// tries in a row an email and a network address have to wait: a fault.TooManyRequests.
func (as *Accounts) SignIn(ctx context.Context, email, password, address, userAgent string) (SessionID, Session, error) {
	at := as.now().UTC()
	email = normalEmail(email)
	sources := sourcesOf(email, address)
	if err := as.countTry(ctx, sources, at); err != nil {
		return "", Session{}, err
	}
	user, hash, ok, err := as.store.AdminUserByEmail(ctx, email)
	if err != nil {
		return "", Session{}, err
	}
	if !ok || len(password) > 4*MaxPassword {
		hash = ""
	}
	matches, err := as.passwords.Matches(ctx, password, hash)
	if err != nil {
		return "", Session{}, err
	}
	if !matches || !ok {
		return "", Session{}, wrongSignIn()
	}
	if err := as.store.ForgetTries(ctx, sources); err != nil {
		return "", Session{}, err
	}
	return as.startSession(ctx, user, hash, address, userAgent)
}

func wrongSignIn() error {
	return fault.New(fault.NotAuthenticated, "The email or the password is wrong.")
}

// countTry counts one more try, or refuses it where a source has to wait. It comes before the password is looked at, so
// that many tries at once can't get ahead of the count.
func (as *Accounts) countTry(ctx context.Context, sources []string, at time.Time) error {
	return as.store.CountTry(ctx, sources, at, func(tries []Tries) error {
		for _, t := range tries {
			if at.Sub(t.LastAt) > triesForgottenAfter {
				continue
			}
			if left := t.LastAt.Add(t.wait()).Sub(at); left > 0 {
				return &fault.Error{Kind: fault.TooManyRequests, Message: "Too many wrong tries. Wait a little and try again.", RetryAfter: left}
			}
		}
		return nil
	})
}

func sourcesOf(email, address string) []string {
	return []string{emailSource(email), addressSource + network(address)}
}

// SignOut ends the actor's session.
func (as *Accounts) SignOut(ctx context.Context, actor audit.Actor, id SessionID) error {
	event, err := audit.New(as.now().UTC(), actor, audit.SessionEnded, actor.AdminUserID.String(), "signed out", as.random)
	if err != nil {
		return err
	}
	return as.store.DeleteSession(ctx, id.hash(), event)
}

// emailSource hides what was typed: people type passwords into the wrong field.
func emailSource(email string) string {
	sum := sha256.Sum256([]byte(email))
	return "email " + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// network is what counts as one address: an IPv4 address, or the /64 network that a single IPv6 user commonly has.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
