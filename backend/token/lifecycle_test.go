package token

import (
	"context"
	"errors"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/unit"
)

// failing is a store whose changes fail.
type failing struct {
	Store
	err error
}

func (s failing) RevokeWithDescendants(context.Context, pfid.ID, pfid.ID, time.Time, func(Token, int) error, audit.Recorder) (Listed, []pfid.ID, int, error) {
	return Listed{}, nil, 0, s.err
}

func TestARevokeWithDescendantsThatIsRefusedForgetsNoVerdict(t *testing.T) {
	for err, want := range map[error]bool{
		fault.New(fault.NotFound, "None."):                                         true,
		fault.New(fault.InvalidAction, "Revoked."):                                 true,
		fault.Because(fault.Unavailable, "The answer of the commit is lost.", nil): false,
		errors.New("the answer of the commit is lost"):                             false,
	} {
		c := newCache(t, 8)
		ts := New(failing{err: err}, lists{}, c, Lifetimes{}, time.Now, nil)
		s := stateN(t, 1)
		find(t, c, 1, saying(s, true, nil))
		if _, _, got := ts.RevokeWithDescendants(t.Context(), audit.Actor{AccountID: s.AccountID}, s.TokenID); !errors.Is(got, err) {
			t.Fatal(got)
		}
		if got := knows(c, 1); got != want {
			t.Errorf("after %v: known %v, want %v", err, got, want)
		}
	}
}

func (s failing) ChangeTokens(_ context.Context, account pfid.ID, ids []pfid.ID, _ Status, _ time.Time, choose func([]Listed) ([]pfid.ID, error), _ audit.Recorder) ([]Listed, error) {
	var list []Listed
	for i, id := range ids {
		list = append(list, Listed{Token: Token{ID: id, AccountID: account, Status: Suspended, StatusEntry: StatusEntry{List: i + 1, Index: 1}}})
	}
	_, _ = choose(list)
	return list, s.err
}

// A commit whose answer was lost may have reached the disk. A token that was skipped may be ended by a concurrent change
// that has committed and not yet been made known.
func TestABulkChangeForgetsTheVerdictsOfAllItsTokens(t *testing.T) {
	for _, err := range []error{nil, errors.New("the answer of the commit is lost")} {
		c := newCache(t, 8)
		ts := New(failing{err: err}, lists{}, c, Lifetimes{}, time.Now, nil)
		var ids []pfid.ID
		for n := 1; n <= 3; n++ {
			s := stateN(t, n)
			find(t, c, n, saying(s, true, nil))
			ids = append(ids, s.TokenID)
		}
		within, end := unit.Begin(t.Context())
		if _, got := ts.ChangeMany(within, audit.Actor{AccountID: ids[0]}, Bulk{Action: ToSuspend, IDs: ids}); !errors.Is(got, err) {
			t.Fatal(got)
		}
		if !knows(c, 1) || ts.statusLists.lastChange(1) != 0 {
			t.Error("the verdicts are forgotten before the unit of work is over")
		}
		end(err == nil)
		for n := 1; n <= 3; n++ {
			if knows(c, n) || ts.statusLists.lastChange(n) == 0 {
				t.Errorf("after %v: the verdict or the list of token %d is kept", err, n)
			}
		}
	}
}
