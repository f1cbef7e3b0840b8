package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tokentab/backend/pgtest"
)

// serveBriefly claims the database in a folder. It gives up instead of waiting for another server.
func serveBriefly(t *testing.T, folder string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	claim, err := Serve(ctx, folder, "2", now, slog.New(cancelling{slog.DiscardHandler, cancel}))
	if err == nil {
		err = claim.Release()
		if err == nil {
			return nil
		}
	}
	return err
}

// cancelling cancels a context when the first line is logged.
type cancelling struct {
	slog.Handler
	cancel func()
}

func (c cancelling) Enabled(context.Context, slog.Level) bool { return true }

func (c cancelling) Handle(context.Context, slog.Record) error {
	c.cancel()
	return nil
}

func TestAServerRemovesTheLockFilesOfEarlierVersions(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	open(t, folder, now).Close()
	for _, name := range []string{oldServerLock, oldOpeningLock} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, folder, now).Close()
	left, err := filepath.Glob(filepath.Join(folder, "*.lock"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v remain, %v", left, err)
	}
}

func TestASecondServerIsRefusedUnderEveryNameOfTheDatabase(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	s := open(t, folder, now)
	path := filepath.Join(folder, FileName)
	names := map[string]string{"the same folder": folder}
	for name, link := range map[string]func(string, string) error{"a symbolic link": os.Symlink, "a hard link": os.Link} {
		names[name] = t.TempDir()
		if err := link(path, filepath.Join(names[name], FileName)); err != nil {
			t.Fatal(err)
		}
	}
	linked := filepath.Join(t.TempDir(), "data")
	if err := os.Symlink(folder, linked); err != nil {
		t.Fatal(err)
	}
	names["a linked folder"] = linked
	names["a linked folder with a linked file"] = t.TempDir()
	if err := os.Symlink(filepath.Join(linked, FileName), filepath.Join(names["a linked folder with a linked file"], FileName)); err != nil {
		t.Fatal(err)
	}
	// Files beside the database don't matter for the lock.
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".lock") {
			t.Errorf("%s is a lock beside the database", entry.Name())
		}
	}
	for name, second := range names {
		err := serveBriefly(t, second)
		if !errors.Is(err, errLocked) && (err == nil || !strings.Contains(err.Error(), "is running on the data")) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "a hard link" && !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
			t.Errorf("%s: the process is not named: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(names["a hard link"], FileName+"-*")); err != nil || len(left) > 0 {
		t.Errorf("a refused server leaves %v beside a hard link, %v: commands would take them for those of the server", left, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, second := range names {
		if err := serveBriefly(t, second); err != nil {
			t.Errorf("%s, after the first has stopped: %v", name, err)
		}
	}
}

func TestAServerOfAnEarlierVersionIsWaitedFor(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	old, err := os.Create(filepath.Join(folder, oldServerLock))
	if err != nil {
		t.Fatal(err)
	}
	if err := lockServer(old); err != nil {
		t.Fatal(err)
	}
	if err := serveBriefly(t, folder); err == nil || !strings.Contains(err.Error(), "earlier version") {
		t.Errorf("beside it: %v", err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := serveBriefly(t, folder); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(old.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its lock is still there: %v", err)
	}
}

func TestCommandsKnowWhetherAServerRuns(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	claim, err := Serve(t.Context(), folder, "1", now, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := claim.Open(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	command, err := Join(t.Context(), folder, "1", Joining{}, now)
	if err != nil {
		t.Fatal(err)
	}
	if who, running, err := command.Serving(t.Context()); err != nil || !running || who.Process != os.Getpid() || who.Version != "1" {
		t.Errorf("beside a server: %v %v %v", who, running, err)
	}
	if other, err := Join(t.Context(), folder, "2", Joining{}, now); err == nil || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("a command of another version: %v %v", other, err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if who, running, err := command.Serving(t.Context()); err != nil || running {
		t.Errorf("after it stopped: %v %v %v", who, running, err)
	}
	if err := command.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := Join(t.Context(), folder, "2", Joining{}, now)
	if err != nil {
		t.Fatalf("a command of another version without a server: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestCommandsLeaveAnOlderSchemaAndAnotherNameAlone(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	s := open(t, folder, now)
	elsewhere := t.TempDir()
	if err := os.Link(filepath.Join(folder, FileName), filepath.Join(elsewhere, FileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Join(t.Context(), elsewhere, "", Joining{}, now); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Errorf("by a hard link beside a server: %v", err)
	}
	if err := s.writer.Exec("DELETE FROM goose_db_version WHERE version_id > 1").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, create := range []bool{false, true} {
		if _, err := Join(t.Context(), folder, "", Joining{Create: create}, now); err == nil || !strings.Contains(err.Error(), "start tokentab serve") {
			t.Errorf("an older schema: %v", err)
		}
	}
	if copies, _ := filepath.Glob(filepath.Join(folder, "*.schema-*")); len(copies) > 0 {
		t.Errorf("a command began to migrate: %v", copies)
	}
}

func TestACloseWhileTheDoorIsHeldLosesOnlyTheRecord(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	folder := t.TempDir()
	s := open(t, folder, now)
	other, err := openFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	release, err := other.openingLock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.CloseWithin(over); err != nil {
		t.Error(err)
	}
	release()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.path + closedSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note is there: %v", err)
	}
}

func TestAServerRemovesTheRecordOfItsPredecessorBeforeItWrites(t *testing.T) {
	pgtest.OnSQLite(t, "the locks on the file of the database")
	s := open(t, t.TempDir(), now)
	defer s.Close()
	note := s.path + closedSuffix // could not be removed at the start
	if err := os.WriteFile(note, []byte("state"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.unsettled.Store(true)
	if err := s.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(note); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note is there: %v", err)
	}
}
