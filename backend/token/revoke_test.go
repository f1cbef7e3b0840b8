package token

import (
	"context"
	"testing"
	"time"
)

func TestARevokeThatChangesNothingIsLookedUpOnce(t *testing.T) {
	asked := 0
	ts := tokensOver(t, func(context.Context, Hash) (Standing, bool, error) {
		asked++
		return Standing{Status: Revoked}, true, nil
	}, time.Now)
	var counted [3]uint64
	for i := range counted {
		if err := ts.RevokeSecret(t.Context(), []byte("secret"), ""); err != nil {
			t.Fatal(err)
		}
		counted[i] = ts.statusLists.lastChange(1)
	}
	if counted[0] != 1 {
		t.Error("the first may come before whoever revoked the token has counted that, so it has to count")
	}
	if asked != 1 || counted[2] != counted[0] {
		t.Errorf("the store was asked %d times, and %d changes were counted; want one of each", asked, counted[2])
	}
	for n := range 3 * maxEnded {
		ts.ended.add(hashN(n))
	}
	if n := len(ts.ended.hashes); n > maxEnded {
		t.Errorf("%d revoked tokens are remembered, want %d at the most", n, maxEnded)
	}
}
