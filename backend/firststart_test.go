package backend_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
	"tokentab/backend/store"
)

// tryOpen opens and closes the data in a folder, as a server or as a command that may create an account.
func tryOpen(t *testing.T, folder string, serves bool) error {
	t.Helper()
	c := config.Config{
		Storage: config.Storage{Data: folder},
		Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(time.Hour)},
		Serving: config.Serving{LogFormat: "text", CacheTokens: 100},
	}
	if serves {
		c.Listen = "127.0.0.1:0"
	}
	b, err := backend.Open(t.Context(), c, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), MayCreate: true})
	if err != nil {
		return err
	}
	return b.Close()
}

// contents returns the files of a folder with their contents.
func contents(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range found {
		content, _ := os.ReadFile(path) // empty for a dangling link or a folder
		found[i] += ": " + string(content)
	}
	return found
}

// refuses expects both a server and a command to fail with an error that contains these words.
func refuses(t *testing.T, folder string, says ...string) {
	t.Helper()
	for _, serves := range []bool{true, false} {
		err := tryOpen(t, folder, serves)
		if err == nil {
			t.Fatal("it started")
		}
		for _, words := range says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%v; want %q", err, words)
			}
		}
	}
}

// installed creates an installation and returns its folder and files.
func installed(t *testing.T) (folder, database, key string) {
	t.Helper()
	folder = t.TempDir()
	if err := tryOpen(t, folder, false); err != nil {
		t.Fatal(err)
	}
	return folder, filepath.Join(folder, store.FileName), filepath.Join(folder, signer.MasterKeyFile)
}

// TestLostDataNeverPassesForAFirstStart removes parts of an installation. The program must say what is wrong and what
// to do, and leave the rest unchanged.
func TestLostDataNeverPassesForAFirstStart(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	for name, lost := range map[string]struct {
		keyLost bool
		harm    func(database string) error
		says    []string
	}{
		"the database is missing": {
			false, os.Remove,
			[]string{store.FileName + " is missing", signer.MasterKeyFile, "restore the database from a backup", "move"},
		},
		"the database is empty": {
			false, func(database string) error { return os.Truncate(database, 0) },
			[]string{store.FileName + " is empty", "restore a backup", "move tokentab.db, master.key"},
		},
		"the database is empty, and nothing is beside it": {
			true, func(database string) error { return os.Truncate(database, 0) },
			[]string{store.FileName + " is empty", "restore a backup", "move tokentab.db, master.key"},
		},
		"the database is a folder": {
			true, func(database string) error { return errors.Join(os.Remove(database), os.Mkdir(database, 0o700)) },
			[]string{store.FileName + " is not a file", "mount the disk", "restore a backup"},
		},
		"the database is a link to a disk that is not there": {
			true, func(database string) error { return errors.Join(os.Remove(database), os.Symlink(absent, database)) },
			[]string{absent, "does not exist", "mount or restore it", "move the link"},
		},
		"only the log of its changes is left": {
			true, func(database string) error { return os.Rename(database, database+"-wal") },
			[]string{store.FileName + " is missing", store.FileName + "-wal", "restore the database from a backup", "move"},
		},
		"only what the last clean stop left is there": {
			true, os.Remove,
			[]string{store.FileName + " is missing", store.FileName + ".closed", "restore the database from a backup", "move"},
		},
		"only the copy of an upgrade is left": {
			true, func(database string) error { return os.Rename(database, database+".schema-4.20260131T120000Z") },
			[]string{store.FileName + " is missing", ".schema-4.20260131T120000Z", "restore the database from a backup", "move"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder, database, key := installed(t)
			if lost.keyLost {
				if err := os.Remove(key); err != nil {
					t.Fatal(err)
				}
			}
			if err := lost.harm(database); err != nil {
				t.Fatal(err)
			}
			before := contents(t, folder)
			refuses(t, folder, lost.says...)
			if after := contents(t, folder); !slices.Equal(after, before) {
				t.Error("the files changed")
			}
		})
	}
}

