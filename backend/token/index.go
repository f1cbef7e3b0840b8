package token

import (
	"slices"
	"sync"
	"sync/atomic"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// Entry is what lists of tokens select and sort by.
type Entry struct {
	ID                    pfid.ID
	Name, Hint            string
	Scope                 Scope
	Role                  Role
	Status                Status // under the moves under way
	SuspendedByRetirement bool   // under them too

	AgentID, EnvironmentID, AgentDeploymentID pfid.ID
	CreatedByAdminUserID, CreatedByAPITokenID pfid.ID
	ExpiresAt, LastUsedAt                     int64 // Unix milliseconds; LastUsedAt is 0 for never
	InsertedAt, UpdatedAt                     int64 // Unix milliseconds
}

// Changes say what happened to the tokens of an account since a numbered change.
type Changes struct {
	Last    int64 // the number of the newest change
	Lost    bool  // the log no longer reaches back to the number
	Moves   []Move
	Entries []Entry   // of the tokens that were made or changed, after all moves
	Gone    []pfid.ID // deleted tokens
}

const (
	// entriesAtOnce is how many tokens one statement reads for a new index.
	entriesAtOnce = 2000
	// mostReplaced is how many replaced uses an index keeps: 24 MB.
	mostReplaced = 1 << 20
)

// index holds an Entry for each token of an account, so that lists can select, search and sort without reading the
// database. It follows the changes that the store reports, also those of other processes. A token takes about 90 bytes and
// its name. The columns hold no pointers, so their size costs the garbage collector nothing.
type index struct {
	turn    chan struct{} // holds an element while a list uses the index
	waiting atomic.Int32  // lists that wait for it
	listed  atomic.Int64  // Unix milliseconds of the last list

	last    int64 // the number of the newest change that it includes
	isWhole bool  // otherwise filling continues after newest
	newest  Entry
	columns
	dead  int                // deleted tokens
	codes map[pfid.ID]uint32 // of the resources that tokens refer to
	// scratch is the memory of the places that a list selects.
	scratch []uint32

	// list is the number of the newest list. It counts up, also from an earlier index of the account.
	list int64
	now  int64 // of that list, in Unix milliseconds
	// replaced are last uses that newer ones have replaced, oldest first, for lists that began before. They are kept until a
	// while after the last cursor of such a list.
	replaced   []replacedUse
	lastCursor int64 // Unix milliseconds

	mu   sync.Mutex
	used map[pfid.ID]int64 // last uses that were written since the last list
}

// replacedUse is the last use of a token, in Unix milliseconds, until the list with a number.
type replacedUse struct {
	place uint32
	was   int64
	list  int64
}

// columns have an element for each token, ordered by id.
type columns struct {
	ids          []pfid.ID
	status       []Status // 0 for a deleted token
	scope        []Scope
	role         []Role
	byRetirement []bool
	times        [4][]int64
	refs         [references][]uint32 // codes; 0 for none
	hints        [][4]byte
	nameAt       []uint32 // where the folded name begins in names; nameEnd follows it
	names        []byte
}

// nameEnd is a byte that occurs in no name and no search.
const nameEnd = 0xff

// The times of a token.
const (
	insertedAt = iota
	updatedAt
	expiresAt
	lastUsedAt
)

// The resources that a token refers to.
const (
	toAgent = iota
	toEnvironment
	toDeployment
	toMember
	toMaker
	references
)

// referenceOf maps the fields of moves to references.
var referenceOf = map[string]int{
	"agent_id": toAgent, "environment_id": toEnvironment, "agent_deployment_id": toDeployment,
	"created_by_admin_user_id": toMember, "created_by_api_token_id": toMaker,
}

func newIndex(now int64) *index { return &index{turn: make(chan struct{}, 1), list: now << 10} }

// clear makes the index empty, to be filled with the state after a change.
func (ix *index) clear(last int64) {
	ix.last, ix.isWhole, ix.newest = last, false, Entry{}
	ix.columns, ix.dead, ix.codes, ix.replaced = columns{}, 0, map[pfid.ID]uint32{}, nil
}

// fill adds the next entries in order of time; the last ones make the index whole.
func (ix *index) fill(entries []Entry) {
	for i := range entries {
		ix.add(&entries[i])
	}
	if ix.isWhole = len(entries) < entriesAtOnce; ix.isWhole {
		ix.arrange()
	} else {
		ix.newest = entries[len(entries)-1]
	}
}

// code returns the code of a resource, a new one if there is none yet.
func (ix *index) code(id pfid.ID) uint32 {
	if id.IsZero() {
		return 0
	}
	code, ok := ix.codes[id]
	if !ok {
		code = uint32(len(ix.codes)) + 1
		ix.codes[id] = code
	}
	return code
}

// begin begins a list.
func (ix *index) begin(now int64) {
	ix.list++
	if now-ix.lastCursor > indexIdle.Milliseconds() {
		ix.replaced = nil
	}
	ix.now = now
}

// apply brings the index up to date. It ignores last uses after limit unless there is no other.
func (ix *index) apply(changes Changes, limit int64) {
	for _, m := range changes.Moves {
		ix.move(m)
	}
	for _, id := range changes.Gone {
		if i, ok := ix.find(id); ok && ix.status[i] != 0 {
			ix.status[i] = 0
			ix.dead++
		}
	}
	known := len(ix.ids)
	for i := range changes.Entries {
		e := &changes.Entries[i]
		if at, ok := slices.BinarySearchFunc(ix.ids[:known], e.ID, pfid.Compare); ok {
			ix.change(at, e, limit)
		} else {
			ix.add(e)
		}
	}
	ix.last = changes.Last
	if !slices.IsSortedFunc(ix.ids[max(known-1, 0):], pfid.Compare) || ix.dead > len(ix.ids)/8 {
		ix.arrange()
	}
}

// find returns the place of a token, or the one where it would be.
func (ix *index) find(id pfid.ID) (int, bool) {
	return slices.BinarySearchFunc(ix.ids, id, pfid.Compare)
}

// add appends a token.
func (ix *index) add(e *Entry) {
	c := &ix.columns
	c.ids, c.scope, c.role, c.status, c.byRetirement = append(c.ids, e.ID), append(c.scope, e.Scope), append(c.role, e.Role), append(c.status, e.Status), append(c.byRetirement, e.SuspendedByRetirement)
	for i, at := range [...]int64{insertedAt: e.InsertedAt, updatedAt: e.UpdatedAt, expiresAt: e.ExpiresAt, lastUsedAt: e.LastUsedAt} {
		c.times[i] = append(c.times[i], at)
	}
	for i, id := range [references]pfid.ID{e.AgentID, e.EnvironmentID, e.AgentDeploymentID, e.CreatedByAdminUserID, e.CreatedByAPITokenID} {
		c.refs[i] = append(c.refs[i], ix.code(id))
	}
	var hint [4]byte
	copy(hint[:], text.Folded(e.Hint))
	c.hints, c.nameAt = append(c.hints, hint), append(c.nameAt, uint32(len(c.names)))
	c.names = append(append(c.names, text.Folded(e.Name)...), nameEnd)
}

// change takes over what can change of a token.
func (ix *index) change(at int, e *Entry, limit int64) {
	ix.status[at], ix.byRetirement[at] = e.Status, e.SuspendedByRetirement
	ix.times[updatedAt][at], ix.times[expiresAt][at] = e.UpdatedAt, e.ExpiresAt
	ix.setLastUse(at, e.LastUsedAt, limit)
}

// setLastUse sets the last use of a token if it is later, and keeps the earlier one for lists that began before.
func (ix *index) setLastUse(place int, at, limit int64) {
	column := ix.times[lastUsedAt]
	at = later(column[place], at, limit)
	if at == column[place] {
		return
	}
	if ix.now-ix.lastCursor <= indexIdle.Milliseconds() {
		ix.replaced = append(ix.replaced, replacedUse{uint32(place), column[place], ix.list})
	}
	column[place] = at
}

// name returns the folded name of a token.
func (c *columns) name(at uint32) []byte {
	end := len(c.names)
	if int(at)+1 < len(c.nameAt) {
		end = int(c.nameAt[at+1])
	}
	return c.names[c.nameAt[at] : end-1]
}

// arrange orders the tokens by id and drops the deleted ones.
func (ix *index) arrange() {
	order := make([]uint32, 0, len(ix.ids)-ix.dead)
	for i, status := range ix.status {
		if status != 0 {
			order = append(order, uint32(i))
		}
	}
	byID := func(a, b uint32) int { return pfid.Compare(ix.ids[a], ix.ids[b]) }
	if slices.IsSortedFunc(order, byID) && ix.dead == 0 {
		return
	}
	slices.SortFunc(order, byID)
	old := ix.columns
	c := columns{
		ids: picked(old.ids, order), status: picked(old.status, order), scope: picked(old.scope, order), role: picked(old.role, order), byRetirement: picked(old.byRetirement, order),
		hints: picked(old.hints, order), nameAt: make([]uint32, 0, len(order)), names: make([]byte, 0, len(old.names)),
	}
	for i := range c.times {
		c.times[i] = picked(old.times[i], order)
	}
	for i := range c.refs {
		c.refs[i] = picked(old.refs[i], order)
	}
	for _, at := range order {
		c.nameAt = append(c.nameAt, uint32(len(c.names)))
		c.names = append(append(c.names, old.name(at)...), nameEnd)
	}
	places := make([]int, len(old.ids)) // new places from 1, by old place
	for i, at := range order {
		places[at] = i + 1
	}
	ix.replaced = slices.DeleteFunc(ix.replaced, func(use replacedUse) bool { return places[use.place] == 0 })
	for i := range ix.replaced {
		ix.replaced[i].place = uint32(places[ix.replaced[i].place] - 1)
	}
	ix.columns, ix.dead = c, 0
}

func picked[T any](from []T, order []uint32) []T {
	list := make([]T, len(order))
	for i, at := range order {
		list[i] = from[at]
	}
	return list
}

// move applies a move to the tokens that refer to its target, as the store does.
func (ix *index) move(m Move) {
	reference, ok := referenceOf[m.Field]
	code := ix.codes[m.ID]
	if !ok || code == 0 {
		return
	}
	for i, ref := range ix.refs[reference] {
		if ref != code {
			continue
		}
		switch status := ix.status[i]; {
		case m.To == Revoked && (status == Active || status == Suspended):
			ix.byRetirement[i] = false
		case m.To == Suspended && status == Active:
			ix.byRetirement[i] = true
		case m.To == Active && status == Suspended && ix.byRetirement[i]:
			ix.byRetirement[i] = false
		default:
			continue
		}
		ix.status[i], ix.times[updatedAt][i] = m.To, max(ix.times[updatedAt][i], m.At.UnixMilli())
	}
}

// applyUses brings the last uses up to date that were written since the last list.
func (ix *index) applyUses(limit int64) {
	ix.mu.Lock()
	used := ix.used
	ix.used = nil
	ix.mu.Unlock()
	for id, at := range used {
		if i, ok := ix.find(id); ok {
			ix.setLastUse(i, at, limit)
		}
	}
	if len(ix.replaced) > mostReplaced {
		ix.replaced = slices.Delete(ix.replaced, 0, len(ix.replaced)-mostReplaced*3/4)
	}
}

// lastUsesOf returns the last uses as the list with a number saw them.
func (ix *index) lastUsesOf(list int64) []int64 {
	column := slices.Clone(ix.times[lastUsedAt])
	for _, use := range slices.Backward(ix.replaced) {
		if use.list <= list {
			break
		}
		column[use.place] = use.was
	}
	return column
}
