package token

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"tokentab/backend/pfid"
)

// How uses are counted. One mechanism serves the last use, the counts and the addresses of a token.
//
// Check adds each validation to an entry of its token and hour in memory: two atomic additions under a read lock of one
// shard. Entries hold no pointers and refer to each other by number. A flush takes all entries away, sorts them by token,
// and merges them into the rows of the store in batches, see useflush.go and history.go. Get, List and Usages add what is
// not stored yet.
//
// A validation counts if the token meets the requirements: as accepted, or as refused if the token is suspended, revoked
// or expired, or the secret was replaced. A good token that does not meet them counts as neither. It works, and another
// account can't make its neighbour's token look used. Unknown secrets have no token, so they count nowhere.
//
// Counts are exact. A batch and its number are one transaction, and a batch that failed is sent again as it was. If its
// commit reached the disk after all, the store knows the number and does not add the batch twice.
//
// If the store fails for so long that a shard is full, further hours of known tokens go to an hour that has an entry, and
// further tokens are not counted. So counts and last uses may be too low then, never too high.

const (
	// wrongClock, in milliseconds, is how far in the future a last use may be. A later one is from a wrong clock, and must
	// not hide newer uses.
	wrongClock = 60_000

	pendingShards = 64
	// pendingPerShard is how many entries each shard holds at least.
	pendingPerShard = 4096
	// pendingSlab is how many entries or addresses a shard allocates at once.
	pendingSlab = 32
	// addressEvery, in milliseconds, is the time in which at most one address of a token is recorded as accepted, and one
	// as refused.
	addressEvery = 1000
)

// Use is how a token was used within one hour.
type Use struct {
	TokenID           pfid.ID
	AgentID           pfid.ID // the agent of the token; zero if it has none
	Hour              uint32  // hours since 1970
	Old               bool    // as in State, like RotatedAt
	RotatedAt         uint32
	Accepted, Refused uint64
	At, RefusedAt     int64 // the last use of each kind in Unix milliseconds; 0 for none
	Clients           []Client
}

// Client is an address that used a token. Its times are the last of each kind in Unix milliseconds; 0 for none.
type Client struct {
	Address       netip.Addr
	At, RefusedAt int64
}

// pendingUses holds the uses that the store does not have yet.
type pendingUses struct {
	shards [pendingShards]pendingShard
	most   int // entries, and addresses, in one shard

	flushing sync.Mutex           // held by a flush
	seen     map[pfid.ID]sighting // agents of written uses; guarded by flushing
	writing  []*pendingUse        // entries that the current flush has yet to write, ordered by token; guarded by flushing
	trying   int                  // how many of them are in a batch that failed; guarded by flushing

	reporting sync.Mutex
	reported  map[pfid.ID]int64 // when agents were seen without a use of their tokens, since the last flush; guarded by reporting

	following sync.Mutex
	followed  int64 // number of the last write that was read from other copies, below 0 for none; guarded by following

	// moving is read-locked to look up uses, and locked while they move on.
	moving sync.RWMutex
	// watcher is called for the entries that a flush takes; nil for none.
	watcher atomic.Pointer[func(token pfid.ID, refused bool)]
	writer  int64 // of batches
	batch   int64 // number of the last batch that was begun
	left    int   // length of writing
}

type pendingShard struct {
	mu sync.RWMutex
	pending
	taken pending  // by the current flush; guarded by moving
	_     [40]byte // keeps the locks of two shards apart in the processor's cache
}

// sighting is the last use by an agent, in Unix milliseconds: at is known here, written is stored.
type sighting struct{ at, written int64 }

// newPendingUses returns a pendingUses for about this many tokens, with a writer that no other process has.
func newPendingUses(tokens int) *pendingUses {
	return &pendingUses{most: max(tokens/pendingShards*5/4, pendingPerShard), seen: map[pfid.ID]sighting{}, reported: map[pfid.ID]int64{}, writer: rand.Int64(), followed: -1}
}

// SawAgent notes that an agent was seen just now, although none of its own tokens was used.
func (ts *Tokens) SawAgent(agent pfid.ID) {
	at, l := ts.now().UnixMilli(), ts.uses
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.reported[agent] = later(l.reported[agent], at, at+wrongClock)
}

// later returns the later of two last uses; 0 is none. If only one is beyond the limit, it returns the other.
func later(a, b, limit int64) int64 {
	if a == 0 || b == 0 || (a > limit) == (b > limit) {
		return max(a, b)
	}
	return min(a, b)
}

