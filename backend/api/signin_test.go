package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
)

const wrongPassword = "wrong wrong wrong"

// proxied runs a program with an admin user behind a trusted proxy.
func proxied(t *testing.T) *backendtest.Program {
	t.Helper()
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.0/8"))
	p.Found()
	return p
}

func wantStatus(t *testing.T, what string, a backendtest.Answer, want int) {
	t.Helper()
	a.Want(t, what, want)
}

func TestStrangersCannotKeepAUserOutWhoHasSignedInThereBefore(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	home := "2001:db8:1:2::7"
	browser, cookie := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, backendtest.From(home)), "browser")
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge < int((300*24*time.Hour).Seconds()) {
		t.Errorf("the browser's cookie is %v", cookie)
	}
	for i := range 7 {
		p.SignIn(backendtest.Email, wrongPassword, backendtest.From(fmt.Sprintf("2001:db8:%x:1::1", 0xa00+i)))
	}
	wantStatus(t, "another stranger", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.51.100.1")), http.StatusTooManyRequests)
	wantStatus(t, "the browser elsewhere", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.51.100.2"), browser), http.StatusOK)
	wantStatus(t, "a new browser in the known network", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("2001:db8:1:2::8")), http.StatusOK)
	made := backendtest.Header{Name: "Cookie", Value: cookie.Name + "=" + strings.Repeat("A", 43)}
	wantStatus(t, "a browser that made its cookie up", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.51.100.3"), made), http.StatusTooManyRequests)
}

// TestTheTriesOfAnAddressDoNotTellWhoIsAMember holds for each caller what is answered to a wrong password for the email of a
// member and for one that is no member's. They may differ only for callers whom the browser's cookie tells from others, and
// in a known network while strangers have used up the tries of the email: these must not keep its owner out.
func TestTheTriesOfAnAddressDoNotTellWhoIsAMember(t *testing.T) {
	t.Parallel()
	const home, away, wrong, wait = "192.0.2.1", "203.0.113.1", http.StatusUnauthorized, http.StatusTooManyRequests
	for _, c := range []struct {
		caller           string
		address          string
		browser          bool // sends the member's cookie
		ofAddress        bool // the tries of the address are used up
		ofEmail          bool // strangers have used up those of both emails
		member, stranger int
	}{
		{"an unknown caller", away, false, false, false, wrong, wrong},
		{"an unknown caller", away, false, true, false, wait, wait},
		{"an unknown caller", away, false, false, true, wait, wait},
		{"an unknown caller", away, false, true, true, wait, wait},
		{"the known network", home, false, false, false, wrong, wrong},
		{"the known network", home, false, true, false, wait, wait},
		{"the known network", home, false, false, true, wrong, wait},
		{"the known network", home, false, true, true, wait, wait},
		{"the known browser elsewhere", away, true, false, false, wrong, wrong},
		{"the known browser elsewhere", away, true, true, false, wrong, wait},
		{"the known browser elsewhere", away, true, false, true, wrong, wait},
		{"the known browser elsewhere", away, true, true, true, wrong, wait},
		{"the known browser at home", home, true, false, false, wrong, wrong},
		{"the known browser at home", home, true, true, false, wrong, wait},
		{"the known browser at home", home, true, false, true, wrong, wait},
		{"the known browser at home", home, true, true, true, wrong, wait},
	} {
		name := fmt.Sprintf("%s, tries of the address used up: %v, of the email: %v", c.caller, c.ofAddress, c.ofEmail)
		t.Run(name, func(t *testing.T) {
			p := proxied(t)
			cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, backendtest.From(home)), "browser")
			emails := map[string]int{backendtest.Email: c.member, "stranger@example.com": c.stranger}
			for i := range 5 {
				if c.ofAddress {
					p.SignIn(fmt.Sprintf("other%d@example.com", i), wrongPassword, backendtest.From(c.address))
				}
				for email := range emails {
					if c.ofEmail {
						p.SignIn(email, wrongPassword, backendtest.From(fmt.Sprintf("198.51.%d.1", i)))
					}
				}
			}
			headers := []backendtest.Header{backendtest.From(c.address)}
			if c.browser {
				headers = append(headers, cookie)
			}
			for email, want := range emails {
				wantStatus(t, email, p.SignIn(email, wrongPassword, headers...), want)
			}
		})
	}
}

