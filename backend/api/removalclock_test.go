package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

const years = 2 * 365 * 24 * time.Hour

// aged is an installation with a row of each kind that goes when it is old.
type aged struct {
	*running
	code string // of an invite
	once func() backendtest.Answer
}

func startAged(t *testing.T) *aged {
	t.Helper()
	a := &aged{running: startRun(t, func(c *config.Config, _ *backend.World) { c.AuditRetention = config.Retention(400 * 24 * time.Hour) })}
	a.ok(a.create(nil))
	user, err := a.People.ByEmail(t.Context(), backendtest.Email)
	if err != nil {
		t.Fatal(err)
	}
	actor := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID}
	for _, email := range []string{"bob@example.com", "eve@example.com"} {
		invite := a.Invite(actor, email, people.RoleAdmin)
		if a.code = invite.Code; email == "bob@example.com" {
			if _, err := a.People.RevokeInvite(t.Context(), actor, invite.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	session(t, a.Program, backendtest.Email)
	a.SignIn(backendtest.Email, "wrong password")
	a.Issue(actor, token.Order{Scope: token.ScopeAccount})
	a.once = func() backendtest.Answer {
		return a.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"once"},"idempotency_key":"key-0001"}`, a.manager)
	}
	a.ok(a.once())
	return a
}

// restart restarts the program on its data.
func (a *aged) restart() {
	a.Stop()
	a.Program = backendtest.StartIn(a.t, a.Folder, a.Clock, func(c *config.Config, _ *backend.World) { *c = a.Config })
}

// remove does at once what the server does every few seconds, and returns how many rows there are of each kind.
func (a *aged) remove() (left [6]int) {
	a.t.Helper()
	keep := activity.Keep{For: time.Duration(a.Config.ActivityRetention), Most: int64(a.Config.ActivityMax)}
	for range 3 { // a span, then its instance
		if err := a.RemoveOldActivity(a.t.Context(), keep); err != nil {
			a.t.Fatal(err)
		}
	}
	if err := a.RemoveEnded(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	if err := a.RemoveOldEvents(a.t.Context(), time.Duration(a.Config.AuditRetention)); err != nil {
		a.t.Fatal(err)
	}
	for i, table := range []string{"agent_spans", "agent_instances", "admin_user_invites", "sessions", "idempotency_keys", "audit_events"} {
		if err := a.Database().QueryRow("SELECT count(*) FROM " + table).Scan(&left[i]); err != nil {
			a.t.Fatal(err)
		}
	}
	return left
}

// isAllOf reports whether no row has gone. A stop writes events.
func isAllOf(left, before [6]int) bool {
	for i := range left {
		if left[i] < before[i] {
			return false
		}
	}
	return true
}

// waits checks that the log says n times that removal waits.
func (a *aged) waits(n int) {
	a.t.Helper()
	if got := strings.Count(a.Log.String(), "waits"); got != n {
		a.t.Errorf("the log says %d times that removal waits, want %d: %s", got, n, a.Log.String())
	}
}

func TestAClockThatIsWrongForAWhileRemovesNothing(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"years ahead": years, "a month ahead": 10_000 * time.Hour, "years behind": -years} {
		t.Run(name, func(t *testing.T) {
			a := startAged(t)
			before := a.remove()
			is := func(when string) {
				t.Helper()
				if left := a.remove(); !isAllOf(left, before) {
					t.Errorf("%s: %v are left of %v", when, left, before)
				}
			}
			a.Clock.Jump(by)
			is("wrong")
			a.Clock.Move(5 * time.Second)
			is("wrong for a while")
			a.waits(1)
			a.restart()
			is("wrong after a restart")
			a.waits(1)
			a.Clock.Move(23 * time.Hour)
			a.Clock.Jump(-by)
			is("right again")
			if s := a.once(); s.Header.Get("Idempotent-Replayed") == "" {
				t.Errorf("the idempotency key is forgotten: %d %s", s.Status, s.Body)
			}
			if _, _, err := a.People.ShowInvite(t.Context(), a.code); err != nil {
				t.Errorf("the invite: %v", err)
			}
			// A row that was removed too early would be missed only now: stamps must not have moved back.
			a.Clock.Move(20 * 24 * time.Hour)
			if left := a.remove(); !isAllOf(left, [6]int{before[0], before[1], before[2], 0, 0, before[5]}) { // sessions and keys last a day
				t.Errorf("20 days later %v are left of %v", left, before)
			}
		})
	}
}

func TestAnInstanceThatAClockBehindRegisteredIsKeptAsLongAsOthers(t *testing.T) {
	t.Parallel()
	a := startAged(t)
	a.Clock.Jump(-years)
	id := a.register()
	a.Clock.Move(5 * time.Second)
	before := a.remove()
	a.Clock.Jump(years)
	if left := a.remove(); left[1] != before[1] {
		t.Errorf("%d instances are left of %d", left[1], before[1])
	}
	wantStatus(t, "start", a.post("/agent_instance/"+id+"/start", nil), http.StatusOK)
	a.Clock.Move(time.Duration(a.Config.ActivityRetention) + time.Hour)
	if left := a.remove(); left[1] != 0 {
		t.Errorf("%d instances are left when all are old", left[1])
	}
}

func TestRemovalGoesOnADayAfterALongStopOrANewTime(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*aged){
		"a long stop": func(a *aged) {
			a.Stop()
			a.Clock.Jump(years)
			a.restart()
		},
		"a new time": func(a *aged) { a.Clock.Jump(years) },
		"a stop of two hours after each six": func(a *aged) {
			a.Clock.Jump(years)
			for range 3 {
				a.remove()
				a.Clock.Move(6 * time.Hour)
				a.remove()
				a.Stop()
				a.Clock.Jump(2 * time.Hour)
				a.restart()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := startAged(t)
			before := a.remove()
			change(a)
			if left := a.remove(); !isAllOf(left, before) {
				t.Errorf("at first %v are left of %v", left, before)
			}
			a.Clock.Move(24 * time.Hour)
			a.remove()
			a.Clock.Move(5 * time.Second)
			if left := a.remove(); left != [6]int{5: 2} {
				t.Errorf("a day later %v are left", left)
			}
			a.Clock.Move(24 * time.Hour) // the short stops took another day
			a.remove()
			if !strings.Contains(a.Log.String(), "goes on") {
				t.Errorf("the log does not say that removal goes on: %s", a.Log.String())
			}
		})
	}
}

func TestAStopOfAnHourAndANewDatabaseDelayNoRemoval(t *testing.T) {
	t.Parallel()
	a := startAged(t)
	a.Clock.Move(30*24*time.Hour - time.Minute)
	if left := a.remove(); left[0] == 0 {
		t.Errorf("%v are left", left)
	}
	a.Stop()
	a.Clock.Jump(30 * time.Minute)
	a.restart()
	if left := a.remove(); left[0] != 0 {
		t.Errorf("%v are left", left)
	}
	a.waits(0)
}

func TestACopyWithAWrongClockRemovesNothing(t *testing.T) {
	t.Parallel()
	pgtest.OnPostgres(t)
	a := startAged(t)
	before := a.remove()
	right := a.Program
	wrong := backendtest.NewClock()
	wrong.Jump(years)
	a.Program = backendtest.StartIn(t, a.Folder, wrong, func(c *config.Config, _ *backend.World) { *c = a.Config })
	for range 2 {
		if left := a.remove(); !isAllOf(left, before) {
			t.Errorf("%v are left of %v", left, before)
		}
		wrong.Move(time.Hour)
		other := a.Program
		right.Clock.Move(time.Hour)
		a.Program = right
		a.remove()
		a.waits(0)
		a.Program = other
	}
	a.waits(1)
}