func hourOf(at int64) uint32 { return uint32(max(at, 0) / hourLength) }

// latest returns the latest plausible time of a use, in Unix milliseconds.
func (ts *Tokens) latest() int64 { return ts.now().UnixMilli() + wrongClock }

func (l *pendingUses) shardOf(hash uint32) *pendingShard {
	return &l.shards[hash/(1<<32/pendingShards)] // by the highest bits, since tables use the lowest
}

// count counts a validation of a token. It reports whether the address of the client is wanted.
func (l *pendingUses) count(s *State, at int64, accepted bool) (wanted bool) {
	hash, hour := hashOfUse(&s.TokenID), hourOf(at)
	shard := l.shardOf(hash)
	shard.mu.RLock()
	n := shard.find(s, hash, hour)
	if n != 0 {
		wanted = shard.entries.at(n).count(at, accepted)
	}
	shard.mu.RUnlock()
	if n != 0 {
		return wanted
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if n = shard.find(s, hash, hour); n == 0 {
		n = shard.add(s, hash, hour, l.most)
	}
	return n != 0 && shard.entries.at(n).count(at, accepted)
}

func (u *pendingUse) count(at int64, accepted bool) (wanted bool) {
	n, last, kind := &u.accepted, &u.at, 0
	if !accepted {
		n, last, kind = &u.refused, &u.refusedAt, 1
	}
	n.Add(1)
	for {
		known := last.Load()
		if now := later(known, at, at+wrongClock); now == known || last.CompareAndSwap(known, now) {
			break
		}
	}
	return atomic.LoadUint32(&u.sampled[kind]) != sampleOf(at)
}

// sampleOf numbers the times in which one address is recorded, from 1.
func sampleOf(at int64) uint32 { return uint32(max(at, 0)/addressEvery) + 1 }

// recordAddress adds the address of a client to the counted use, unless another one was recorded in the same second.
func (l *pendingUses) recordAddress(s *State, at int64, accepted bool, address netip.Addr) {
	hash, hour := hashOfUse(&s.TokenID), hourOf(at)
	shard := l.shardOf(hash)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	n := shard.find(s, hash, hour)
	if n == 0 { // taken by a flush meanwhile
		n = shard.add(s, hash, hour, l.most)
	}
	if n == 0 {
		return
	}
	u, kind := shard.entries.at(n), 0
	if !accepted {
		kind = 1
	}
	if u.sampled[kind] == sampleOf(at) {
		return
	}
	atomic.StoreUint32(&u.sampled[kind], sampleOf(at))
	if c := shard.clientOf(u, address.As16(), l.most); c != nil && accepted {
		c.at = later(c.at, at, at+wrongClock)
	} else if c != nil {
		c.refusedAt = later(c.refusedAt, at, at+wrongClock)
	}
}

// unwritten are the uses of a token that the store may not have yet.
type unwritten struct {
	pending, inBatch []Use
	batch            int64 // number of the last batch that was begun, and that of inBatch
}

// of returns the uses of a token that are not known to be stored.
func (l *pendingUses) of(token pfid.ID) (found unwritten) {
	l.moving.RLock()
	defer l.moving.RUnlock()
	found.batch = l.batch
	hash := hashOfUse(&token)
	shard := l.shardOf(hash)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	for _, p := range []*pending{&shard.pending, &shard.taken} {
		for n, at := p.numbers.first(hash); n != 0; n, at = p.numbers.next(hash, at) {
			u := p.entries.at(n)
			switch {
			case u.token != token || u.progress == isWritten:
			case u.progress == isInBatch:
				found.inBatch = append(found.inBatch, p.use(u))
			default:
				found.pending = append(found.pending, p.use(u))
			}
		}
	}
	return found
}

// lastOf returns the last accepted use of a token that is not known to be stored, in Unix milliseconds; 0 for none.
func (l *pendingUses) lastOf(token pfid.ID, limit int64) (at int64) {
	found := l.of(token)
	for _, use := range slices.Concat(found.pending, found.inBatch) {
		at = later(at, use.At, limit)
	}
	return at
}

// size returns how many entries are not in the store yet.
func (l *pendingUses) size() int {
	l.moving.RLock()
	defer l.moving.RUnlock()
	n := l.left
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.RLock()
		n += int(s.entries.used)
		s.mu.RUnlock()
	}
	return n
}