func TestAKnownBrowserIsBoundedTooAndOnlyForItsUser(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	browser, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("192.0.2.1")), "browser")
	for range 5 {
		wantStatus(t, "a wrong password", p.SignIn(backendtest.Email, wrongPassword, backendtest.From("198.51.100.2"), browser), http.StatusUnauthorized)
	}
	wantStatus(t, "the sixth try of the browser", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.51.100.2"), browser), http.StatusTooManyRequests)
	wantStatus(t, "a stranger meanwhile", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.51.100.2")), http.StatusOK)
	for range 5 {
		p.SignIn("bob@example.com", wrongPassword, backendtest.From("203.0.113.4"), browser)
	}
	wantStatus(t, "the browser with the email of another", p.SignIn("carol@example.com", wrongPassword, backendtest.From("203.0.113.4"), browser), http.StatusTooManyRequests)
}

func TestASignInByAClockFarAheadForgetsNoBrowser(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	browser, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("192.0.2.1")), "browser")
	p.Clock.Jump(401 * 24 * time.Hour)
	wantStatus(t, "a sign-in meanwhile", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("192.0.2.2")), http.StatusOK)
	p.Clock.Jump(-401 * 24 * time.Hour)
	for i := range 8 {
		p.SignIn(backendtest.Email, wrongPassword, backendtest.From(fmt.Sprintf("198.51.%d.1", i)))
	}
	wantStatus(t, "a stranger", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.18.0.1")), http.StatusTooManyRequests)
	wantStatus(t, "the browser", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.18.0.2"), browser), http.StatusOK)
}

func TestABrowserThatSignedInOverAYearAgoIsAStrangersAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{people.BrowserLife - time.Hour, http.StatusOK}, {people.BrowserLife + time.Hour, http.StatusTooManyRequests}} {
		p := proxied(t)
		browser, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("192.0.2.1")), "browser")
		p.Clock.Jump(c.after)
		for i := range 8 {
			p.SignIn(backendtest.Email, wrongPassword, backendtest.From(fmt.Sprintf("198.51.%d.1", i)))
		}
		wantStatus(t, fmt.Sprint("after ", c.after), p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("198.18.0.2"), browser), c.want)
	}
}

func TestASignInDoesNotBuyFurtherGuesses(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	mallory := backendtest.From("192.0.2.66")
	for i := range 4 {
		p.SignIn(fmt.Sprintf("user%d@example.com", i), wrongPassword, mallory)
	}
	wantStatus(t, "a right sign-in", p.SignIn(backendtest.Email, backendtest.Password, mallory), http.StatusOK)
	wantStatus(t, "the fifth guess", p.SignIn("user4@example.com", wrongPassword, mallory), http.StatusUnauthorized)
	wantStatus(t, "the sixth guess", p.SignIn("user5@example.com", wrongPassword, mallory), http.StatusTooManyRequests)
}

func TestAnAddressForgetsItsWrongTriesInTime(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	for i := range 5 {
		p.SignIn(fmt.Sprintf("user%d@example.com", i), wrongPassword, backendtest.From("192.0.2.66"))
	}
	p.Clock.Move(15 * time.Minute)
	wantStatus(t, "a try later", p.SignIn("user5@example.com", wrongPassword, backendtest.From("192.0.2.66")), http.StatusUnauthorized)
	wantStatus(t, "one more", p.SignIn("user6@example.com", wrongPassword, backendtest.From("192.0.2.66")), http.StatusTooManyRequests)
}

func TestChangingAddressesInOneNetworkAreBounded(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	for i, c := range []struct{ first, sibling, outside string }{
		{"192.0.2.1", "192.0.2.200", "192.0.3.1"},
		{"2001:db8:5:1::1", "2001:db8:5:ffff::1", "2001:db8:6:1::1"},
	} {
		guess := func(address string) backendtest.Answer {
			return p.SignIn(fmt.Sprintf("%s-%d@example.com", address[:3], i), wrongPassword, backendtest.From(address))
		}
		guess(c.first)
		p.Exec("UPDATE sign_in_failures SET failures = 25 WHERE source LIKE 'network %'") // as wrong attempts from more of its addresses would
		wantStatus(t, c.sibling, guess(c.sibling), http.StatusTooManyRequests)
		wantStatus(t, c.outside, guess(c.outside), http.StatusUnauthorized)
	}
}

// atOnce signs in n times at once and counts the statuses.
func atOnce(p *backendtest.Program, times int, password string, header backendtest.Header) map[int]int {
	var all sync.WaitGroup
	statuses := make([]int, times)
	for i := range statuses {
		all.Go(func() { statuses[i] = p.SignIn(backendtest.Email, password, header).Status })
	}
	all.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	return counts
}

func TestManyRightSignInsAtOnceAllPass(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	for _, at := range []string{"an unknown network", "a known network"} {
		if got := atOnce(p, 10, backendtest.Password, backendtest.From("192.0.2.1")); got[http.StatusOK] != 10 {
			t.Errorf("%s: %v", at, got)
		}
	}
}

func TestManyWrongSignInsAtOnceGetNoMoreGuesses(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	if got := atOnce(p, 12, wrongPassword, backendtest.From("192.0.2.1")); got[http.StatusUnauthorized] != 5 || got[http.StatusTooManyRequests] != 7 {
		t.Errorf("%v", got)
	}
}

