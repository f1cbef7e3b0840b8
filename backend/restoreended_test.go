package backend_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// TestARestoreOverADatabaseBringsNoDeletedWebhookOrAccountBack deletes and changes webhooks and deletes an account after a
// backup.
func TestARestoreOverADatabaseBringsNoDeletedWebhookOrAccountBack(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t, privateWebhooks)
	ada, eve := p.Found(), p.Rival()
	gone, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "Gone", Name: "Gil", Email: "gil@example.com", Password: backendtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	gil := audit.Actor{AccountID: gone.AccountID, AdminUserID: gone.ID}
	_, kept := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	_, ended := p.Issue(gil, token.Order{Scope: token.ScopeAccount})
	before, after := receive(t, p.Clock), receive(t, p.Clock)
	for _, actor := range []audit.Actor{ada, gil, eve} {
		before.subscribe(p, actor)
	}
	file := backUp(t, p, "")
	_, err1 := p.Notices.DeleteWebhook(t.Context(), ada)
	after.subscribe(p, eve)
	after.secret = before.secret // a change of the address keeps it
	_, err2 := p.Accounts.Delete(t.Context(), gil, "Gone")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	done, err := restoreInto(t, p, p.Folder, file, force)
	if err != nil || !slices.Equal(done.Deleted, []string{"Gone"}) {
		t.Fatalf("deleted again: %v, %v", done.Deleted, err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock, privateWebhooks)
	if !accepted(p, kept) || accepted(p, ended) {
		t.Errorf("the token of an account that stayed is accepted: %v, that of a deleted one: %v", accepted(p, kept), accepted(p, ended))
	}
	for _, actor := range []audit.Actor{eve, ada} {
		p.Issue(actor, token.Order{Scope: token.ScopeAccount, Lifetime: 48 * time.Hour})
	}
	if got := before.wait(p, 25*time.Hour); len(got) > 0 {
		t.Errorf("a webhook that was deleted or changed after the backup gets %q", got)
	}
	if got := after.take(); len(got) != 1 {
		t.Errorf("the present webhook gets %d messages", len(got))
	}
	all, err := p.Accounts.All(t.Context())
	if err != nil || slices.ContainsFunc(all, func(a account.Account) bool { return a.ID == gil.AccountID }) {
		t.Errorf("accounts after the restore: %v, %v", all, err)
	}
	p.SignIn("gil@example.com", backendtest.Password).Want(t, "a member of a deleted account signs in", 401)
}

