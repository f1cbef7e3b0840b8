package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/store"
)

// TestPromise1AServerRefusesTokensOfAWithdrawnKeyBeforeTheCommandReturns runs the command beside the server.
func TestPromise1AServerRefusesTokensOfAWithdrawnKeyBeforeTheCommandReturns(t *testing.T) {
	folder, manager := setUp(t)
	s := serveIn(t, folder)
	run := func(stdin string, args ...string) (string, error) {
		return tokentab(stdin, append([]string{args[0], args[1], "--data", folder}, args[2:]...)...)
	}
	list, err := run("", "keys", "list")
	if err != nil || !strings.Contains(list, "signing") || !strings.HasSuffix(list, " 1") {
		t.Fatalf("%s %v", list, err)
	}
	kid := strings.Fields(strings.Split(list, "\n")[1])[0]
	if status, _, err := s.call("GET", "/api/v1/ping", manager, ""); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	for _, answer := range []string{"", "no\n"} {
		if out, err := run(answer, "keys", "withdraw", "--", kid); err == nil || !strings.Contains(out, "revokes 1 live token,") || !strings.Contains(out, "nothing was changed") {
			t.Errorf("without a yes: %s %v", out, err)
		}
	}
	if status, _, err := s.call("GET", "/api/v1/ping", manager, ""); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	if out, err := run("yes\n", "keys", "withdraw", "--", kid); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	if status, _, err := s.call("GET", "/api/v1/ping", manager, ""); err != nil || status != 401 {
		t.Errorf("the server answers %d, %v", status, err)
	}
	fresh, err := run("", "token", "create", "--scope", "account")
	if err != nil {
		t.Fatal(fresh, err)
	}
	if status, _, err := s.call("GET", "/api/v1/ping", fresh, ""); err != nil || status != 200 {
		t.Errorf("a new token: %d %v", status, err)
	}
	if out, err := run("", "keys", "withdraw", "--yes", "unknown"); err == nil || !strings.Contains(out, "there is no signing key unknown") {
		t.Errorf("%s %v", out, err)
	}
}

// TestKeysListNamesAKeyThatAClockAheadMadeUntilAnotherTakesItsPlace covers a rotation and a first start in 2040.
func TestKeysListNamesAKeyThatAClockAheadMadeUntilAnotherTakesItsPlace(t *testing.T) {
	folder, _ := setUp(t)
	run := func(command string) string {
		t.Helper()
		out, err := tokentab("", "keys", command, "--data", folder)
		if err != nil {
			t.Fatal(out, err)
		}
		return out
	}
	const says = "was created while the clock was ahead. Run tokentab keys rotate"
	run("rotate")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE signing_keys SET signs_from = 2224065600000"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if list := run("list"); strings.Count(list, says) != 1 || strings.Count(list, "at once") != 1 || strings.Count(list, " next ") != 1 {
		t.Error(list)
	}
	run("rotate")
	if list := run("list"); strings.Contains(list, says) || strings.Count(list, " next ") != 1 || strings.Count(list, " retired ") != 1 {
		t.Error(list)
	}
}
