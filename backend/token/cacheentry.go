package token

import (
	"encoding/binary"

	"tokentab/backend/pfid"
)

// entry is one cached token packed into 16 words, two lines of a processor's cache: the hash, five ids without their
// partition, which the ids of an account share, a word of the end and the partition, and a word of what changes.
type entry [entryWords]uint64

const (
	wordIDs     = hashWords
	wordEnd     = wordIDs + 2*idCount // ExpiresAt << 30 | partition
	wordLast    = wordEnd + 1         // LastUsedAt << 16 | Scope << 8 | Status << 1 | unwritten
	entryWords  = wordLast + 1
	idCount     = 5
	bitsOfLast  = 16
	maxExpires  = 1<<34 - 1
	maxLastUsed = 1<<47 - 1
	maxStatus   = 1<<7 - 1
)

func (e *entry) key() *key { return (*key)(e[:hashWords]) }

// pack makes an entry. What has no room in one, such as ids of different partitions, does not fit and is not cached.
func pack(h *key, s *Standing) (e entry, fits bool) {
	if s.ExpiresAt < 0 || s.ExpiresAt > maxExpires || s.LastUsedAt < 0 || s.LastUsedAt > maxLastUsed || s.Status > maxStatus {
		return entry{}, false
	}
	copy(e[:], h[:])
	partition := s.TokenID.Partition()
	for i, id := range [idCount]*pfid.ID{&s.TokenID, &s.AccountID, &s.EnvironmentID, &s.AgentID, &s.AgentDeploymentID} {
		e[wordIDs+2*i] = binary.BigEndian.Uint64(id[:8])&^0xffff | uint64(binary.BigEndian.Uint16(id[10:]))
		e[wordIDs+2*i+1] = binary.BigEndian.Uint64(id[12:])
	}
	e[wordEnd] = uint64(s.ExpiresAt)<<30 | uint64(partition)
	e[wordLast] = uint64(s.LastUsedAt)<<bitsOfLast | uint64(s.Scope)<<8 | uint64(s.Status)<<1
	var back Standing
	e.unpack(&back)
	return e, back == *s
}

func (e *entry) unpack(into *Standing) {
	end, last := e[wordEnd], e[wordLast]
	into.ExpiresAt = int64(end >> 30)
	into.LastUsedAt = int64(last >> bitsOfLast)
	into.Scope = Scope(last >> 8)
	into.Status = Status(last >> 1 & maxStatus)
	partition := uint32(end & pfid.MaxPartition)
	e.id(0, partition, &into.TokenID)
	e.id(1, partition, &into.AccountID)
	e.id(2, partition, &into.EnvironmentID)
	e.id(3, partition, &into.AgentID)
	e.id(4, partition, &into.AgentDeploymentID)
}

// id unpacks one id; words of zeros are the zero id.
func (e *entry) id(i int, partition uint32, into *pfid.ID) {
	high, low := e[wordIDs+2*i], e[wordIDs+2*i+1]
	if high|low == 0 {
		*into = pfid.ID{}
		return
	}
	binary.BigEndian.PutUint64(into[:8], high)
	binary.BigEndian.PutUint32(into[6:], partition)
	binary.BigEndian.PutUint16(into[10:], uint16(high))
	binary.BigEndian.PutUint64(into[12:], low)
}