// TestARestoreOverADatabaseLeavesNoAccountWithoutAnAdmin replaces all admins of an account after a backup.
func TestARestoreOverADatabaseLeavesNoAccountWithoutAnAdmin(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	for _, what := range []string{"removed", "viewer"} {
		p := backendtest.Start(t)
		ada, eve := p.Found(), p.Rival()
		file := backUp(t, p, "")
		bob := p.Join(ada, "bob@example.com")
		p.Join(eve, "mallory@example.com")
		var err error
		if what == "removed" {
			_, _, err = p.People.RemoveMember(t.Context(), bob, ada.AdminUserID, false)
		} else {
			_, _, err = p.People.SetRole(t.Context(), bob, ada.AdminUserID, people.RoleViewer, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Stop()
		if _, err := restoreInto(t, p, p.Folder, file, force); err != nil {
			t.Fatal(err)
		}
		p = backendtest.StartIn(t, p.Folder, p.Clock)
		p.SignIn("bob@example.com", backendtest.Password).Want(t, what+": the only admin can't sign in", 200)
		p.SignIn("mallory@example.com", backendtest.Password).Want(t, what+": a member who joined an account with an admin is back", 401)
		p.Stop()
	}
}

// TestAWrongMasterKeyAfterARestoreLeavesTheAuditTrailWhole starts a server and runs a command with the master key of another
// installation before the right one is back.
func TestAWrongMasterKeyAfterARestoreLeavesTheAuditTrailWhole(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	p.Found()
	file := backUp(t, p, "")
	folder := t.TempDir()
	if _, err := restoreInto(t, p, folder, file); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_MASTER_KEY", masterKeyOf(7))
	for _, serves := range []bool{true, false} {
		if err := tryOpen(t, folder, serves); err == nil {
			t.Errorf("it opens with another master key, serves: %v", serves)
		}
	}
	t.Setenv("TOKENTAB_MASTER_KEY", "")
	p = backendtest.StartIn(t, folder, p.Clock)
	if err := p.Audit.VerifyAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestARestoreAfterTheRestoreOfAnOlderBackupEndsOnlyWhatHadEnded restores the first of two backups by mistake, and then the
// second one over it.
func TestARestoreAfterTheRestoreOfAnOlderBackupEndsOnlyWhatHadEnded(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	ada := p.Found()
	_, keptSecret := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	revoked, revokedSecret := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	bob := p.Join(ada, "bob@example.com")
	first := backUp(t, p, "")
	p.Clock.Move(time.Hour)
	between, betweenSecret := p.Issue(ada, token.Order{Scope: token.ScopeAccount})
	p.Rival()
	p.JoinAs(ada, "vic@example.com", people.RoleViewer)
	if _, _, err := p.People.SetRole(t.Context(), ada, bob.AdminUserID, people.RoleViewer, false); err != nil {
		t.Fatal(err)
	}
	second := backUp(t, p, "")
	p.Clock.Move(time.Hour)
	p.Stop()
	if _, err := restoreInto(t, p, p.Folder, first, force); err != nil {
		t.Fatal(err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	p.Revoke(ada, revoked.ID)
	p.Clock.Move(time.Hour)
	p.Stop()
	done, err := restoreInto(t, p, p.Folder, second, force)
	if err != nil || !done.Compared || !done.Older || len(done.Deleted) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	if !accepted(p, keptSecret) || accepted(p, revokedSecret) {
		t.Errorf("the token that stayed is accepted: %v, the revoked one: %v", accepted(p, keptSecret), accepted(p, revokedSecret))
	}
	if accepted(p, betweenSecret) {
		t.Error("a token that the replaced database did not know is accepted")
	}
	if _, err := p.Tokens.Activate(t.Context(), ada, between.ID); err != nil || !accepted(p, betweenSecret) {
		t.Errorf("it can't be activated: %v", err)
	}
	for _, email := range []string{"vic@example.com", "eve@example.com"} {
		p.SignIn(email, backendtest.Password).Want(t, email+", who joined between the backups, can't sign in", 200)
	}
	if m, err := p.People.Member(t.Context(), ada.AccountID, bob.AdminUserID); err != nil || m.Role != people.RoleViewer {
		t.Errorf("who was made a viewer between the backups is %v, %v", m.Role, err)
	}
}

// TestARestoreOverAConfirmedDatabaseEndsWhatThatKnowsAsEnded has a database of which an operator confirmed that it may have lost
// changes, so no one knows since when.
func TestARestoreOverAConfirmedDatabaseEndsWhatThatKnowsAsEnded(t *testing.T) {
	pgtest.OnSQLite(t, "backups of its file")
	p := backendtest.Start(t)
	ada := p.Found()
	gone, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "Gone", Name: "Gil", Email: "gil@example.com", Password: backendtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	bob := p.Join(ada, "bob@example.com")
	file := backUp(t, p, "")
	p.Clock.Move(time.Hour)
	confirmed := fmt.Sprintf(`{"made_at":"0001-01-01T00:00:00Z","at":%q}`, p.Clock.Now().Format(time.RFC3339))
	_, err1 := p.Database().Exec("INSERT INTO settings (name, value) VALUES ('restored', ?)", confirmed)
	_, _, err2 := p.People.RemoveMember(t.Context(), ada, bob.AdminUserID, false)
	_, err3 := p.Accounts.Delete(t.Context(), audit.Actor{AccountID: gone.AccountID, AdminUserID: gone.ID}, "Gone")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	done, err := restoreInto(t, p, p.Folder, file, force)
	if err != nil || !slices.Equal(done.Deleted, []string{"Gone"}) {
		t.Errorf("deleted again: %v, %v", done.Deleted, err)
	}
	p = backendtest.StartIn(t, p.Folder, p.Clock)
	for _, email := range []string{"bob@example.com", "gil@example.com"} {
		p.SignIn(email, backendtest.Password).Want(t, email+", who had been removed, signs in", 401)
	}
}
