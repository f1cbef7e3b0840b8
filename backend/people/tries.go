package people

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

// Tries counts the wrong attempts of one source.
type Tries struct {
	Source   string
	Failures int
	LastAt   time.Time
}

// limit is how a kind of source is slowed down. After free tries it must wait firstWait, which doubles with each
// further attempt up to longest. One attempt is forgotten after each period of forget without a new one.
type limit struct {
	free    int
	longest time.Duration
	forget  time.Duration
}

// TriesKept is how long wrong attempts are kept. All of them stop counting earlier, see limits. Those stamped further in the
// future came from a wrong clock and are not kept either.
const TriesKept = 24 * time.Hour

// firstWait is the wait after the free tries.
const firstWait = 5 * time.Second

// mostDoublings is how many tries beyond the free ones are counted. The wait has reached every limit by then, and a
// long attack is forgotten as fast as a short one.
const mostDoublings = 8

// The kinds of sources. Tries count for the email, the address and the network around it. The longest wait of an email is
// short, because anyone who knows the email could otherwise lock its owner out. A browser or network that has signed the user
// in before has its own count of the email, so unknown callers can't make it wait. Only the browser, which proves with a cookie
// that it knows the user, does not count for its address: if a network could leave that count, its next answer would tell
// anyone in it which emails are members.
const (
	emailKind    = "email"
	addressKind  = "address"
	networkKind  = "network"
	browserKind  = "browser"
	knownKind    = "known"
	passwordKind = "password" // changes of password, which only signed-in browsers can try
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

// at returns the tries that still count at the given instant.
func (t Tries) at(at time.Time) Tries {
	forgotten := max(0, at.Sub(t.LastAt)) / t.limit().forget
	t.Failures = max(0, t.Failures-int(min(forgotten, time.Duration(t.Failures))))
	return t
}

// triesTolerance is how far in the future a try may have been counted last: a clock that is set back a little must not spare a
// caller the wait.
const triesTolerance = time.Minute

// wait returns how long the source must wait at the given instant. A last try further in the future was stamped by a wrong
// clock and causes no wait.
func (t Tries) wait(at time.Time) time.Duration {
	l, t := t.limit(), t.at(at)
	if t.Failures < l.free || t.LastAt.After(at.Add(triesTolerance)) {
		return 0
	}
	return t.LastAt.Add(min(firstWait<<min(t.Failures-l.free, mostDoublings), l.longest)).Sub(at)
}

// plus returns the tries with one more at the given instant.
func (t Tries) plus(at time.Time) Tries {
	t = t.at(at)
	return Tries{Source: t.Source, Failures: min(t.Failures+1, t.limit().free+mostDoublings), LastAt: at}
}

// lane is the set of sources for which a try counts.
type lane struct {
	own    []string // a right try resets these
	shared []string // also count tries for other users: a right try restores their earlier count
	known  bool     // the browser has signed the user in before; a known network is not enough, since others share it
}

func (l lane) sources() []string { return append(append([]string{}, l.own...), l.shared...) }

// Settlement describes how to undo a try that was counted as wrong before the password was checked.
type Settlement struct {
	At      time.Time // when the try was counted
	Forget  []string  // sources to reset
	Restore []Tries   // earlier counts to restore
}

// countTry counts a try as wrong before the password is checked, so that parallel tries can't outrun the count. It
// returns how to undo that. If a source must wait, it counts nothing and returns fault.TooManyRequests.
func (ps *People) countTry(ctx context.Context, l lane) (Settlement, error) {
	at, err := ps.shared(ctx)
	if err != nil {
		return Settlement{}, err
	}
	before, err := ps.store.CountTry(ctx, l.sources(), at, func(tries []Tries) ([]Tries, error) {
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
		return &fault.Error{Kind: fault.TooManyRequests, Message: "Too many wrong attempts. Wait a moment, then try again.", RetryAfter: longest}
	}
	return nil
}

// check compares a password with a hash, and counts the try. If the password is right, it calls then while it still
// has its turn; then must also settle the try, so that no other try is counted on top of this one. An empty hash
// matches no password, but takes as long.
func (ps *People) check(ctx context.Context, l lane, password, hash string, then func(settle Settlement, outdated bool) error) (right bool, err error) {
	// Sources that must wait don't join the queue.
	at, err := ps.shared(ctx)
	if err != nil {
		return false, err
	}
	tries, err := ps.store.Tries(ctx, l.sources())
	if err == nil {
		err = mayTry(tries, at)
	}
	if err != nil {
		return false, err
	}
	done, err := ps.passwords.Turn(ctx, l.known)
	if err != nil {
		return false, err
	}
	defer done()
	s, err := ps.countTry(ctx, l)
	if err != nil {
		return false, err
	}
	if len(password) > 4*MaxPassword {
		hash = ""
	}
	right, outdated, err := ps.passwords.Matches(password, hash)
	if err == nil && right {
		err = then(s, outdated)
	}
	if err != nil { // the password was not compared, or the failure is not its fault
		_ = ps.store.SettleTries(context.WithoutCancel(ctx), s)
		return false, err
	}
	return right, nil
}

// laneOf returns the sources for which a sign-in counts. It asks the store the same for users who do not exist.
func (ps *People) laneOf(ctx context.Context, user pfid.ID, email string, from Browser) (lane, error) {
	known, err := ps.store.KnownSources(ctx, user, from.sources(user), ps.now().Add(-BrowserLife))
	if err != nil {
		return lane{}, err
	}
	own := []string{emailKind + " " + hashed(email)}
	if len(known) > 0 {
		own = known[:1]
	}
	if strings.HasPrefix(own[0], browserKind+" ") {
		return lane{own: own, known: true}, nil
	}
	return lane{own: own, shared: networks(from.Address)}, nil
}

// sources returns the sources by which the user is known after signing in with this browser: the browser, if it has
// an id, then its network.
func (b Browser) sources(user pfid.ID) []string {
	of := user.String()
	list := []string{knownKind + " " + hashed(of, network(b.Address, 32, 64))}
	if b.ID.isWellFormed() {
		list = append([]string{browserKind + " " + hashed(of, string(b.ID))}, list...)
	}
	return list
}

// networks returns the sources of an unknown browser: the address (for IPv6 its /64, which one user commonly has), and
// the network around it.
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

// hashed hides what was typed, because people type passwords into the wrong field, and where users have been.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
