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
	for err, want := range map[error]State{
		fault.New(fault.NotFound, "None."):                                         Hit,
		fault.New(fault.InvalidAction, "Revoked."):                                 Hit,
		fault.Because(fault.Unavailable, "The answer of the commit is lost.", nil): Miss,
		errors.New("the answer of the commit is lost"):                             Miss,
	} {
		c := newCache(t, 8)
		ts := New(failing{err: err}, lists{}, c, Lifetimes{}, time.Now, nil)
		s := standingN(t, 1)
		if _, _, err := c.Load(hashN(1), found(s)); err != nil {
			t.Fatal(err)
		}
		if _, _, got := ts.RevokeWithDescendants(t.Context(), audit.Actor{AccountID: s.AccountID}, s.TokenID); !errors.Is(got, err) {
			t.Fatal(got)
		}
		if _, state := find(c, hashN(1)); state != want {
			t.Errorf("after %v: %v, want %v", err, state, want)
		}
	}
}
