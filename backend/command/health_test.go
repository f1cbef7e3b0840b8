package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/command"
	"tokentab/backend/pgtest"
)

func TestTheHealthCheckSaysWhyAServerIsNotReady(t *testing.T) {
	pgtest.OnSQLite(t, "the file of the database")
	p := backendtest.Start(t)
	check := func(code int, says string) {
		t.Helper()
		var out, err strings.Builder
		p.Clock.Move(10 * time.Second)
		if got := command.Run(t.Context(), []string{"health", "--url", p.URL}, command.IO{Out: &out, Err: &err}); got != code || !strings.Contains(err.String(), says) || out.Len() > 0 {
			t.Errorf("%d %s%s", got, &out, &err)
		}
	}
	path := filepath.Join(p.Folder, "tokentab.db")
	check(0, "")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	check(1, "is not ready: A file of the server's database was removed or replaced")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	check(0, "")
}
