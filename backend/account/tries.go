package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Tries is how many wrong tries of one source count, and when the last one was.
type Tries struct {
	Source   string
	Failures int
	LastAt   time.Time
}

// limit is how a kind of source is slowed down. After the free tries it waits; the wait doubles with each further one,
// up to the longest. One try is forgotten after each forget without another.
type limit struct {
	free    int
	longest time.Duration
	forget  time.Duration
}

// firstWait is the wait after the free tries.
const firstWait = 5 * time.Second

// mostDoublings bounds how many tries count beyond the free ones: the wait has reached every limit by then, and a long
// attack is forgotten as soon as a short one.
const mostDoublings = 8

// The kinds of sources. A stranger counts for the email, the address and the network around it. The longest wait of an
// email is short, since a stranger who knows it could otherwise keep its owner out. A browser or a network that has
// signed the user in before counts apart, and strangers can't make it wait.
const (
	emailKind    = "email"
	addressKind  = "address"
	networkKind  = "network"
	browserKind  = "browser"
	knownKind    = "known"
	passwordKind = "password" // of a change of password, by a browser that is signed in
)

var limits = map[string]limit{
	emailKind:    {free: 5, longest: time.Minute, forget: 15 * time.Minute},
	addressKind:  {free: 5, longest: 15 * time.Minute, forget: 15 * time.Minute},
	networkKind:  {free: 25, longest: 15 * time.Minute, forget: time.Minute},
	browserKind:  {free: 5, longest: time.Minute, forget: 15 * time.Minute},
	knownKind:    {free: 5, longest: time.Minute, forget: 15 * time.Minute},
	passwordKind: {free: 5, longest: time.Minute, forget: 15 * time.Minute},
}

func (t Tries) limit() limit {
	kind, _, _ := strings.Cut(t.Source, " ")
	return limits[kind]
}

// at returns what counts of the tries at the given instant.
func (t Tries) at(at time.Time) Tries {
	forgotten := max(0, at.Sub(t.LastAt)) / t.limit().forget
	t.Failures = max(0, t.Failures-int(min(forgotten, time.Duration(t.Failures))))
	return t
}

// wait returns how long the source has to wait at the given instant. A last try in the future was stamped by a clock
// that was wrong, so it makes no one wait.
func (t Tries) wait(at time.Time) time.Duration {
	l, t := t.limit(), t.at(at)
	if t.Failures < l.free || t.LastAt.After(at) {
		return 0
	}
	return t.LastAt.Add(min(firstWait<<min(t.Failures-l.free, mostDoublings), l.longest)).Sub(at)
}

// plus returns the tries with one more at the given instant.
func (t Tries) plus(at time.Time) Tries {
	t = t.at(at)
	return Tries{Source: t.Source, Failures: min(t.Failures+1, t.limit().free+mostDoublings), LastAt: at}
}

// lane is the sources for which a try counts.
type lane struct {
	own    []string // forgotten after a right try
	shared []string // with tries for other users: a right try is not counted, but those before it are
	known  bool     // comes from a browser that has signed the user in: a network has strangers in it, too
}

func (l lane) sources() []string { return append(append([]string{}, l.own...), l.shared...) }

// Settlement takes a try back that was counted as wrong before it was looked at.
type Settlement struct {
	At      time.Time // when it was counted
	Forget  []string  // sources that start anew
	Restore []Tries   // what was counted before it
}

// countTry counts one more try as wrong, before it is looked at, so that many at once can't get ahead of the count. It
// returns how to take it back. If a source has to wait, it counts nothing and returns a fault.TooManyRequests.
func (as *Accounts) countTry(ctx context.Context, l lane) (Settlement, error) {
	at := as.now().UTC()
	before, err := as.store.CountTry(ctx, l.sources(), at, func(tries []Tries) ([]Tries, error) {
		next := make([]Tries, len(tries))
		for i, t := range tries {
			next[i] = t.plus(at)
		}
		return next, mayTry(tries, at)
	})
	if err != nil {
		return Settlement{}, err
	}
	s := Settlement{At: at, Forget: l.own}
	for _, t := range before {
		for _, source := range l.shared {
			if t.Source == source {
				s.Restore = append(s.Restore, t)
			}
		}
	}
	return s, nil
}

func mayTry(tries []Tries, at time.Time) error {
	var longest time.Duration
	for _, t := range tries {
		longest = max(longest, t.wait(at))
	}
	if longest > 0 {
		return &fault.Error{Kind: fault.TooManyRequests, Message: "Too many wrong tries. Wait a little and try again.", RetryAfter: longest}
	}
	return nil
}

// check compares a password with a hash, and counts the try. If the password is right it calls then, which takes the try
// back with what it writes, before anyone else has a turn: their tries would count on top of this one. An empty hash
// matches no password, after the same work.
func (as *Accounts) check(ctx context.Context, l lane, password, hash string, then func(settle Settlement, outdated bool) error) (right bool, err error) {
	// Sources that have to wait take no place in the queue.
	tries, err := as.store.Tries(ctx, l.sources())
	if err == nil {
		err = mayTry(tries, as.now().UTC())
	}
	if err != nil {
		return false, err
	}
	done, err := as.passwords.Turn(ctx, l.known)
	if err != nil {
		return false, err
	}
	defer done()
	s, err := as.countTry(ctx, l)
	if err != nil {
		return false, err
	}
	if len(password) > 4*MaxPassword {
		hash = ""
	}
	right, outdated, err := as.passwords.Matches(password, hash)
	if err == nil && right {
		err = then(s, outdated)
	}
	if err != nil { // it was not looked at, or came to nothing by no fault of the password
		_ = as.store.SettleTries(context.WithoutCancel(ctx), s)
		return false, err
	}
	return right, nil
}

// laneOf returns for which sources a sign-in counts. It asks the store as much about a user who does not exist.
func (as *Accounts) laneOf(ctx context.Context, user pfid.ID, email string, from Browser) (lane, error) {
	known, err := as.store.KnownSources(ctx, user, from.sources(user))
	if err != nil {
		return lane{}, err
	}
	if len(known) > 0 {
		return lane{own: known[:1], known: strings.HasPrefix(known[0], browserKind+" ")}, nil
	}
	return lane{own: []string{emailKind + " " + hashed(email)}, shared: networks(from.Address)}, nil
}

// sources are what a user is known by who has signed in with this browser: the browser, then the network.
func (b Browser) sources(user pfid.ID) []string {
	of := user.String()
	list := []string{knownKind + " " + hashed(of, network(b.Address, 32, 64))}
	if b.ID.isWellFormed() {
		list = append([]string{browserKind + " " + hashed(of, string(b.ID))}, list...)
	}
	return list
}

// networks are the sources of a stranger at an address: the address itself, or the /64 network that a single IPv6 user
// commonly has, and the network around it.
func networks(address string) []string {
	return []string{addressKind + " " + network(address, 32, 64), networkKind + " " + network(address, 24, 48)}
}

func network(address string, bits4, bits6 int) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := bits6
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = bits4
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return address
	}
	return prefix.String()
}

// hashed hides what was typed, since people type passwords into the wrong field, and where users have been.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