// TestADatabaseWithoutTablesNeverPassesForAFirstStart covers what a restore that failed early leaves, and the database of
// another program.
func TestADatabaseWithoutTablesNeverPassesForAFirstStart(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	for name, statement := range map[string]string{"no table": "PRAGMA user_version = 1", "another program's": "CREATE TABLE notes (note TEXT)"} {
		t.Run(name, func(t *testing.T) {
			folder, database, _ := installed(t)
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", "file:"+database)
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.Exec(statement)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			refuses(t, folder, database+" has none of the tables of this program", "restore a backup", "move tokentab.db, master.key")
		})
	}
}

// absent is a path on a disk that is not mounted.
const absent = "/not-mounted/data"

func TestADatabaseIsRefusedWithoutItsMasterKey(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	folder, _, key := installed(t)
	made, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	put := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(key, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put([]byte(masterKeyOf(7)))
	refuses(t, folder, "can't be opened with this master key", "set TOKENTAB_MASTER_KEY", "put back the file "+signer.MasterKeyFile)
	put(nil)
	refuses(t, folder, key, "must be 32 bytes in base64")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	refuses(t, folder, "master key that is missing", "set TOKENTAB_MASTER_KEY", "put the file "+key+" back")
	if _, err := os.Stat(key); err == nil {
		t.Error("it made another master key")
	}
	put(made)
	if err := tryOpen(t, folder, true); err != nil {
		t.Errorf("with its own key back: %v", err)
	}
}

func TestADataFolderThatIsNotAFolderIsRefused(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "--data: "+path+" is not a folder", "name a folder")
	if text, err := os.ReadFile(path); string(text) != "text" {
		t.Errorf("the file changed: %v", err)
	}
	link := filepath.Join(t.TempDir(), "data")
	if err := os.Symlink(absent, link); err != nil {
		t.Fatal(err)
	}
	refuses(t, link, "--data: the link "+link, absent+", which does not exist", "mount or restore that folder")
}

