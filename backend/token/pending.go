package token

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"

	"tokentab/backend/pfid"
)

// pending holds entries, and finds them by a hash of the token's id.
type pending struct {
	numbers table // of the entries, by a hash of the id
	entries slab[pendingUse]
	clients slab[pendingClient]
}

// slab allocates in small pieces, so that entries never move. Its numbers begin at 1.
type slab[T any] struct {
	pieces []*[pendingSlab]T
	used   uint32
}

func (s *slab[T]) at(n uint32) *T { return &s.pieces[(n-1)/pendingSlab][(n-1)%pendingSlab] }

func (s *slab[T]) add() (n uint32) {
	if s.used%pendingSlab == 0 {
		s.pieces = append(s.pieces, new([pendingSlab]T))
	}
	s.used++
	return s.used
}

// pendingUse is an entry. What most validations touch comes first.
type pendingUse struct {
	token     pfid.ID
	hour      uint32
	accepted  atomic.Uint64
	at        atomic.Int64
	sampled   [2]uint32
	old       bool
	rotatedAt uint32
	progress  progress // guarded by moving
	agent     pfid.ID
	client    uint32 // the first address; 0 for none
	refused   atomic.Uint64
	refusedAt atomic.Int64
}

// progress is how far an entry is on its way to the store.
type progress uint8

const (
	isPending progress = iota
	isInBatch          // in the last batch that was begun, which may have reached the store
	isWritten
)

type pendingClient struct {
	address       [16]byte
	at, refusedAt int64
	next          uint32
}

// usesSeed makes the hashes of ids differ from process to process, so that no one can choose ids with the same one.
var usesSeed = maphash.MakeSeed()

func hashOfUse(token *pfid.ID) uint32 { return uint32(maphash.Bytes(usesSeed, token[:])) }

func (u *pendingUse) isOf(s *State, hour uint32) bool {
	return u.hour == hour && u.old == s.Old && u.rotatedAt == s.RotatedAt && u.token == s.TokenID
}

// find returns the number of the entry of a token's secret and an hour, or 0. hash is that of the token's id.
func (p *pending) find(s *State, hash, hour uint32) uint32 {
	n, at := p.numbers.first(hash)
	for n != 0 && !p.entries.at(n).isOf(s, hour) {
		n, at = p.numbers.next(hash, at)
	}
	return n
}

// add returns the number of a new entry. If the shard is full, it returns another one of the secret, or 0 if that has
// none.
func (p *pending) add(s *State, hash, hour uint32, most int) uint32 {
	if int(p.entries.used) >= most {
		n, at := p.numbers.first(hash)
		for n != 0 && !p.entries.at(n).isOf(s, p.entries.at(n).hour) {
			n, at = p.numbers.next(hash, at)
		}
		return n
	}
	n := p.entries.add()
	u := p.entries.at(n)
	u.token, u.agent, u.hour, u.rotatedAt, u.old = s.TokenID, s.AgentID, hour, s.RotatedAt, s.Old
	p.numbers.add(hash, n)
	return n
}

// clientOf returns the address of an entry: its own, a new one, or the oldest of the entry replaced. It returns nil if
// there is no room.
func (p *pending) clientOf(u *pendingUse, address [16]byte, most int) *pendingClient {
	var oldest *pendingClient
	held := 0
	for n := u.client; n != 0; held++ {
		c := p.clients.at(n)
		if c.address == address {
			return c
		}
		if oldest == nil || max(c.at, c.refusedAt) < max(oldest.at, oldest.refusedAt) {
			oldest = c
		}
		n = c.next
	}
	if held < MostClients && int(p.clients.used) < most {
		n := p.clients.add()
		c := p.clients.at(n)
		c.address, c.next = address, u.client
		u.client = n
		return c
	}
	if oldest != nil {
		*oldest = pendingClient{address: address, next: oldest.next}
	}
	return oldest
}

// use returns an entry as a Use.
func (p *pending) use(u *pendingUse) Use {
	use := Use{
		TokenID: u.token, AgentID: u.agent, Hour: u.hour, RotatedAt: u.rotatedAt, Old: u.old, Accepted: u.accepted.Load(), Refused: u.refused.Load(),
		At: u.at.Load(), RefusedAt: u.refusedAt.Load(),
	}
	for n := u.client; n != 0; {
		c := p.clients.at(n)
		use.Clients = append(use.Clients, Client{Address: netip.AddrFrom16(c.address).Unmap(), At: c.at, RefusedAt: c.refusedAt})
		n = c.next
	}
	return use
}
