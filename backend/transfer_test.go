package backend_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

func importLines(t *testing.T, p *backendtest.Program, actor audit.Actor, lines string, change ...func(*backend.Import)) (backend.ImportResult, error) {
	t.Helper()
	order := backend.Import{Account: actor.AccountID, File: filepath.Join(t.TempDir(), "tokens.jsonl")}
	for _, f := range change {
		f(&order)
	}
	if err := os.WriteFile(order.File, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.ImportTokens(t.Context(), order)
}

func TestExportedTokensWorkInAnotherInstallationWithTheirSecrets(t *testing.T) {
	p, q := backendtest.Start(t), backendtest.Start(t)
	actor, target := p.Found(), q.Found()
	made := fill(t, p, actor)
	order := token.Order{Scope: token.ScopeAgentDeployment, AgentID: made.agent, EnvironmentID: made.environment, Name: "mover"}
	_, active := p.Issue(actor, order)
	held, suspended := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	ended, revoked := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, err1 := p.Tokens.Suspend(t.Context(), actor, held.ID)
	_, err2 := p.Tokens.Revoke(t.Context(), actor, ended.ID)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var lines bytes.Buffer
	n, _, err := p.ExportTokens(t.Context(), actor.AccountID, &lines)
	if err != nil || n != 5 || strings.Count(lines.String(), "\n") != 5 {
		t.Fatalf("%d tokens: %v", n, err)
	}
	for _, secret := range []string{active, suspended, revoked} {
		if strings.Contains(lines.String(), secret) {
			t.Fatal("a secret is in the export")
		}
	}
	if _, err := importLines(t, q, target, lines.String()); err == nil || !strings.Contains(err.Error(), "create it first") {
		t.Errorf("an unknown agent: %v", err)
	}
	if accepted(q, active) { // and from now on the secret is remembered as unknown
		t.Fatal("it is accepted before the import")
	}
	q.Register(target, agent.Order{Name: "bot"})
	for _, dry := range []bool{true, false} {
		result, err := importLines(t, q, target, lines.String(), func(i *backend.Import) { i.DryRun = dry })
		if want := (backend.ImportResult{Made: 4, Revoked: 1}); err != nil || result != want {
			t.Fatalf("dry run %v: %+v %v", dry, result, err)
		}
		if accepted(q, active) == dry || accepted(q, suspended) || accepted(q, revoked) {
			t.Errorf("dry run %v: the active one is accepted: %v", dry, accepted(q, active))
		}
	}
	verdict, err := q.Tokens.Check(t.Context(), []byte(active))
	if err != nil || verdict.State.AccountID != target.AccountID || verdict.State.TokenID.Partition() != target.AccountID.Partition() {
		t.Errorf("it is of %+v, %v", verdict.State, err)
	}
	events, _, err := q.Tokens.Events(t.Context(), target.AccountID, verdict.State.TokenID, page)
	if err != nil || len(events) != 1 || !strings.HasPrefix(events[0].Detail, "imported") {
		t.Errorf("its events are %v, %v", events, err)
	}
	if result, err := importLines(t, q, target, lines.String()); err != nil || result.Made != 0 || result.Known != 4 {
		t.Errorf("a second import: %+v %v", result, err)
	}
}

func TestAnExportCountsTheSecretsThatItLacks(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	for _, end := range []func(pfid.ID) error{
		func(pfid.ID) error { return nil },
		func(id pfid.ID) error { _, err := p.Tokens.Revoke(t.Context(), actor, id); return err },
		func(id pfid.ID) error { _, err := p.Tokens.EndOldSecret(t.Context(), actor, id); return err },
	} {
		made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		if _, _, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if err := end(made.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1, 0} {
		if n, replaced, err := p.ExportTokens(t.Context(), actor.AccountID, io.Discard); err != nil || n != 3 || replaced != want {
			t.Errorf("%d tokens, and %d replaced secrets, want %d: %v", n, replaced, want, err)
		}
		p.Clock.Move(time.Hour)
	}
}

// foreign returns a line for a secret of another system.
func foreign(secret, more string) string {
	return fmt.Sprintf(`{"hash":"%x","name":"crm","scope":"account","role":"read","expires_at":"2026-06-01T00:00:00Z"%s}`+"\n", sha256.Sum256([]byte(secret)), more)
}

func TestSecretsOfOtherSystemsKeepWorkingByTheirHash(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	var lines strings.Builder
	for i := range 250 { // several transactions
		lines.WriteString(foreign(fmt.Sprint("opaque-secret-", i), ""))
	}
	lines.WriteString(foreign("opaque-secret-0", "") + "\n" + foreign("old", `,"status":"revoked"`))
	result, err := importLines(t, p, actor, lines.String())
	if want := (backend.ImportResult{Made: 250, Known: 1, Revoked: 1}); err != nil || result != want {
		t.Fatalf("%+v %v", result, err)
	}
	for _, i := range []int{0, 99, 100, 249} {
		if !accepted(p, fmt.Sprint("opaque-secret-", i)) {
			t.Errorf("secret %d is refused", i)
		}
	}
	if accepted(p, "opaque-secret-250") || accepted(p, "old") {
		t.Error("an unknown secret is accepted")
	}
}

func TestTokensOfOtherSystemsAreCalledByTheirNameEverywhere(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	line := `{"hash":"%x","name":"%s","scope":"account","role":"manage","expires_at":"2026-03-10T00:00:00Z"}` + "\n"
	lines := fmt.Sprintf(line, sha256.Sum256([]byte("named")), "crm") + fmt.Sprintf(line, sha256.Sum256([]byte("unnamed")), "")
	if result, err := importLines(t, p, actor, lines); err != nil || result.Made != 2 {
		t.Fatalf("%+v %v", result, err)
	}
	for secret, want := range map[string]string{"named": "API token crm", "unnamed": "API token"} {
		a := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(secret))
		if by := a.Get(t, "details", "created_by_name"); by != want {
			t.Errorf("%s: made by %v, want %s", secret, by, want)
		}
	}
	events := p.Call(http.MethodGet, "/api/v1/audit_event?search=imported", nil, backendtest.Bearer("named")).Get(t, "summaries").([]any)
	var names []any
	for _, e := range events {
		names = append(names, e.(map[string]any)["subject_name"])
	}
	if len(names) != 2 || !slices.Contains(names, any("crm")) || !slices.Contains(names, nil) {
		t.Errorf("the events of the import are about %v", names)
	}
	box := &postbox{}
	p.Notices.Mail = box
	p.Clock.Move(7 * 24 * time.Hour)
	if err := p.SendNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	if mails := box.take(); len(mails) != 1 || !strings.Contains(mails[0], "\n- crm, account,") || !strings.Contains(mails[0], "\n- unnamed, account,") {
		t.Errorf("mails: %v", mails)
	}
}

// PowerShell writes one, and so does Notepad.
func TestAFileToImportMayBeginWithAByteOrderMark(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	if result, err := importLines(t, p, actor, "\ufeff"+foreign("good", "")); err != nil || result.Made != 1 || !accepted(p, "good") {
		t.Fatalf("%+v %v", result, err)
	}
	if _, err := importLines(t, p, actor, foreign("other", "")+"\ufeff"+foreign("third", "")); err == nil || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("a mark in the middle: %v", err)
	}
}

