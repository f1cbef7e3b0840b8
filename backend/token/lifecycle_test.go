package token

import (
	"context"
	"errors"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// failing is a store whose changes fail.
type failing struct {
	Store
	err error
}

func (s failing) RevokeWithDescendants(context.Context, pfid.ID, pfid.ID, time.Time, func(Token, int) error, audit.Recorder) (Listed, []Hash, int, error) {
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
