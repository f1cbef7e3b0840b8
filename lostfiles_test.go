package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/store"
)

// serveLogged is serveIn with the log.
func serveLogged(t *testing.T, folder string) (*server, *backendtest.Buffer) {
	t.Helper()
	log := &backendtest.Buffer{}
	s := &server{address: backendtest.FreeAddress(t)}
	s.process = exec.Command(built(t), "serve", "--data", folder, "--listen", s.address)
	s.process.Stderr = log
	s.start(t)
	return s, log
}

func (s *server) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// Changes from before the removal are only in the removed log, because nothing has moved them into the database.
func TestPromise2RemovingTheFilesBesideTheDatabaseLosesNothingThatWasAcknowledged(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	t.Parallel()
	const refused = "A file of the server's database was removed or replaced"
	for _, removed := range [][]string{{"-wal"}, {"-shm"}, {"-wal", "-shm"}} {
		t.Run(strings.Join(removed, " "), func(t *testing.T) {
			t.Parallel()
			folder, manager := setUp(t)
			path := filepath.Join(folder, store.FileName)
			s, log := serveLogged(t, folder)
			create := func() (status int, answer map[string]any, secret, id string) {
				t.Helper()
				status, answer, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
				if err != nil {
					t.Fatal(err)
				}
				secret, _ = answer["token"].(string)
				details, _ := answer["details"].(map[string]any)
				id, _ = details["id"].(string)
				return status, answer, secret, id
			}
			revoke := func(id string) (int, map[string]any) {
				t.Helper()
				status, answer, err := s.call(http.MethodPost, "/api/v1/api_token/"+id+"/revoke", manager, "")
				if err != nil {
					t.Fatal(err)
				}
				return status, answer
			}
			_, _, kept, keptID := create()
			_, _, gone, goneID := create()
			if status, answer := revoke(goneID); status != http.StatusOK {
				t.Fatal(status, answer)
			}
			for _, suffix := range removed {
				if err := os.Remove(path + suffix); err != nil {
					t.Fatal(err)
				}
			}

			commands := func(when string) {
				t.Helper()
				for _, args := range [][]string{{"token", "create", "--scope", "account", "--name", "x"}, {"backup", filepath.Join(t.TempDir(), "a.backup")}} {
					if output, err := tokentab("", append(args, "--data", folder)...); err == nil || !strings.Contains(output, "restart the server") {
						t.Errorf("%s, %s: %v %s", when, args[0], err, output)
					}
				}
			}
			commands("without the files")
			if status, answer := revoke(keptID); status != http.StatusServiceUnavailable || !strings.Contains(fmt.Sprint(answer), refused) {
				t.Errorf("the next change: %d %v", status, answer)
			}
			if status, _, _, _ := create(); status != http.StatusServiceUnavailable {
				t.Errorf("the one after it: %d", status)
			}
			if status, answer, err := s.call(http.MethodGet, "/readyz", "", ""); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("readyz: %d %v %v", status, answer, err)
			}
			// Another program opens the database, so both files are there, but not those of the server.
			other, err := sql.Open("sqlite", "file:"+path)
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Ping(); err != nil {
				t.Fatal(err)
			}
			var accounts int
			if err := other.QueryRow("SELECT count(*) FROM accounts").Scan(&accounts); err != nil {
				t.Fatal(err)
			}
			commands("with the files of another program")
			s.kill()
			if !strings.Contains(log.String(), path+removed[0]) || !strings.Contains(log.String(), "restart the server") {
				t.Errorf("the log does not say what to do: %s", log)
			}
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}

			s, _ = serveLogged(t, folder)
			for secret, want := range map[string]int{manager: http.StatusOK, kept: http.StatusOK, gone: http.StatusUnauthorized} {
				if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != want {
					t.Errorf("after a kill and a start: %d %v %v, want %d", status, answer, err, want)
				}
			}
			if status, _, _, _ := create(); status != http.StatusOK {
				t.Errorf("after a kill and a start a change answers %d", status)
			}
		})
	}
}

func TestAStartAfterAKillWithoutTheLogOfChangesSaysThatSomeMayBeLost(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the database")
	t.Parallel()
	const says = "its newest changes may be lost"
	folder, _ := setUp(t)
	backup, restored := filepath.Join(t.TempDir(), "a.backup"), filepath.Join(t.TempDir(), "restored")
	for _, args := range [][]string{{"backup", backup, "--data", folder}, {"restore", backup, "--data", restored}} {
		if out, err := tokentab("", args...); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	key, err := os.ReadFile(filepath.Join(folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(restored, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	unheard := filepath.Join(t.TempDir(), "unheard")
	if out, err := tokentab("", "serve", "--data", unheard, "--listen", "192.0.2.1:0"); err == nil {
		t.Fatalf("a server listens on an address of another machine: %s", out)
	}
	stop := func(s *server) { s.stops(t) }
	for _, start := range []struct {
		after  string
		folder string
		stop   func(*server)
		want   bool
	}{
		{"a first start that could not listen", unheard, (*server).kill, false},
		{"nothing", filepath.Join(t.TempDir(), "new"), (*server).kill, false},
		{"a restore", restored, (*server).kill, false},
		{"a setup", folder, (*server).kill, false},
		{"a kill", folder, (*server).kill, false},
		{"a kill and the removal of the log", folder, stop, true},
		{"a stop", folder, stop, false},
	} {
		if start.want {
			if err := os.Remove(filepath.Join(folder, store.FileName+"-wal")); err != nil {
				t.Fatal(err)
			}
		}
		s, log := serveLogged(t, start.folder)
		start.stop(s)
		if got := strings.Contains(log.String(), says); got != start.want {
			t.Errorf("after %s: %s", start.after, log)
		}
	}
}
