package backend_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/token"
)

// listedInvalid is the value of an entry whose token is refused permanently.
const listedInvalid = 1

func backUp(t *testing.T, p *backendtest.Program, passphrase string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "a.backup")
	made, err := p.BackUp(t.Context(), backend.BackupOrder{Path: file, Passphrase: passphrase, Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() != made.Bytes || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup is %v, %v", info, err)
	}
	if left, err := filepath.Glob(file + ".*"); err != nil || len(left) > 0 {
		t.Errorf("beside the backup are %v, %v", left, err)
	}
	return file
}

// restoreInto restores a backup, with the master key of the program.
func restoreInto(t *testing.T, p *backendtest.Program, folder, file string, change ...func(*backend.RestoreOrder)) (store.Restored, error) {
	t.Helper()
	order := backend.RestoreOrder{File: file, Progress: func(string) {}}
	for _, f := range change {
		f(&order)
	}
	key, err := os.ReadFile(filepath.Join(p.Folder, signer.MasterKeyFile))
	if err == nil && folder != p.Folder && order.Passphrase == "" {
		err = os.WriteFile(filepath.Join(folder, signer.MasterKeyFile), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return backend.Restore(t.Context(), config.Storage{Data: folder}, order, backend.World{Now: p.Clock.Now, Random: rand.Reader})
}

// listed returns the value of a secret's entry in the list that a program serves, whatever address the secret names.
func listed(t *testing.T, p *backendtest.Program, secret string) byte {
	entry := backendtest.EntryOf(t, secret)
	entry.URI = p.URL + entry.URI[strings.Index(entry.URI, "/status-lists/"):]
	return p.Listed(entry)
}

func force(o *backend.RestoreOrder)         { o.Overwrite = true }
func suspendActive(o *backend.RestoreOrder) { o.SuspendActive = true }

func TestABackupUnderLoadRestoresTheTokensAsTheyWereAtOneInstant(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	order := token.Order{Scope: token.ScopeAccount}
	want := map[string]bool{}
	for i := range 30 {
		made, secret := p.Issue(actor, order)
		want[secret] = i%3 == 0
		var err error
		switch i % 3 {
		case 1:
			_, err = p.Tokens.Suspend(t.Context(), actor, made.ID)
		case 2:
			_, err = p.Tokens.Revoke(t.Context(), actor, made.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Each pair of tokens ends in one transaction, so no instant has one of them alone.
	var pairs [][2]string
	done := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			a, first := p.Issue(actor, order)
			b, second := p.Issue(actor, order)
			pairs = append(pairs, [2]string{first, second})
			if _, err := p.Tokens.ChangeMany(t.Context(), actor, token.Bulk{Action: token.ToRevoke, IDs: []pfid.ID{a.ID, b.ID}}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	file := backUp(t, p, "")
	close(done)
	load.Wait()

	folder := t.TempDir()
	done2, err := restoreInto(t, p, folder, file)
	if err != nil {
		t.Fatal(err)
	}
	if !done2.HasKey || done2.Rows["api_tokens"] < 30 {
		t.Errorf("the restore found %+v", done2)
	}
	q := backendtest.StartIn(t, folder, p.Clock)
	for secret, is := range want {
		if accepted(q, secret) != is || (listed(t, q, secret) == 0) != is {
			t.Errorf("a token that was accepted: %v is not as it was", is)
		}
	}
	known := 0
	for i, pair := range pairs {
		first, second := accepted(q, pair[0]), accepted(q, pair[1])
		if first && second {
			known++
		}
		if second && !first {
			t.Errorf("of pair %d one token has ended", i)
		}
	}
	if known > 1 {
		t.Errorf("%d pairs are unrevoked at one instant", known)
	}
}

func TestAnyChangedByteOfABackupIsDetectedAndNothingIsRestored(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	p.Found()
	file := backUp(t, p, "")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	check := func(what string, content []byte) {
		t.Helper()
		bad := filepath.Join(t.TempDir(), "bad.backup")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := backend.Restore(t.Context(), config.Storage{Data: folder}, backend.RestoreOrder{File: bad, Progress: func(string) {}}, backend.World{Now: p.Clock.Now, Random: rand.Reader})
		if err == nil {
			t.Fatalf("%s: restored", what)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Fatalf("%s: the folder has %v, %v", what, left, err)
		}
	}
	step := max(1, len(good)/150)
	for at := 0; at < len(good); at += step {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		check("a changed byte", bad)
	}
	for i := range 40 { // the sum, and what is next to it
		bad := bytes.Clone(good)
		bad[len(bad)-1-i] ^= 0x80
		check("a changed byte at the end", bad)
	}
	check("a missing byte", good[:len(good)-1])
	check("one byte more", append(bytes.Clone(good), 0))
	check("an empty file", nil)
}

func TestABackupReplacesNothingButABackup(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	p.Found()
	earlier := backUp(t, p, "")
	elsewhere := t.TempDir()
	link, foreign, empty := filepath.Join(elsewhere, "link"), filepath.Join(elsewhere, "thesis.txt"), filepath.Join(elsewhere, "empty")
	linked, socket := filepath.Join(elsewhere, "latest"), filepath.Join(elsewhere, "socket")
	if err := errors.Join(os.Symlink(filepath.Join(p.Folder, store.FileName), link), os.Symlink(earlier, linked), os.WriteFile(foreign, []byte("years of work"), 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for path, replaced := range map[string]bool{
		filepath.Join(p.Folder, store.FileName): false, filepath.Join(p.Folder, store.FileName+"-wal"): false, filepath.Join(p.Folder, store.FileName+"-new"): false,
		filepath.Join(p.Folder, "master.key"): false, link: false, linked: false, foreign: false, elsewhere: false, socket: false, empty: true, earlier: true,
	} {
		before, err := os.Lstat(path)
		_, made := p.BackUp(t.Context(), backend.BackupOrder{Path: path, Overwrite: true, Progress: func(string) {}})
		after, err2 := os.Lstat(path)
		same := err == nil && err2 == nil && os.SameFile(before, after) || err != nil && err2 != nil
		if (made == nil) != replaced || same == replaced {
			t.Errorf("%s: %v", filepath.Base(path), made)
		}
	}
	p.Call(http.MethodGet, "/readyz", nil).Want(t, "afterwards", http.StatusOK)
}

func TestARestoreListsEveryTokenThatItForgotAsInvalid(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	order := token.Order{Scope: token.ScopeAccount}
	_, before := p.Issue(actor, order)
	file := backUp(t, p, "")
	_, since := p.Issue(actor, order)
	p.Stop()
	if err := os.Remove(filepath.Join(p.Folder, store.FileName+".closed")); err != nil { // so that a new list begins
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	_, later := p.Issue(actor, order)
	if backendtest.EntryOf(t, later).URI == backendtest.EntryOf(t, since).URI {
		t.Fatal("no new list has begun")
	}
	folder := t.TempDir()
	if _, err := restoreInto(t, p, folder, file); err != nil {
		t.Fatal(err)
	}
	q := backendtest.StartIn(t, folder, p.Clock)
	for name, secret := range map[string]string{"in a known list": since, "in an unknown list": later} {
		if accepted(q, secret) || listed(t, q, secret) != listedInvalid {
			t.Errorf("a forgotten token %s is not invalid", name)
		}
	}
	if !accepted(q, before) || listed(t, q, before) != 0 {
		t.Error("a known token is not valid")
	}
	made, fresh := q.Issue(actor, order)
	if listed(t, q, fresh) != 0 {
		t.Error("a new token is listed as invalid")
	}
	q.Suspend(actor, made.ID)
	if listed(t, q, fresh) != 2 {
		t.Error("a suspended token is not listed as such")
	}
}

func TestWithoutARestoreAnUnknownStatusListDoesNotExist(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	p.Found()
	p.Call("GET", "/status-lists/77", nil).Want(t, "an unknown list", 404)
}

func TestARestoreOverADatabaseKeepsItAndEndsAgainWhatHadEnded(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	order := token.Order{Scope: token.ScopeAccount}
	secrets := map[string]string{}
	tokens := map[string]token.Listed{}
	for _, name := range []string{"kept", "suspended", "revoked", "deleted", "rotated"} {
		tokens[name], secrets[name] = p.Issue(actor, order)
	}
	bob := p.Join(actor, "bob@example.com")
	_, cookie := startSession(t, p, actor)
	renewed, old := p.Issue(actor, order)
	_, present, err := p.Tokens.Rotate(t.Context(), actor, renewed.ID, token.Rotation{Overlap: token.MaxOverlap})
	if err != nil {
		t.Fatal(err)
	}
	file := backUp(t, p, "")
	if _, err := restoreInto(t, p, p.Folder, file, force); err == nil || !strings.Contains(err.Error(), "server is running") {
		t.Errorf("a restore under a running server: %v", err)
	}
	_, err1 := p.Tokens.Suspend(t.Context(), actor, tokens["suspended"].ID)
	_, err2 := p.Tokens.Revoke(t.Context(), actor, tokens["revoked"].ID)
	_, err3 := p.Tokens.Revoke(t.Context(), actor, tokens["deleted"].ID)
	_, err4 := p.Tokens.Delete(t.Context(), actor, tokens["deleted"].ID)
	_, _, err5 := p.Tokens.Rotate(t.Context(), actor, tokens["rotated"].ID, token.Rotation{})
	_, _, err6 := p.People.RemoveMember(t.Context(), actor, bob.AdminUserID, false)
	_, err7 := p.Tokens.EndOldSecret(t.Context(), actor, renewed.ID)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if _, err := restoreInto(t, p, p.Folder, file); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a restore over a database: %v", err)
	}
	before, err := os.ReadFile(filepath.Join(p.Folder, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, interrupted := range []bool{false, true} {
		if interrupted { // after the old database was moved away
			if err := os.Remove(filepath.Join(p.Folder, store.FileName)); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Serve(t.Context(), p.Folder, "", p.Clock.Now, nil); err == nil || !strings.Contains(err.Error(), "missing") {
				t.Errorf("a server starts in the middle of a restore: %v", err)
			}
		}
		done, err := restoreInto(t, p, p.Folder, file, force)
		if err != nil {
			t.Fatal(err)
		}
		if !done.Compared || done.Ended != 4 {
			t.Errorf("interrupted %v: %d tokens ended again, compared: %v", interrupted, done.Ended, done.Compared)
		}
		kept, err := filepath.Glob(filepath.Join(p.Folder, store.FileName+".replaced-*Z"))
		if err != nil || len(kept) != 1 {
			t.Fatalf("interrupted %v: kept %v, %v", interrupted, kept, err)
		}
		if content, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(content, before) {
			t.Errorf("interrupted %v: the replaced database is not as it was: %v", interrupted, err)
		}
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	for name, secret := range secrets {
		if accepted(p, secret) != (name == "kept") {
			t.Errorf("the %s token is accepted: %v", name, accepted(p, secret))
		}
	}
	if accepted(p, old) || !accepted(p, present) {
		t.Errorf("the secret that had ended is accepted: %v, the one that replaced it: %v", accepted(p, old), accepted(p, present))
	}
	if p.Call("GET", "/api/v1/session/all", nil, cookie).Status != 401 {
		t.Error("a session came back with the restore")
	}
	if _, err := p.People.Member(t.Context(), actor.AccountID, bob.AdminUserID); err == nil {
		t.Error("a removed member came back")
	}
	chains, err := p.Audit.Chains(t.Context())
	if err != nil || len(chains) != 2 {
		t.Fatal(chains, err)
	}
	for _, chain := range chains {
		if head, err := p.Audit.Verify(t.Context(), chain, nil); err != nil {
			t.Errorf("the audit trail after the restore, %q up to %s: %v", chain, head, err)
		}
	}
	p.Recorded(audit.BackupRestored, 1)
}

func TestARestoreOverADamagedDatabaseSaysThatNothingWasCompared(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	p.Found()
	file := backUp(t, p, "")
	p.Stop()
	for _, had := range []bool{false, true} {
		folder := t.TempDir()
		if had {
			if err := os.WriteFile(filepath.Join(folder, store.FileName), []byte("no database at all"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		done, err := restoreInto(t, p, folder, file, force)
		if err != nil || done.Replaced != had || done.Compared {
			t.Errorf("with a damaged database %v: replaced %v, compared %v, %v", had, done.Replaced, done.Compared, err)
		}
	}
}

func TestARestoreCanSuspendWhatTheBackupBelievesActive(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	order := token.Order{Scope: token.ScopeAccount}
	made, active := p.Issue(actor, order)
	ended, revoked := p.Issue(actor, order)
	p.Revoke(actor, ended.ID)
	file, folder := backUp(t, p, ""), t.TempDir()
	p.Clock.Move(time.Hour) // events of one instant have no order
	done, err := restoreInto(t, p, folder, file, suspendActive)
	if err != nil || done.Suspended != 1 {
		t.Fatalf("%d tokens are suspended, %v", done.Suspended, err)
	}
	q := backendtest.StartIn(t, folder, p.Clock)
	if accepted(q, active) || accepted(q, revoked) {
		t.Error("a token is accepted")
	}
	if found, err := q.Tokens.Get(t.Context(), actor.AccountID, made.ID); err != nil || found.Status != token.Suspended {
		t.Errorf("the active token is %s, %v", found.Status, err)
	}
	events, _, err := q.Tokens.Events(t.Context(), actor.AccountID, made.ID, page)
	if err != nil || len(events) != 2 || !slices.ContainsFunc(events, func(e token.Event) bool { return e.Action == audit.APITokenSuspended }) { // both of one instant
		t.Errorf("its events are %v, %v", events, err)
	}
	if _, err := q.Tokens.Activate(t.Context(), actor, made.ID); err != nil || !accepted(q, active) {
		t.Errorf("it can't be activated again: %v", err)
	}
}

// TestPromise9ARestoreThatSuspendsTokensEndsTheirInvites also activates the token again.
func TestPromise9ARestoreThatSuspendsTokensEndsTheirInvites(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	maker, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	byToken, err1 := p.People.Invite(t.Context(), audit.Actor{AccountID: actor.AccountID, APITokenID: maker.ID}, "bob@example.com", people.RoleAdmin)
	byUser, err2 := p.People.Invite(t.Context(), actor, "grace@example.com", people.RoleAdmin)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	file, folder := backUp(t, p, ""), t.TempDir()
	if _, err := restoreInto(t, p, folder, file, suspendActive); err != nil {
		t.Fatal(err)
	}
	q := backendtest.StartIn(t, folder, p.Clock)
	if _, err := q.Tokens.Activate(t.Context(), actor, maker.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		invite people.IssuedInvite
		status string
	}{{byToken, people.InviteRevoked}, {byUser, people.InvitePending}} {
		if found, err := q.People.InviteOf(t.Context(), actor.AccountID, c.invite.ID); err != nil || found.Status != c.status {
			t.Errorf("the invite of %s is %s, want %s (%v)", c.invite.Email, found.Status, c.status, err)
		}
		_, _, err := q.People.ShowInvite(t.Context(), c.invite.Code)
		if isShown := err == nil; isShown != (c.status == people.InvitePending) {
			t.Errorf("the invite of %s can be accepted: %v", c.invite.Email, isShown)
		}
	}
	q.Recorded(audit.AdminUserInviteRevoked, 1)
}

func TestABackupWithTheMasterKeyIsRestoredWithItsPassphraseOnly(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	file, folder := backUp(t, p, "a long passphrase"), filepath.Join(t.TempDir(), "new")
	key, err := os.ReadFile(filepath.Join(p.Folder, signer.MasterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(file); err != nil || bytes.Contains(content, bytes.TrimSpace(key)) {
		t.Fatalf("the master key is in the backup as it is, %v", err)
	}
	with := func(passphrase string) func(*backend.RestoreOrder) {
		return func(o *backend.RestoreOrder) { o.Passphrase = passphrase }
	}
	if _, err := restoreInto(t, p, folder, file, with("another passphrase")); !errors.Is(err, signer.ErrPassphrase) {
		t.Errorf("with a wrong passphrase: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, store.FileName)); err == nil {
		t.Error("with a wrong passphrase a database is there")
	}
	if _, err := restoreInto(t, p, folder, file, with("a long passphrase")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, signer.MasterKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the master key is %v, %v", info, err)
	}
	if q := backendtest.StartIn(t, folder, p.Clock); !accepted(q, secret) {
		t.Error("the token is refused")
	}
}

// TestAWithdrawnKeyStaysWithdrawnIfARestoreBringsItsMasterKey restores over a database whose master key was lost.
func TestAWithdrawnKeyStaysWithdrawnIfARestoreBringsItsMasterKey(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	file, kid := backUp(t, p, "a long passphrase"), kidOf(t, secret)
	if _, err := p.WithdrawKey(t.Context(), kid); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := os.Remove(filepath.Join(p.Folder, signer.MasterKeyFile)); err != nil {
		t.Fatal(err)
	}
	order := backend.RestoreOrder{File: file, Overwrite: true, Passphrase: "a long passphrase", Progress: func(string) {}}
	if _, err := backend.Restore(t.Context(), config.Storage{Data: p.Folder}, order, backend.World{Now: p.Clock.Now, Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	if accepted(p, secret) || published(p, kid) {
		t.Errorf("the token of the withdrawn key is accepted: %v, the key is published: %v", accepted(p, secret), published(p, kid))
	}
	_, next := p.Issue(p.Rival(), token.Order{Scope: token.ScopeAccount})
	if kidOf(t, next) == kid || !accepted(p, next) {
		t.Error("the withdrawn key signs")
	}
}

func TestScheduledBackupsAreMadeWhateverTheClockSaidAndTheOldestGo(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	folder := t.TempDir()
	future := filepath.Join(folder, "tokentab-20400101T000000Z.backup")
	partial := filepath.Join(folder, "tokentab-20250101T000000Z.backup.partial")
	other := filepath.Join(folder, "mine.backup")
	for _, path := range []string{future, partial, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.BackupDir, c.BackupEvery, c.BackupKeep = folder, config.Lifetime(time.Hour), 2
	})
	names := func() (all []string) {
		found, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			all = append(all, filepath.Base(path))
		}
		return all
	}
	var made []string
	for range 4 {
		name := "tokentab-" + p.Clock.Now().Format("20060102T150405Z") + ".backup"
		made = append(made, name)
		eventually(t, "the backup "+name, func() bool {
			facts, err := p.Backups.Facts(t.Context())
			return err == nil && facts.ProvenAt.Equal(p.Clock.Now()) && strings.Contains(strings.Join(names(), " "), name) && len(names()) <= 3
		})
		p.Clock.Move(time.Hour)
	}
	if got := strings.Join(names(), " "); got != "mine.backup "+strings.Join(made[2:], " ") {
		t.Errorf("the folder has %s", got)
	}
	if facts, err := p.Backups.Facts(t.Context()); err != nil || facts.Failure != "" || facts.Bytes == 0 {
		t.Errorf("%+v %v", facts, err)
	}
}

func TestABackupByAClockThatJumpedRemovesNoOther(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	folder := t.TempDir()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.BackupDir, c.BackupEvery, c.BackupKeep = folder, config.Lifetime(time.Hour), 2
	})
	names := func() (names []string) {
		found, err := filepath.Glob(filepath.Join(folder, "*.backup"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	var made []string
	make := func() {
		t.Helper()
		made = append(made, "tokentab-"+p.Clock.Now().Format("20060102T150405Z")+".backup")
		eventually(t, "a backup", func() bool {
			facts, err := p.Backups.Facts(t.Context())
			return err == nil && facts.ProvenAt.Equal(p.Clock.Now())
		})
	}
	make()
	p.Clock.Move(time.Hour)
	make()
	const ahead = 365 * 24 * time.Hour
	p.Clock.Jump(ahead)
	make()
	p.Clock.Move(time.Hour)
	make()
	p.Clock.Jump(-ahead)
	if got := names(); !slices.Equal(got, made) {
		t.Errorf("the folder has %s of %s", got, made)
	}
	make()
	eventually(t, "old backups to go", func() bool { return slices.Equal(names(), []string{made[1], made[4]}) })
}

func TestAFailedBackupIsKnownAndLoggedOnce(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	folder := filepath.Join(t.TempDir(), "missing")
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.BackupDir, c.BackupEvery, c.BackupKeep = folder, config.Lifetime(time.Hour), 2
	})
	failed := func() bool {
		facts, err := p.Backups.Facts(t.Context())
		return err == nil && facts.Failure == "no_access" && facts.FailedAt.Equal(p.Clock.Now())
	}
	eventually(t, "the failure", failed)
	p.Clock.Move(10 * time.Minute)
	eventually(t, "the second failure", failed)
	if n := strings.Count(p.Log.String(), "could not make a backup"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p.Clock.Move(10 * time.Minute)
	eventually(t, "a backup", func() bool {
		facts, err := p.Backups.Facts(t.Context())
		return err == nil && facts.Failure == "" && facts.ProvenAt.Equal(p.Clock.Now())
	})
}

// eventually waits until something that the program does in the background is done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s did not come", what)
}

func TestEachAccountReviewsARestoreOnce(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	file, folder := backUp(t, p, ""), t.TempDir()
	p.Clock.Move(time.Hour)
	if _, err := restoreInto(t, p, folder, file); err != nil {
		t.Fatal(err)
	}
	q := backendtest.StartIn(t, folder, p.Clock)
	_, cookie := startSession(t, q, actor)
	_, other := startSession(t, q, rival)
	ownPage := backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}
	review := func() int { return q.Call("POST", "/api/v1/backup/review_restore", nil, cookie, ownPage).Status }
	reviewed := func(cookie backendtest.Header) any {
		return q.Call("GET", "/api/v1/backup", nil, cookie).Get(t, "details", "restore", "reviewed")
	}
	if reviewed(cookie) != false || review() != 200 || reviewed(cookie) != true || reviewed(other) != false {
		t.Error("a review is not known, or also that of another account")
	}
	if status := review(); status != 409 {
		t.Errorf("a second review: %d", status)
	}
	var events int
	if err := q.Database().QueryRow("SELECT count(*) FROM audit_events WHERE account_id = ? AND action IN ('backup.restored', 'restore.reviewed')", actor.AccountID.String()).Scan(&events); err != nil || events != 2 {
		t.Errorf("%d events, %v", events, err)
	}
}

func TestABackupWithABrokenAuditTrailIsMadeButNotCalledProven(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	folder := t.TempDir()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) {
		c.BackupDir, c.BackupEvery, c.BackupKeep = folder, config.Lifetime(time.Hour), 2
	})
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	facts := func() backup.Facts {
		facts, err := p.Backups.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	eventually(t, "a backup", func() bool { return !facts().ProvenAt.IsZero() })
	proven := facts().ProvenAt
	p.Exec("UPDATE audit_events SET detail = 'another' WHERE account_id IS NOT NULL AND sequence = 1")
	file := filepath.Join(t.TempDir(), "a.backup")
	made, err := p.BackUp(t.Context(), backend.BackupOrder{Path: file, Progress: func(string) {}})
	if broken, ok := errors.AsType[*audit.Broken](made.Audit); err != nil || !ok || broken.Sequence != 1 || !strings.Contains(made.Audit.Error(), actor.AccountID.String()) {
		t.Fatalf("the backup's trail: %v, %v", made.Audit, err)
	}
	restored := t.TempDir()
	if _, err := restoreInto(t, p, restored, file); err != nil {
		t.Fatal(err)
	}
	if q := backendtest.StartIn(t, restored, p.Clock); !accepted(q, secret) {
		t.Error("the restored backup does not know the token")
	}
	for i := range 3 { // the schedule goes on, and removes old backups as always
		p.Clock.Move(time.Hour)
		at := p.Clock.Now()
		eventually(t, "a backup that is not proven", func() bool { return facts().FailedAt.Equal(at) })
		if f := facts(); f.Failure != backup.AuditBroken || !f.ProvenAt.Equal(proven) {
			t.Errorf("%+v", f)
		}
		eventually(t, "only two backups", func() bool {
			found, err := filepath.Glob(filepath.Join(folder, "*.backup"))
			return err == nil && len(found) == min(2, i+2)
		})
	}
	if n := strings.Count(p.Log.String(), "broken at event 1"); n == 0 {
		t.Error("the log does not say so")
	}
}
