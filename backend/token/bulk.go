package token

import (
	"context"
	"slices"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
)

// MostChanged is how many tokens one bulk change covers at most. Other changes wait for its transaction.
const MostChanged = 500

// Bulk asks for a change of many tokens: those with IDs or, if Filter is set, a batch of those that match it.
type Bulk struct {
	Action Action
	IDs    []pfid.ID // in order and without repetitions, up to MostChanged
	Filter *Filter
	After  pfid.ID // with a Filter: where the batch begins, a BulkResult.Next; zero for the beginning
}

// BulkResult says what a Bulk did, or what it would do.
type BulkResult struct {
	// Before counts the tokens that the Bulk covers, before the change: those with its IDs, or all matches behind After. A
	// use or a change of a token in the meantime is not counted.
	Before     Summary
	Applicable int // how many of them the action applies to
	// How many of them were used lately. ChangeMany does not count them.
	UsedInHour, UsedInDay int
	Outcomes              []BulkOutcome // of this batch, in order
	Next                  pfid.ID       // where the next batch begins; zero if this is the last one
}

// BulkOutcome is what happened to one token.
type BulkOutcome struct {
	ID      pfid.ID
	Skipped Refusal // why the token was left as it is; zero if it was changed
}

// Prepare fills the index of an account for a Bulk with a Filter. Call it before a transaction, which would hold up all
// other changes while the index is filled.
func (ts *Tokens) Prepare(ctx context.Context, account pfid.ID) error {
	ts.settleUses(ctx)
	return ts.inIndex(ctx, account, Filter{}, func(*index, []uint32, int64) {}, noRead)
}

// PreviewMany returns what ChangeMany would find, without Outcomes. It changes nothing.
func (ts *Tokens) PreviewMany(ctx context.Context, actor audit.Actor, b Bulk) (result BulkResult, err error) {
	if b.Filter != nil {
		result, _, err = ts.matches(ctx, actor, b, true)
		result.Next = pfid.ID{}
		return result, err
	}
	list, err := ts.store.TokensByID(ctx, b.IDs)
	list = slices.DeleteFunc(list, func(t Listed) bool { return t.AccountID != actor.AccountID })
	now := ts.now().UnixMilli()
	result.count(b.Action, list, now)
	for i := range list {
		ts.asOfNow(&list[i])
		result.countUse(millis(list[i].LastUsedAt), now)
	}
	return result, err
}

// ChangeMany applies an action to many tokens, in one transaction, and skips those that it does not apply to. After it
// returns, every validation knows. The actor's own token comes last of all that match a Filter, so the actor can still send
// the other batches.
func (ts *Tokens) ChangeMany(ctx context.Context, actor audit.Actor, b Bulk) (result BulkResult, err error) {
	ids := b.IDs
	if b.Filter != nil {
		// The caller may hold the writer, so other changes wait too.
		soon, cancel := context.WithTimeoutCause(ctx, matchTimeout, errFilling)
		result, ids, err = ts.matches(soon, actor, b, false)
		cancel()
		if err != nil || len(ids) == 0 {
			return result, err
		}
	}
	_, err = ts.change(ctx, actor, ids, b.Action, func(list []Listed) (chosen []pfid.ID, _ error) {
		if b.Filter == nil {
			result.count(b.Action, list, ts.now().UnixMilli())
		}
		found := make(map[pfid.ID]*Token, len(list))
		for i := range list {
			ts.asOfNow(&list[i])
			found[list[i].ID] = &list[i].Token
		}
		for _, id := range ids {
			outcome := BulkOutcome{id, notFound}
			if t := found[id]; t != nil && b.Filter != nil && !b.Filter.stillHolds(t, ts.now()) {
				outcome.Skipped = noLongerMatches
			} else if t != nil {
				outcome.Skipped = b.Action.refusal(t)
			}
			if (outcome.Skipped == Refusal{}) {
				chosen = append(chosen, id)
			}
			result.Outcomes = append(result.Outcomes, outcome)
		}
		return chosen, nil
	})
	return result, err
}

