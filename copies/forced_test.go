package copies

import (
	"net/http"
	"testing"
)

// Names of the connections of a copy.
const (
	ofLooks   = "tokentab looks"
	ofFinders = "tokentab finders"
)

// joinForced makes a validation arrive after a revoke has been answered, while a look that read the log before the revoke is
// under way. It reports whether the validation is accepted.
func joinForced(t *testing.T, tag string) bool {
	f := newFleet(t, 2, tag, "--database-look-limit", "1m")
	a, b := f.copies[0], f.copies[1]
	id, secret := a.issue()
	for range 2 { // the second time from the cache
		if !b.accepts(secret) {
			t.Fatal("a good token is refused")
		}
	}
	h := b.proxy.holdAnswers(ofLooks)
	first := make(chan bool, 1)
	go func() { first <- b.accepts(f.manager) }()
	<-h.caught // Postgres has answered the look
	a.ok(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", "")
	second := make(chan bool, 1)
	asked := make(chan struct{})
	go func() {
		close(asked)
		second <- b.accepts(secret)
	}()
	<-asked
	b.awaitArrivals(2)
	b.proxy.release(h)
	<-first
	return <-second
}

// fillForced makes a copy read a token before a revoke, and keep what it read after the revoke has reached its cache. It
// reports whether the next validation is accepted.
func fillForced(t *testing.T, tag string) bool {
	f := newFleet(t, 2, tag, "--database-look-limit", "1m")
	a, b := f.copies[0], f.copies[1]
	id, secret := a.issue()
	if !b.accepts(f.manager) {
		t.Fatal("a good token is refused")
	}
	h := b.proxy.holdAnswers(ofFinders)
	first := make(chan bool, 1)
	go func() { first <- b.accepts(secret) }()
	<-h.caught // Postgres has answered the look-up
	a.ok(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", "")
	if !b.accepts(f.manager) { // looks, and so forgets the token
		t.Fatal("a good token is refused")
	}
	b.proxy.release(h)
	<-first
	return b.accepts(secret)
}

func TestARevokeHoldsAgainstTheInterleavingsThatWouldLoseIt(t *testing.T) {
	for name, force := range map[string]func(*testing.T, string) bool{"a look under way": joinForced, "a look-up under way": fillForced} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if force(t, "") {
				t.Error("a copy accepted a token after the revoke was answered")
			}
		})
	}
}

// TestTheForcedInterleavingsFindProgramsWithoutTheRules breaks both rules in the program: each interleaving depends on one.
func TestTheForcedInterleavingsFindProgramsWithoutTheRules(t *testing.T) {
	for name, force := range map[string]func(*testing.T, string) bool{"a look under way": joinForced, "a look-up under way": fillForced} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !force(t, "mutation_join,mutation_fill") {
				t.Error("the interleaving did not show the broken rule")
			}
		})
	}
}