func masterKeyOf(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func TestAFirstStartThatWasInterruptedIsRepeated(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	folder := t.TempDir()
	for _, name := range []string{".new", ".new-wal", ".new-shm"} {
		if err := os.WriteFile(filepath.Join(folder, store.FileName+name), []byte("half a file"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tryOpen(t, folder, true); err != nil {
		t.Fatal(err)
	}
	if left := contents(t, folder); strings.Contains(strings.Join(left, " "), ".new") {
		t.Errorf("left behind: %q", left)
	}
}

func TestAnEmptyFolderIsAFirstStartWithAMasterKeyFromOutsideToo(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	mine := masterKeyOf(7)
	t.Setenv("TOKENTAB_MASTER_KEY", mine)
	for _, serves := range []bool{true, false} {
		folder := t.TempDir()
		if err := tryOpen(t, folder, serves); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(folder, signer.MasterKeyFile)); err == nil {
			t.Error("it made a master key nevertheless")
		}
		if err := tryOpen(t, folder, serves); err != nil {
			t.Errorf("again: %v", err)
		}
		t.Setenv("TOKENTAB_MASTER_KEY", masterKeyOf(8))
		if err := tryOpen(t, folder, serves); err == nil || !strings.Contains(err.Error(), "can't be opened with this master key") {
			t.Errorf("with another key: %v", err)
		}
		t.Setenv("TOKENTAB_MASTER_KEY", mine)
	}
}

func TestACopyWithOtherSettingsThanTheOneBeforeSaysSo(t *testing.T) {
	pgtest.OnPostgres(t)
	at := func(publicURL string) backendtest.Option {
		return func(c *config.Config, _ *backend.World) { c.PublicURL = publicURL }
	}
	first := backendtest.Start(t, at("https://tokens.example.com"))
	like := func(publicURL string) string {
		p := backendtest.StartIn(t, first.Folder, first.Clock, at(publicURL))
		p.Call(http.MethodGet, "/api/v1/session", nil) // answered once it serves
		return p.Log.String()
	}
	first.Call(http.MethodGet, "/api/v1/session", nil)
	if log := first.Log.String() + like("https://tokens.example.com"); strings.Contains(log, "all copies need the same") {
		t.Errorf("of the first copies: %s", log)
	}
	if log := like("https://other.example.com"); !strings.Contains(log, "setting=--public-url here=https://other.example.com there=https://tokens.example.com") {
		t.Errorf("of another one: %s", log)
	}
}

func TestAStopDuringTheStartIsNoFailureInALog(t *testing.T) {
	pgtest.OnSQLite(t, "the start with a file")
	closed, killed := t.TempDir(), t.TempDir()
	c := config.Config{
		Storage: config.Storage{Data: closed},
		Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(time.Hour)},
		Serving: config.Serving{LogFormat: "text", CacheTokens: 100, Listen: "127.0.0.1:0"},
	}
	b, err := backend.Open(t.Context(), c, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), MayCreate: true})
	if err == nil {
		err = errors.Join(os.CopyFS(killed, os.DirFS(closed)), os.Remove(filepath.Join(killed, store.FileName+"-shm")), b.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	// start starts and stops a server. If at is not zero, a signal comes when its context is looked at for that time.
	start := func(at int, log *bytes.Buffer) (looks int, err error) {
		ctx := &signalled{at: at}
		ctx.Context, ctx.signal = context.WithCancel(t.Context())
		defer ctx.signal()
		b, err := backend.Open(ctx, c, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(log, nil))})
		if err == nil {
			err = b.Close()
		}
		return int(ctx.looks.Load()), err
	}
	for _, from := range []string{closed, killed} {
		for at, looks := 1, 1; at <= looks; at += 1 + at/4 {
			c.Data = filepath.Join(t.TempDir(), "data")
			if err := errors.Join(os.CopyFS(c.Data, os.DirFS(from)), os.Chmod(filepath.Join(c.Data, signer.MasterKeyFile), 0o600)); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if _, err := start(at, &log); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("signalled at look %d: %v", at, err)
			}
			if looks, err = start(0, &log); err != nil {
				t.Errorf("after a signal at look %d: %v", at, err)
			}
			if strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("signalled at look %d: %s", at, log.String())
			}
		}
	}
}

func TestACommandLeavesTheWarningOfALostLogToTheNextStart(t *testing.T) {
	pgtest.OnSQLite(t, "the write-ahead log in a file")
	running := t.TempDir()
	c := config.Config{
		Storage: config.Storage{Data: running},
		Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(time.Hour)},
		Serving: config.Serving{LogFormat: "text", CacheTokens: 100, Listen: "127.0.0.1:0"},
	}
	var log bytes.Buffer
	open := func() *backend.Backend {
		t.Helper()
		b, err := backend.Open(t.Context(), c, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(&log, nil)), MayCreate: true})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	c.Data = filepath.Join(t.TempDir(), "data") // as after a kill
	err := errors.Join(os.CopyFS(c.Data, os.DirFS(running)), b.Close(), os.Chmod(filepath.Join(c.Data, signer.MasterKeyFile), 0o600),
		os.Remove(filepath.Join(c.Data, store.FileName+"-shm")), os.Remove(filepath.Join(c.Data, store.FileName+"-wal")))
	if err != nil {
		t.Fatal(err)
	}
	// begin opens and closes the database, for a command or a server, and returns whether the log warns.
	begin := func(listen string) bool {
		t.Helper()
		log.Reset()
		c.Listen = listen
		if err := open().Close(); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(log.String(), "its write-ahead log is missing")
	}
	begin("")
	begin("")
	if !begin("127.0.0.1:0") {
		t.Error("after two commands, the start warns of nothing")
	}
	if begin("127.0.0.1:0") {
		t.Error("the next start warns again")
	}
}

// signalled is a context that ends when it is looked at for the time at; never if that is zero.
type signalled struct {
	context.Context
	signal func()
	at     int
	looks  atomic.Int64
}

func (s *signalled) Done() <-chan struct{} {
	if s.looks.Add(1) == int64(s.at) {
		s.signal()
	}
	return s.Context.Done()
}