// matchTimeout is how long a bulk change waits for the tokens that match.
const matchTimeout = 3 * time.Second

// noLongerMatches is the Refusal for a token that was changed or used after it was selected.
var noLongerMatches = Refusal{"no_longer_matches", "This API token was changed or used just now and no longer matches the filter."}

// stillHolds checks the conditions of a filter that a change or a use of a token can affect.
func (f *Filter) stillHolds(t *Token, now time.Time) bool {
	isExpired, since := !t.ExpiresAt.After(now), now.Add(-f.UnusedFor)
	isLive := t.Status != Revoked && !isExpired
	return (f.Status == 0 || t.Status == f.Status) && (!f.Expired || isExpired && t.Status != Revoked) && (!f.Unexpired || !isExpired) &&
		(!f.Live || isLive) && (f.ExpiresWithin == 0 || isLive && !t.ExpiresAt.After(now.Add(f.ExpiresWithin))) &&
		(f.UnusedFor == 0 || !t.LastUsedAt.After(since)) && (!f.NeverUsed || t.LastUsedAt.IsZero())
}

// countUse counts a last use in Unix milliseconds. One in the future counts as one of now.
func (r *BulkResult) countUse(at, now int64) {
	if at > now-hourLength {
		r.UsedInHour++
	}
	if at > now-dayLength {
		r.UsedInDay++
	}
}

func (r *BulkResult) count(action Action, list []Listed, now int64) {
	for i := range list {
		t := &list[i].Token
		r.Before.add(t.Status, t.ExpiresAt.UnixMilli(), now)
		if t.Actions().allow(action) {
			r.Applicable++
		}
	}
}

// matches counts the tokens that match a bulk's filter behind its After, with their uses if wanted, and returns the ids of
// the first ones.
func (ts *Tokens) matches(ctx context.Context, actor audit.Actor, b Bulk, withUses bool) (result BulkResult, ids []pfid.ID, err error) {
	retired, err := ts.store.RetiredAgents(ctx, actor.AccountID)
	if err != nil {
		return result, nil, err
	}
	err = ts.inIndex(ctx, actor.AccountID, *b.Filter, func(ix *index, places []uint32, now int64) {
		places = ix.behind(places, b.After, actor.APITokenID)
		result.Before, result.Applicable = ix.summary(places, now), ix.applicable(places, b.Action, retired)
		for _, at := range places {
			if withUses {
				result.countUse(ix.times[lastUsedAt][at], now)
			}
		}
		for _, at := range places[:min(len(places), MostChanged)] {
			ids = append(ids, ix.ids[at])
		}
		if len(ids) < len(places) {
			result.Next = ids[len(ids)-1]
		}
	}, noRead)
	return result, ids, err
}

// behind returns which of the places come after that of an id. The place of last, if it is one of them, comes at the end,
// wherever it is.
func (ix *index) behind(places []uint32, after, last pfid.ID) []uint32 {
	end, matches := ix.find(last)
	if matches {
		var i int
		if i, matches = slices.BinarySearch(places, uint32(end)); matches {
			places = slices.Delete(places, i, i+1)
		}
	}
	start, exact := ix.find(after)
	if exact {
		start++
	}
	i, _ := slices.BinarySearch(places, uint32(start))
	if places = places[i:]; matches {
		places = append(places, uint32(end))
	}
	return places
}

// applicable counts the tokens at the places that an action applies to.
func (ix *index) applicable(places []uint32, action Action, retired []pfid.ID) (n int) {
	isRetired, agents := ix.codesOf(retired), ix.refs[toAgent]
	var allowed [Revoked + 1][2]bool // by status, and whether the agent is retired
	for status := Active; status <= Revoked; status++ {
		allowed[status] = [2]bool{Token{Status: status}.Actions().allow(action), Token{Status: status, AgentRetired: true}.Actions().allow(action)}
	}
	for _, at := range places {
		of := allowed[ix.status[at]]
		if !isRetired[agents[at]] && of[0] || isRetired[agents[at]] && of[1] {
			n++
		}
	}
	return n
}