// An import reads its file twice. From a pipe it would check all lines, and import none of them.
func TestAPipeImportsNothingAndSaysSo(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	_, err1 := to.WriteString(foreign("good", ""))
	if err := errors.Join(err1, to.Close()); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/fd/%d", from.Fd())
	if _, err := p.ImportTokens(t.Context(), backend.Import{Account: actor.AccountID, File: path}); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("it says %v", err)
	}
}

// A waiting writer of SQLite only looks now and then whether the database is free, so one that never pauses keeps all others out.
func TestOthersHaveTheirTurnsWhileTokensAreImportedBesideAServer(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := filepath.Join(t.TempDir(), "tokens.jsonl")
	var lines strings.Builder
	for i := range 1000 {
		lines.WriteString(foreign(fmt.Sprint("secret ", i), ""))
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	turns := 0
	_, err := p.ImportTokens(t.Context(), backend.Import{Account: actor.AccountID, File: path, Rest: func() {
		turns++
		p.Call(http.MethodPost, "/api/v1/agent", backendtest.Details(map[string]any{"name": "Crawler"}), backendtest.Bearer(secret)).Must(t, http.StatusOK)
	}})
	if err != nil || turns < 9 {
		t.Errorf("%d turns between 10 pieces: %v", turns, err)
	}
}

func TestAFileWithAWrongLineImportsNothingAndNamesTheLine(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	for name, c := range map[string]struct{ line, want string }{
		"no JSON":         {"nonsense", "must be a JSON object"},
		"a list":          {"[]", "it must be a JSON object, not array"},
		"a number":        {foreign("x", `,"hint":1`), "hint must be text"},
		"no such day":     {strings.Replace(foreign("x", ""), "2026-06-01", "2026-06-31", 1), "expires_at must be a time"},
		"no time":         {foreign("x", `,"inserted_at":"yesterday"`), "inserted_at must be a time"},
		"a number of ms":  {foreign("x", `,"inserted_at":1780272000000`), "inserted_at must be text"},
		"unknown field":   {foreign("x", `,"expires_att":1`), "expires_att"},
		"no hash":         {`{"scope":"account","role":"read","expires_at":"2026-06-01T00:00:00Z"}`, "hash must be"},
		"no secret":       {foreign("", ""), "hash must not be"},
		"no role":         {strings.Replace(foreign("x", ""), `"role":"read",`, "", 1), "role is required"},
		"no expiry":       {strings.Replace(foreign("x", ""), `,"expires_at":"2026-06-01T00:00:00Z"`, "", 1), "expires_at is required"},
		"too long a life": {strings.Replace(foreign("x", ""), "2026-06", "2036-06", 1), "longest lifetime"},
		"unknown scope":   {strings.Replace(foreign("x", ""), `"account"`, `"world"`, 1), "scope must be"},
		"no environment":  {strings.Replace(foreign("x", ""), `"account","role":"read"`, `"environment","environment":"Mars"`, 1), "Mars"},
	} {
		_, err := importLines(t, p, actor, foreign("good", "")+c.line)
		if err == nil || !strings.Contains(err.Error(), "line 2: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if accepted(p, "good") {
		t.Error("the line before a wrong one was imported")
	}
	long := strings.Replace(foreign("x", ""), "2026-06", "2036-06", 1)
	result, err := importLines(t, p, actor, long, func(i *backend.Import) { i.Shorten = true })
	if err != nil || result.Made != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	if verdict, err := p.Tokens.Check(t.Context(), []byte("x")); err != nil || time.Unix(verdict.State.ExpiresAt, 0).After(p.Clock.Now().Add(400*24*time.Hour)) {
		t.Errorf("it expires at %v, %v", verdict.State.ExpiresAt, err)
	}
}

func TestALineToImportNamesAnyOfManyAgents(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	var lines string
	for number := range 101 { // more than are read at once
		name := fmt.Sprintf("bot %d", number)
		if _, err := p.Agents.Register(t.Context(), actor, agent.Order{Name: name}); err != nil {
			t.Fatal(err)
		}
		lines += strings.Replace(foreign(name, ""), `"account","role":"read"`, fmt.Sprintf(`"agent_deployment","agent":%q,"environment":"Production"`, name), 1)
	}
	if result, err := importLines(t, p, actor, lines); err != nil || result.Made != 101 {
		t.Errorf("%+v %v", result, err)
	}
}

func TestAnImportedTokenEndsWithAKeyOnlyIfThatKeySignedIt(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, own := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	var lines bytes.Buffer
	if _, _, err := p.ExportTokens(t.Context(), actor.AccountID, &lines); err != nil {
		t.Fatal(err)
	}
	rival := p.Rival()
	moved := strings.Replace(lines.String(), fmt.Sprintf("%x", sha256.Sum256([]byte(own))), fmt.Sprintf("%x", sha256.Sum256([]byte("moved"))), 1)
	bring := func(want backend.ImportResult) {
		t.Helper()
		if result, err := importLines(t, p, rival, moved+foreign("other", "")); err != nil || result != want {
			t.Fatalf("%+v %v", result, err)
		}
	}
	bring(backend.ImportResult{Made: 2})
	kid := kidOf(t, own)
	lines.Reset()
	if _, _, err := p.ExportTokens(t.Context(), rival.AccountID, &lines); err != nil || strings.Count(lines.String(), `"kid"`) != strings.Count(lines.String(), kid) {
		t.Errorf("an export names another key than %s: %v\n%s", kid, err, lines.String())
	}
	if n, err := p.WithdrawKey(t.Context(), kid); err != nil || n != 2 {
		t.Errorf("%d tokens of the key, want its own and the one that was moved: %v", n, err)
	}
	if accepted(p, "moved") || !accepted(p, "other") {
		t.Error("a token of the withdrawn key is accepted, or one of another system ended with it")
	}
	moved = strings.Replace(moved, fmt.Sprintf("%x", sha256.Sum256([]byte("moved"))), fmt.Sprintf("%x", sha256.Sum256([]byte("again"))), 1)
	bring(backend.ImportResult{Known: 1, Revoked: 1})
}
