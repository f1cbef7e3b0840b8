package password

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"strings"
	"testing"

	"tokentab/backend/fault"
)

func TestMemoryIsUsedAgain(t *testing.T) {
	h := New(rand.Reader, func() {}, Costs{})
	hash, err := h.Hash("password")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		if ok, outdated, err := h.Matches("password", hash); !ok || outdated || err != nil {
			t.Fatal(ok, outdated, err)
		}
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("three hashes took %d KiB", taken>>10)
	}
}

func TestStoredCostsAreBounded(t *testing.T) {
	h := New(rand.Reader, func() {}, Costs{})
	for _, hash := range []string{
		"x", "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2i$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=4294967295,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=19456,t=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=7,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$QUFB",
	} {
		if ok, _, err := h.Matches("password", hash); ok || err == nil {
			t.Errorf("%s: %v, %v", hash, ok, err)
		}
	}
}

func TestTheQueueIsBoundedAndKnownPeopleSkipIt(t *testing.T) {
	h := New(rand.Reader, func() {}, Costs{})
	done, err := h.Turn(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	answers := make(chan error)
	for range maxWaiting + 3 { // one of them holds strangers and waits for the turn
		go func() {
			done, err := h.Turn(ctx, false)
			if err == nil {
				done()
			}
			answers <- err
		}()
	}
	for range 3 {
		if err := <-answers; fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	}
	known := make(chan error)
	go func() {
		done, err := h.Turn(t.Context(), true)
		if err == nil {
			done()
		}
		known <- err
	}()
	leave()
	for range maxWaiting {
		if err := <-answers; fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	done()
	if err := <-known; err != nil {
		t.Error(err)
	}
}

func TestAPasswordMatchesInEveryUnicodeForm(t *testing.T) {
	h := New(rand.Reader, func() {}, Costs{})
	const composed, decomposed = "correct h\u00f6rse", "correct ho\u0308rse"
	salt := make([]byte, saltSize)
	for what, c := range map[string]struct {
		hash     string
		outdated bool
	}{
		"a new hash":           {encode(current, salt, h.tag(current, composed, salt)), false},
		"one as macOS sent it": {encode(current, salt, h.tag(current, decomposed, salt)), true},
	} {
		for _, sent := range []string{composed, decomposed} {
			if ok, outdated, err := h.Matches(sent, c.hash); !ok || outdated != c.outdated || err != nil {
				t.Errorf("%s, %q: %v, outdated %v, %v", what, sent, ok, outdated, err)
			}
		}
		if ok, _, err := h.Matches("correct horse", c.hash); ok || err != nil {
			t.Errorf("%s matches another password: %v", what, err)
		}
	}
	hash, err := h.Hash(decomposed)
	if err != nil {
		t.Fatal(err)
	}
	if ok, outdated, err := h.Matches(composed, hash); !ok || outdated || err != nil {
		t.Errorf("%v %v %v", ok, outdated, err)
	}
}
