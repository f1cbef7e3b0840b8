package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
)

// open opens the database in a folder as a server does; an empty folder gets one. The caller closes it.
func open(t testing.TB, folder string, now func() time.Time) *Store {
	t.Helper()
	file := filepath.Join(folder, FileName)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && !pgtest.Wanted() {
		made, err := created()
		if err := errors.Join(err, os.WriteFile(file, made, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := tryOpen(t, folder, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// created returns the file of a new database of SQLite. Creating it takes most of a short test, so a process does it once.
var created = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "tokentab-store-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	claim, err := Serve(context.Background(), folder, "", now, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	s, err := claim.Open(context.Background(), now)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(folder, FileName))
})

// migrated makes databases of Postgres with the schema.
var migrated = pgtest.Template{Fill: func(url string) error {
	claim, err := ServePostgres(Postgres{URL: url}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	s, err := claim.Open(context.Background(), time.Now)
	if err != nil {
		return err
	}
	return s.Close()
}}

// claimOf returns the claim of a server on the data in a folder, or on the database in Postgres that belongs to it.
func claimOf(t testing.TB, folder string, now func() time.Time) (*Claim, error) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if pgtest.Wanted() {
		return ServePostgres(Postgres{URL: migrated.Of(t, folder)}, "", log)
	}
	return Serve(t.Context(), folder, "", now, log)
}

// tryOpen opens the database in a folder as a server does.
func tryOpen(t testing.TB, folder string, now func() time.Time) (*Store, error) {
	t.Helper()
	ctx := t.Context()
	claim, err := claimOf(t, folder, now)
	if err != nil {
		return nil, err
	}
	s, err := claim.Open(ctx, now)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, s); fault.KindOf(err) != fault.Unavailable && err != nil { // a full disk is allowed
		return nil, err
	}
	return s, nil
}

// prepare lets a store write audit events.
func prepare(ctx context.Context, s *Store) error {
	return s.Events.ChainEvents(ctx, testSealer{}, func([]signer.StoredKey) bool { return true }, func(int) (audit.Event, error) {
		return audit.New(s.health.now(), audit.Actor{}, audit.ChainStarted, "", "", rand.Reader)
	})
}

// blob returns the name of the type of bytes.
func blob() string {
	if pgtest.Wanted() {
		return "BYTEA"
	}
	return "BLOB"
}

// bytesOf returns the SQL of the bytes of a text.
func bytesOf(text string) string {
	if pgtest.Wanted() {
		return "convert_to(" + text + ", 'UTF8')"
	}
	return "CAST(" + text + " AS BLOB)"
}

type testSealer struct{}

// MAC implements audit.Sealer.
func (testSealer) MAC(message []byte) []byte {
	mac := hmac.New(sha256.New, []byte("key of the tests"))
	mac.Write(message)
	return mac.Sum(nil)
}
