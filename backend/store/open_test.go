package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
)

// open opens the database in a folder as a server does. The caller closes it.
func open(t testing.TB, folder string, now func() time.Time) *Store {
	t.Helper()
	s, err := tryOpen(t.Context(), folder, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryOpen opens the database in a folder as a server does.
func tryOpen(ctx context.Context, folder string, now func() time.Time) (*Store, error) {
	claim, err := Serve(ctx, folder, "", now, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	s, err := claim.Open(ctx, now)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, s); fault.KindOf(err) != fault.Unavailable && err != nil { // as is a full disk
		return nil, err
	}
	return s, nil
}

// prepare lets a store write audit events.
func prepare(ctx context.Context, s *Store) error {
	return s.Events.ChainEvents(ctx, testSealer{}, func(int) (audit.Event, error) {
		return audit.New(s.health.now(), audit.Actor{}, audit.ChainStarted, "", "", rand.Reader)
	})
}

type testSealer struct{}

// MAC implements audit.Sealer.
func (testSealer) MAC(message []byte) []byte {
	mac := hmac.New(sha256.New, []byte("key of the tests"))
	mac.Write(message)
	return mac.Sum(nil)
}
