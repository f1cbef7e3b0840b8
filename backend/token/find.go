package token

import (
	"bytes"
	"math"
	"slices"
	"time"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Filter narrows a list of tokens. The zero Filter matches all tokens of the account.
type Filter struct {
	// Search is a part of the token's name or id, its last four characters, or a part of the name of its agent, environment
	// or creator, in any case.
	Search string

	Scope              Scope
	Role               Role // account tokens with this role
	Status             Status
	Expired, Unexpired bool // only expired tokens that are not revoked; only tokens that have not expired
	Live               bool // only active and suspended tokens that have not expired

	AgentID, EnvironmentID                    pfid.ID
	CreatedByAdminUserID, CreatedByAPITokenID pfid.ID
	CreatorLeft                               bool    // only tokens whose creator was removed from the account
	DescendantsOf                             pfid.ID // tokens that this one created, that they created, and so on

	ExpiresWithin               time.Duration // live tokens that expire within this time
	UnusedFor                   time.Duration // tokens that are older than this and were not used within it
	NeverUsed                   bool
	CreatedAfter, CreatedBefore time.Time // including the first instant, excluding the second; zero for no limit
}

// wanted are the ids that a filter needs from the store.
type wanted struct {
	named       []pfid.ID // agents, environments and members that match the search
	left        []pfid.ID // members who left
	descendants []pfid.ID
}

// selected returns the places of the tokens that match, in order of their ids. Each condition goes through what the
// earlier ones have left of one column.
func (ix *index) selected(f Filter, want wanted, now int64) []uint32 {
	left := ix.exist(f)
	bound := func(time int, first, end int64) { // first is included, end is not
		column := ix.times[time]
		left = slices.DeleteFunc(left, func(at uint32) bool { return column[at] < first || column[at] >= end })
	}
	if f.Scope != 0 {
		left = slices.DeleteFunc(left, func(at uint32) bool { return ix.scope[at] != f.Scope })
	}
	if f.Role != 0 {
		left = slices.DeleteFunc(left, func(at uint32) bool { return ix.scope[at] != ScopeAccount || ix.role[at] != f.Role })
	}
	for reference, id := range [references]pfid.ID{toAgent: f.AgentID, toEnvironment: f.EnvironmentID, toMember: f.CreatedByAdminUserID, toMaker: f.CreatedByAPITokenID} {
		if !id.IsZero() {
			code, column := ix.codes[id], ix.refs[reference]
			left = slices.DeleteFunc(left, func(at uint32) bool { return column[at] != code || code == 0 })
		}
	}
	if f.CreatorLeft {
		members, column := ix.codesOf(want.left), ix.refs[toMember]
		left = slices.DeleteFunc(left, func(at uint32) bool { return !members[column[at]] })
	}
	if f.Unexpired || f.Live {
		bound(expiresAt, now+1, math.MaxInt64)
	}
	if f.Expired {
		bound(expiresAt, math.MinInt64, now+1)
	}
	if f.ExpiresWithin != 0 {
		bound(expiresAt, now+1, now+f.ExpiresWithin.Milliseconds()+1)
	}
	if f.UnusedFor != 0 {
		since := now - f.UnusedFor.Milliseconds()
		bound(insertedAt, math.MinInt64, since+1)
		bound(lastUsedAt, math.MinInt64, since+1)
	}
	if f.NeverUsed {
		bound(lastUsedAt, 0, 1)
	}
	if !f.CreatedAfter.IsZero() {
		bound(insertedAt, f.CreatedAfter.UnixMilli(), math.MaxInt64)
	}
	if !f.CreatedBefore.IsZero() {
		bound(insertedAt, math.MinInt64, f.CreatedBefore.UnixMilli())
	}
	if !f.DescendantsOf.IsZero() {
		among := map[uint32]bool{}
		for _, id := range want.descendants {
			if at, ok := ix.find(id); ok {
				among[uint32(at)] = id != f.DescendantsOf
			}
		}
		left = slices.DeleteFunc(left, func(at uint32) bool { return !among[at] })
	}
	if needle := []byte(text.Needle(f.Search)); len(needle) > 0 {
		left = ix.searched(left, needle, ix.codesOf(want.named))
	}
	return left
}

// exist returns the places of the tokens that exist and whose status matches.
func (ix *index) exist(f Filter) []uint32 {
	var matches [Revoked + 1]bool
	for status := Active; status <= Revoked; status++ {
		matches[status] = (f.Status == 0 || f.Status == status) && (status != Revoked || !f.Expired && !f.Live && f.ExpiresWithin == 0)
	}
	left := slices.Grow(ix.scratch[:0], len(ix.ids))
	for at, status := range ix.status {
		if matches[status] {
			left = append(left, uint32(at))
		}
	}
	ix.scratch = left
	return left
}

// leastLetters is the length of the shortest part of an id without a digit that a search finds. Of a million tokens, one in a
// thousand searches for such a word finds an id with it.
const leastLetters = 7

// searched returns which of the places have tokens that a search finds: with a resource that is named like it, with the
// needle in their name, as their last four characters, or in their id.
func (ix *index) searched(left []uint32, needle []byte, named []bool) []uint32 {
	found := make([]bool, len(ix.ids))
	if len(left) < len(ix.ids)/8 {
		for _, at := range left {
			found[at] = bytes.Contains(ix.name(at), needle)
		}
	} else {
		ix.findNames(found, needle)
	}
	var hint [4]byte
	isHint := copy(hint[:], needle) == len(needle) && len(needle) == len(hint)
	part := pfid.NewPart(string(needle))
	if id, err := pfid.Parse(string(needle)); err == nil {
		at, ok := ix.find(id)
		if part = nil; ok {
			found[at] = true
		}
	} else if len(needle) < leastLetters && !bytes.ContainsAny(needle, "0123456789") {
		part = nil // a short word would occur in ids by chance
	}
	// One column after the other, because most searches need few of them.
	if slices.Contains(named, true) {
		for _, column := range [...][]uint32{ix.refs[toAgent], ix.refs[toEnvironment], ix.refs[toMember]} {
			for _, at := range left {
				found[at] = found[at] || named[column[at]]
			}
		}
	}
	if isHint {
		for _, at := range left {
			found[at] = found[at] || ix.hints[at] == hint
		}
	}
	if part != nil {
		for _, at := range left {
			found[at] = found[at] || part.In(&ix.ids[at])
		}
	}
	return slices.DeleteFunc(left, func(at uint32) bool { return !found[at] })
}

// findNames marks the tokens with the needle in their name. It goes through all names at once.
func (ix *index) findNames(found []bool, needle []byte) {
	for at, place := 0, 0; place < len(found); place++ {
		i := bytes.Index(ix.names[at:], needle)
		if i < 0 {
			break
		}
		for at += i; place+1 < len(found) && int(ix.nameAt[place+1]) <= at; place++ {
		}
		found[place] = true
		if place+1 < len(found) {
			at = int(ix.nameAt[place+1])
		}
	}
}

// codesOf returns which codes are those of the ids.
func (ix *index) codesOf(ids []pfid.ID) []bool {
	codes := make([]bool, len(ix.codes)+1)
	for _, id := range ids {
		if code, ok := ix.codes[id]; ok {
			codes[code] = true
		}
	}
	return codes
}
