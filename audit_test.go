package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/store"
)

func auditVerify(folder string, args ...string) (string, error) {
	return tokentab("", append([]string{"audit", "verify", "--data", folder}, args...)...)
}

// TestAuditVerifyNamesTheFirstEventThatWasTamperedWith edits copies of one database. The account has events 1 to 9; the last
// five are its tokens.
func TestAuditVerifyNamesTheFirstEventThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	folder, _ := setUp(t)
	for range 4 {
		if out, err := tokentab("", "token", "create", "--scope", "account", "--data", folder); err != nil {
			t.Fatal(out, err)
		}
	}
	out, err := auditVerify(folder)
	heads := regexp.MustCompile(`(?m)^(installation|account \w{32}): events 1 to (\d+) verify, head (\d+:[0-9a-f]{64})$`).FindAllStringSubmatch(out, -1)
	if err != nil || len(heads) != 2 {
		t.Fatalf("%s %v", out, err)
	}
	head, last := heads[1][3], heads[1][2]
	if last != "9" {
		t.Fatalf("the account has events up to %s: %s", last, out)
	}
	const one = "UPDATE audit_events SET %s WHERE account_id IS NOT NULL AND sequence = 5"
	const breaks5 = "broken at event 5:"
	type tampering struct{ statements, says string }
	tamperings := map[string]tampering{
		"a removed event":              {"DELETE FROM audit_events WHERE account_id IS NOT NULL AND sequence = 5", breaks5},
		"a removed first event":        {"DELETE FROM audit_events WHERE account_id IS NOT NULL AND sequence = 1", "broken at event 1:"},
		"two swapped events":           {"UPDATE audit_events SET sequence = 11 - sequence WHERE account_id IS NOT NULL AND sequence IN (5, 6)", breaks5},
		"a truncated end":              {"DELETE FROM audit_events WHERE account_id IS NOT NULL AND sequence > 7", "broken at event 8:"},
		"a truncated end and its head": {"DELETE FROM audit_events WHERE account_id IS NOT NULL AND sequence > 7; UPDATE audit_chains SET sequence = 7, hash = (SELECT hash FROM audit_events WHERE account_id IS NOT NULL AND sequence = 7) WHERE account_id <> ''", "broken at event 7: the head of the chain is not sealed"},
		"a removed head":               {"DELETE FROM audit_chains WHERE account_id <> ''", "broken at event 1: the head of the chain was removed"},
		"a removed chain":              {"DELETE FROM audit_chains WHERE account_id <> ''; DELETE FROM audit_events WHERE account_id IS NOT NULL", "broken at event 1: the head of the chain was removed"},
		"an event added at the end":    {"INSERT INTO audit_events SELECT 'x', account_id, action, subject_id, actor_admin_user_id, actor_api_token_id, actor_address, detail, inserted_at, 10, hash, request_id, reason, actor_kind, times FROM audit_events WHERE account_id IS NOT NULL AND sequence = 9", "broken at event 10:"},
		"an event added before it":     {"INSERT INTO audit_events SELECT 'x', account_id, action, subject_id, actor_admin_user_id, actor_api_token_id, actor_address, detail, inserted_at, 0, hash, request_id, reason, actor_kind, times FROM audit_events WHERE account_id IS NOT NULL AND sequence = 9", "added outside the chain"},
		"a later beginning": {"DELETE FROM audit_events WHERE account_id IS NOT NULL AND sequence <= 5; UPDATE audit_chains SET kept_after = 5, kept_hash = hash WHERE account_id <> ''",
			"not sealed"},
		"a changed hash": {fmt.Sprintf(one, "hash = zeroblob(32)"), breaks5},
	}
	for _, field := range audit.Fields {
		says := breaks5
		changed := field + " = COALESCE(" + field + ", '') || '0'"
		switch field {
		case "inserted_at":
			changed = "inserted_at = inserted_at + 1"
		case "sequence":
			changed = "sequence = 50"
		}
		tamperings["another "+field] = tampering{fmt.Sprintf(one, changed), says}
	}
	files, err := backendtest.FilesIn(folder)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range tamperings {
		t.Run(name, func(t *testing.T) {
			other := files.Folder(t)
			change(t, other, c.statements)
			if out, err := auditVerify(other); err == nil || !strings.Contains(out, c.says) || !strings.Contains(out, "was changed from outside") {
				t.Errorf("verify says %q, %v; want %q", out, err, c.says)
			}
			// The server goes on, and can't be made to seal what was changed.
			if out, err := tokentab("", "token", "create", "--scope", "account", "--data", other); err != nil {
				t.Fatal(out, err)
			}
			if out, err := auditVerify(other); err == nil {
				t.Errorf("after another change verify says %q", out)
			}
		})
	}
	if out, err := auditVerify(folder, "--since", head); err != nil {
		t.Errorf("the present head: %s %v", out, err)
	}
	older := files.Folder(t)
	for _, folder := range []string{folder, older} { // two histories
		if out, err := tokentab("", "token", "create", "--scope", "account", "--data", folder); err != nil {
			t.Fatal(out, err)
		}
		if out, err := auditVerify(folder, "--since", head); err != nil {
			t.Errorf("an earlier head: %s %v", out, err)
		}
	}
	out, err = auditVerify(folder)
	if err != nil {
		t.Fatal(out, err)
	}
	later := regexp.MustCompile(`head (10:\S+)`).FindStringSubmatch(out)[1]
	if out, err := auditVerify(older, "--since", later); err == nil || !strings.Contains(out, "broken at event 10: the chain has another hash") {
		t.Errorf("another history: %s %v", out, err)
	}
	beyond := "11" + strings.TrimPrefix(later, "10")
	if out, err := auditVerify(older, "--since", beyond); err == nil || !strings.Contains(out, "the chain ends before event 11") {
		t.Errorf("an older copy: %s %v", out, err)
	}
	if out, err := auditVerify(folder, "--since", "12:zz"); err == nil || !strings.Contains(out, "--since") {
		t.Errorf("not a head: %s %v", out, err)
	}
}

