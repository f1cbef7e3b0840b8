package store

import (
	"context"
	"log/slog"
	"testing"
	"time"
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
	return claim.Open(ctx, now)
}