func TestCopiesWhoseClocksDifferALittleGiveNoMoreGuesses(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	statuses := map[int]int{}
	for i := range 12 {
		statuses[p.SignIn(backendtest.Email, wrongPassword, backendtest.From("192.0.2.1")).Status]++
		p.Clock.Move([]time.Duration{-time.Second, time.Second}[i%2]) // to the other copy, which is slow
	}
	if statuses[http.StatusUnauthorized] != 5 || statuses[http.StatusTooManyRequests] != 7 {
		t.Errorf("%v", statuses)
	}
}

func TestAClockThatWasAheadLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "fifteen years": 15 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			p := proxied(t)
			p.Clock.Move(ahead)
			for range 6 {
				p.SignIn(backendtest.Email, wrongPassword, backendtest.From("192.0.2.1"))
			}
			p.Clock.Move(-ahead)
			wantStatus(t, "a right try once the clock is right", p.SignIn(backendtest.Email, backendtest.Password, backendtest.From("192.0.2.1")), http.StatusOK)
		})
	}
}

func TestASessionOfAClockThatWasAheadEndsInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead time.Duration
		alive bool // after the clock is corrected
	}{"an hour": {time.Hour, true}, "fifteen years": {15 * 365 * 24 * time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			p := backendtest.Start(t)
			p.Found()
			p.Clock.Move(c.ahead)
			cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
			p.Clock.Move(-c.ahead)
			isAlive := func() bool { return p.Call(http.MethodGet, "/api/v1/agent", nil, cookie).Status == http.StatusOK }
			if isAlive() != c.alive {
				t.Fatalf("once the clock is right: %v", !c.alive)
			}
			p.Clock.Move(people.IdleEnd)
			if isAlive() {
				t.Error("it is alive after a day without a request")
			}
		})
	}
}

func TestTheAbsoluteEndOfASessionFollowsTheClockThatIsRight(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	p.Clock.Move(20 * time.Hour)
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	p.Clock.Move(-20 * time.Hour)
	for range 14 {
		if p.Call(http.MethodGet, "/api/v1/agent", nil, cookie).Status != http.StatusOK {
			t.Fatal("it ended too early")
		}
		p.Clock.Move(people.IdleEnd - time.Second)
	}
	p.Clock.Move(14 * time.Second)
	if p.Call(http.MethodGet, "/api/v1/agent", nil, cookie).Status == http.StatusOK {
		t.Error("it outlives fourteen days")
	}
}

func TestSigningInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	p.Join(actor, "bob@example.com")
	old, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	other, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	fresh, _ := backendtest.Cookie(t, p.SignIn("bob@example.com", backendtest.Password, old, sameOrigin), "session")
	for name, c := range map[string]struct {
		cookie backendtest.Header
		want   int
	}{"the replaced one": {old, http.StatusUnauthorized}, "the new one": {fresh, http.StatusOK}, "that of another browser": {other, http.StatusOK}} {
		wantStatus(t, name, p.Call(http.MethodGet, "/api/v1/agent", nil, c.cookie), c.want)
	}
	p.Recorded(audit.SessionEnded, 1)
}

func TestAChangeOfPasswordThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	browser := session(t, p, backendtest.Email)
	changePassword(p, wrongPassword, "another horse battery", browser...)
	mend := p.Break("DELETE", "sign_in_failures", "TRUE")
	wantStatus(t, "a change whose count can't be reset", changePassword(p, backendtest.Password, "another horse battery", browser...), http.StatusServiceUnavailable)
	mend()
	wantStatus(t, "the password before", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
}

func TestAnAccountThatWasMadeIsNoErrorWhenItsSessionFails(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	mend := p.Break("INSERT", "sessions", "TRUE")
	a := setUp(p, p.Web.API.SetupCode(), nil)
	if a.Status != http.StatusOK || a.Get(t, "details", "admin_user") != nil {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	mend()
	wantStatus(t, "a sign-in", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
}

// firstHash is a hash of the test's password with the costs of the first versions.
const firstHash = "$argon2id$v=19$m=47104,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$cDtm0GHgMrI7n/5Ah8aDOcx4YgJ/geJqc4eVUcXYnrg"

func TestASignInBringsAPasswordToThePresentCosts(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	stored := func() (hash string) {
		if err := p.Database().QueryRow("SELECT password_hash FROM admin_users").Scan(&hash); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	p.Exec("UPDATE admin_users SET password_hash = ?", firstHash)
	wantStatus(t, "a wrong password", p.SignIn(backendtest.Email, wrongPassword), http.StatusUnauthorized)
	if stored() != firstHash {
		t.Error("a wrong password was hashed anew")
	}
	mend := p.Break("UPDATE", "admin_users", "TRUE")
	wantStatus(t, "where nothing can be written", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
	mend()
	wantStatus(t, "the old costs", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
	fresh := stored()
	if strings.Contains(fresh, "m=47104") {
		t.Errorf("the hash is still %s", fresh)
	}
	wantStatus(t, "the new costs", p.SignIn(backendtest.Email, backendtest.Password), http.StatusOK)
	if stored() != fresh {
		t.Error("it was hashed again")
	}
}