// TestAuditExportHasWhatOthersNeedToVerifyTheChain computes the hashes from the printed lines alone.
func TestAuditExportHasWhatOthersNeedToVerifyTheChain(t *testing.T) {
	folder, _ := setUp(t)
	export := func(args ...string) (lines []map[string]string) {
		out, err := tokentab("", append([]string{"audit", "export", "--data", folder}, args...)...)
		if err != nil {
			t.Fatal(out, err)
		}
		for line := range strings.Lines(out) {
			var event map[string]string
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(line, err)
			}
			lines = append(lines, event)
		}
		return lines
	}
	last := map[string][]byte{}
	var account string
	for _, event := range export() {
		account = event["account_id"]
		if last[account] == nil {
			last[account] = make([]byte, 32)
		}
		framed := last[account]
		for _, text := range []string{
			"tokentab audit event 2", account, event["sequence"], event["id"], event["inserted_at"], event["action"], event["subject_id"],
			event["actor_admin_user_id"], event["actor_api_token_id"], event["actor_address"], event["request_id"], event["reason"], event["detail"],
			event["actor_kind"], event["times"],
		} {
			framed = append(binary.BigEndian.AppendUint32(framed, uint32(len(text))), text...)
		}
		sum := sha256.Sum256(framed)
		if last[account] = sum[:]; hex.EncodeToString(sum[:]) != event["hash"] {
			t.Errorf("the hash of %v is %x", event, sum)
		}
		if event["actor_kind"] != "command_line" && event["actor_admin_user_id"] == "" {
			t.Errorf("the command line recorded %v", event)
		}
	}
	out, err := auditVerify(folder)
	for of, hash := range last {
		if err != nil || !strings.Contains(out, hex.EncodeToString(hash)) {
			t.Errorf("the head of %q is not %x: %s %v", of, hash, out, err)
		}
	}
	if rest := export("--account", account, "--after", "3"); rest[0]["sequence"] != "4" || rest[0]["account_id"] != account {
		t.Errorf("behind 3: %v", rest)
	}
}

// change runs statements on the database in a folder, as someone with access to the file could.
func change(t *testing.T, folder, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}
