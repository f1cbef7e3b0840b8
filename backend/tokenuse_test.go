package backend_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// behindProxies trusts the address that tests come from.
func behindProxies(c *config.Config, _ *backend.World) {
	if err := c.TrustedProxies.UnmarshalText([]byte("127.0.0.1,10.0.0.0/8")); err != nil {
		panic(err)
	}
}

func from(addresses string) backendtest.Header {
	return backendtest.Header{Name: "X-Forwarded-For", Value: addresses}
}

// validate sends a secret to the endpoint for gateways.
func validate(p *backendtest.Program, secret string, headers ...backendtest.Header) int {
	return p.Call(http.MethodGet, "/api/v1/validate", nil, append(headers, backendtest.Bearer(secret))...).Status
}

// tokenUse returns what the API says of the uses of a token.
func tokenUse(t *testing.T, p *backendtest.Program, manager backendtest.Header, id pfid.ID) map[string]any {
	t.Helper()
	a := p.Call(http.MethodGet, "/api/v1/api_token/"+id.String()+"/use", nil, manager)
	a.Must(t, http.StatusOK)
	return a.Get(t, "details").(map[string]any)
}

func sum(list any) (n int) {
	for _, v := range list.([]any) {
		n += int(v.(float64))
	}
	return n
}

// wantCounts checks the counts of a token: of the last 48 hours, and of the last 90 days.
func wantCounts(t *testing.T, use map[string]any, when string, hoursAccepted, hoursRefused, daysAccepted, daysRefused int) {
	t.Helper()
	hours, days := use["hours"].(map[string]any), use["days"].(map[string]any)
	got := [4]int{sum(hours["accepted"]), sum(hours["refused"]), sum(days["accepted"]), sum(days["refused"])}
	if want := [4]int{hoursAccepted, hoursRefused, daysAccepted, daysRefused}; got != want {
		t.Errorf("%s: accepted and refused in 48 hours and in 90 days are %v, want %v", when, got, want)
	}
	if n, m := len(hours["accepted"].([]any)), len(days["refused"].([]any)); n != token.HistoryHours || m != token.HistoryDays {
		t.Errorf("%d hours and %d days", n, m)
	}
}

func TestEveryValidationOfARealTokenCountsOnceAtEveryEndpoint(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := startSession(t, p, actor)
	_, resource := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	active, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	asks := map[string]func(){
		"validate": func() { validate(p, secret) },
		"X-API-Key": func() {
			p.Call(http.MethodPost, "/api/v1/validate/any", nil, backendtest.Header{Name: "X-API-Key", Value: secret})
		},
		"ping":    func() { p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret)) },
		"a route": func() { p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(secret)) },
		"introspect": func() {
			p.PostForm("/oauth/introspect", url.Values{"token": {secret}}.Encode(), backendtest.Bearer(resource))
		},
		"a large batch": func() {
			p.PostForm("/oauth/introspect/batch", "token="+secret+strings.Repeat("&token="+strings.Repeat("x", 900), 20), backendtest.Bearer(resource))
		},
		"a client": func() {
			p.PostForm("/oauth/introspect/batch", strings.Repeat("token="+strings.Repeat("x", 900)+"&", 20), backendtest.Bearer(secret))
		},
	}
	accepted, refused := 0, 0
	check := func(when string) {
		t.Helper()
		for name, ask := range asks {
			ask()
			if when == "active" {
				accepted++
			} else {
				refused++
			}
			use := tokenUse(t, p, manager, active.ID)
			wantCounts(t, use, when+", "+name, accepted, refused, accepted, refused)
		}
		flush(t, p)
		wantCounts(t, tokenUse(t, p, manager, active.ID), when+", flushed", accepted, refused, accepted, refused)
	}
	check("active")
	p.Call(http.MethodGet, "/api/v1/validate?scope=environment", nil, backendtest.Bearer(secret)) // does not meet the requirement
	wantCounts(t, tokenUse(t, p, manager, active.ID), "insufficient", accepted, refused, accepted, refused)
	p.Suspend(actor, active.ID)
	check("suspended")
	p.Revoke(actor, active.ID)
	check("revoked")
	_, rival := p.Issue(p.Rival(), token.Order{Scope: token.ScopeAccount})
	p.PostForm("/oauth/introspect", "token="+secret, backendtest.Bearer(rival))
	use := tokenUse(t, p, manager, active.ID)
	wantCounts(t, use, "introspected by another account", accepted, refused, accepted, refused)
	if use["still_tried"] != true || use["last_refused_at"] == nil {
		t.Errorf("a revoked token that is used: %v", use)
	}
	p.Clock.Move(25 * time.Hour)
	_, manager = startSession(t, p, actor)
	if use := tokenUse(t, p, manager, active.ID); use["still_tried"] != false {
		t.Error("a token that was refused a day ago is still tried")
	}
}

func TestATokenWithTheClientIDOfAnotherIsNotUsed(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := startSession(t, p, actor)
	other, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	large := strings.Repeat("&token="+strings.Repeat("x", 900), 20) // its sender is authenticated before it is read
	present := func(clientID string, want int) {
		t.Helper()
		basic := backendtest.Header{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(clientID+":"+secret))}
		named := "token=x&client_id=" + clientID
		for name, a := range map[string]backendtest.Answer{
			"a form":                    p.PostForm("/oauth/introspect", named+"&client_secret="+secret),
			"basic":                     p.PostForm("/oauth/introspect", "token=x", basic),
			"basic, a large batch":      p.PostForm("/oauth/introspect/batch", "token=x"+large, basic),
			"a bearer":                  p.PostForm("/oauth/introspect", named, backendtest.Bearer(secret)),
			"a bearer of a large batch": p.PostForm("/oauth/introspect/batch", named+large, backendtest.Bearer(secret)),
		} {
			a.Want(t, name, want)
		}
	}
	present(other.ID.String(), http.StatusUnauthorized)
	wantCounts(t, tokenUse(t, p, manager, made.ID), "active, another id", 0, 0, 0, 0)
	present(made.ID.String(), http.StatusOK)
	wantCounts(t, tokenUse(t, p, manager, made.ID), "active, its id", 5, 0, 5, 0)
	p.Suspend(actor, made.ID)
	present(other.ID.String(), http.StatusUnauthorized)
	wantCounts(t, tokenUse(t, p, manager, made.ID), "suspended, another id", 5, 1, 5, 1) // a bearer with a large form is refused before the id in it is read
	present(made.ID.String(), http.StatusUnauthorized)
	wantCounts(t, tokenUse(t, p, manager, made.ID), "suspended, its id", 5, 6, 5, 6)
}

func TestAnExpiredTokenThatIsUsedSaysSoInItsRow(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, session := startSession(t, p, actor)
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Lifetime: time.Hour})
	validate(p, secret)
	p.Clock.Move(2 * time.Hour)
	if status := validate(p, secret); status != http.StatusUnauthorized {
		t.Fatal(status)
	}
	for _, path := range []string{"/api/v1/api_token?include=use", "/api/v1/api_token?include=use&sorting=name", "/api/v1/api_token/" + made.ID.String() + "?include=use"} {
		a := p.Call(http.MethodGet, path, nil, session)
		row, ok := a.JSON(t)["details"].(map[string]any)
		if !ok {
			row = a.Get(t, "summaries").([]any)[0].(map[string]any)
		}
		use, _ := row["use"].(map[string]any)
		if use == nil || use["still_tried"] != true || use["last_refused_at"] == nil || sum(use["accepted"]) != 1 || sum(use["refused"]) != 1 || len(use["accepted"].([]any)) != 30 {
			t.Errorf("%s: %v", path, row["use"])
		}
	}
	for _, path := range []string{"/api/v1/api_token", "/api/v1/api_token/" + made.ID.String()} {
		if a := p.Call(http.MethodGet, path, nil, session); strings.Contains(a.Body, `"use"`) {
			t.Errorf("%s shows uses unasked: %s", path, a.Body)
		}
	}
	p.Call(http.MethodGet, "/api/v1/api_token?include=everything", nil, session).Want(t, "an unknown include", http.StatusUnprocessableEntity)
}

func TestTheLastClientAddressesOfATokenAreThoseBehindTrustedProxies(t *testing.T) {
	p := backendtest.Start(t, behindProxies)
	actor := p.Found()
	_, session := startSession(t, p, actor)
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	_, resource := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	addresses := func() (list []string) {
		for _, a := range tokenUse(t, p, session, made.ID)["addresses"].([]any) {
			list = append(list, a.(map[string]any)["address"].(string))
		}
		return list
	}
	validate(p, secret, from("203.0.113.9"))
	validate(p, secret, from("203.0.113.10")) // in the same second
	p.PostForm("/oauth/introspect", "token="+secret, backendtest.Bearer(resource), from("203.0.113.11"))
	if got := fmt.Sprint(addresses()); got != "[203.0.113.9]" {
		t.Errorf("addresses are %s", got)
	}
	for i := range 10 {
		p.Clock.Move(time.Second)
		p.PostForm("/oauth/introspect", "token="+secret, backendtest.Bearer(resource), from("203.0.113.11"))
		validate(p, secret, from(fmt.Sprintf("198.51.100.1, 192.0.2.%d, 10.1.1.1", i)))
		if i%3 == 0 {
			flush(t, p)
		}
	}
	p.Clock.Move(time.Second)
	validate(p, secret, from("::ffff:192.0.2.5"))
	p.Clock.Move(time.Second)
	validate(p, secret, from("2001:db8:0:0::1"))
	want := "[2001:db8::1 192.0.2.5 192.0.2.9 192.0.2.8 192.0.2.7 192.0.2.6 192.0.2.4 192.0.2.3]"
	if got := fmt.Sprint(addresses()); got != want {
		t.Errorf("addresses are %s, want %s", got, want)
	}
	p.Suspend(actor, made.ID)
	p.Clock.Move(time.Second)
	validate(p, secret, from("192.0.2.5"))
	flush(t, p)
	first := tokenUse(t, p, session, made.ID)["addresses"].([]any)[0].(map[string]any)
	if first["address"] != "192.0.2.5" || first["last_refused_at"] == nil || first["last_accepted_at"] == nil {
		t.Errorf("the refused address is shown as %v", first)
	}
}

func TestPromise6CountsAreExactWhileTokensAreUsedFlushedForgottenAndDropped(t *testing.T) {
	const tokens, users = 40, 8
	rounds := backendtest.Rounds(500)
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.CacheTokens = 1 })
	actor := p.Found()
	secrets, ids := make([]string, tokens), make([]pfid.ID, tokens)
	for i := range secrets {
		made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		secrets[i], ids[i] = secret, made.ID
		if i%4 == 0 {
			p.Suspend(actor, made.ID)
		}
	}
	done := make(chan struct{})
	var moved atomic.Int64
	var using, others sync.WaitGroup
	for range users {
		using.Go(func() {
			for range rounds {
				for _, secret := range secrets {
					v, err := p.Tokens.Check(t.Context(), []byte(secret))
					if err != nil || v.Reason != token.Good && v.Reason != token.IsSuspended {
						t.Error(v.Reason, err)
					}
					p.Tokens.RecordAddress(&v, "192.0.2.1")
				}
			}
		})
	}
	for n, disturb := range []func(ctx context.Context){
		func(ctx context.Context) { _ = p.Tokens.FlushUses(ctx, func() {}) },
		func(ctx context.Context) { _ = p.Tokens.FlushUses(ctx, nil) },
		func(context.Context) { p.Tokens.ForgetAll() },
		func(context.Context) { p.Tokens.ForgetAllOf(actor.AccountID) },
		func(context.Context) {
			if moved.Add(1) < 3000 { // two days: what is older than 90 is dropped
				p.Clock.Move(time.Minute)
			}
		},
	} {
		others.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				ctx, cancel := context.WithCancel(t.Context())
				if (i+n)%3 == 0 { // some flushes are cut off in the middle
					time.AfterFunc(time.Duration(i%7)*time.Millisecond, cancel)
				}
				disturb(ctx)
				cancel()
			}
		})
	}
	using.Wait()
	close(done)
	others.Wait()
	folder, clock := p.Folder, p.Clock
	p.Stop()
	again := backendtest.StartIn(t, folder, clock)
	for i, id := range ids {
		usages, err := again.Tokens.Usages(t.Context(), []token.Listed{{Token: token.Token{ID: id, InsertedAt: id.Time()}}})
		if err != nil {
			t.Fatal(err)
		}
		var accepted, refused int
		for _, day := range usages[0].Days {
			accepted, refused = accepted+int(day.Accepted), refused+int(day.Refused)
		}
		want := [2]int{users * rounds, 0}
		if i%4 == 0 {
			want = [2]int{0, users * rounds}
		}
		if got := [2]int{accepted, refused}; got != want {
			t.Errorf("token %d: accepted and refused %v, want %v", i, got, want)
		}
	}
}

func TestPromise6CountsSurviveTheDeletionOfOtherTokensAndEndWithTheirOwn(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, session := startSession(t, p, actor)
	gone, goneSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	kept, keptSecret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for range 3 {
		validate(p, goneSecret)
		validate(p, keptSecret)
	}
	p.Revoke(actor, gone.ID)
	validate(p, goneSecret)
	if _, err := p.Tokens.Delete(t.Context(), actor, gone.ID); err != nil {
		t.Fatal(err)
	}
	flush(t, p)
	wantCounts(t, tokenUse(t, p, session, kept.ID), "kept", 3, 0, 3, 0)
	p.Call(http.MethodGet, "/api/v1/api_token/"+gone.ID.String()+"/use", nil, session).Want(t, "a deleted token", http.StatusNotFound)
}

func TestCountsFollowTheHoursAndDays(t *testing.T) {
	p := backendtest.Start(t) // it is 12:00
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	validate(p, secret)
	validate(p, secret)
	for _, step := range []struct {
		by                       time.Duration
		hours, days              int
		inLastHour, inLastDay    int
		use                      bool
		sinceOfHour, sinceOfDays string
	}{
		{0, 2, 2, 2, 2, false, "2026-03-01T11:00:00.000Z", "2026-02-28T12:00:00.000Z"},
		{59 * time.Minute, 3, 3, 3, 3, true, "2026-03-01T11:00:00.000Z", "2026-02-28T12:00:00.000Z"},
		{time.Minute, 4, 4, 4, 4, true, "2026-03-01T12:00:00.000Z", "2026-02-28T13:00:00.000Z"},
		{61 * time.Minute, 4, 4, 0, 4, false, "2026-03-01T13:01:00.000Z", "2026-02-28T14:00:00.000Z"},
		{46*time.Hour - 2*time.Minute, 4, 4, 0, 0, false, "", ""}, // 11:59, 48 hours after the first hour began
		{time.Minute, 1, 4, 0, 0, false, "", ""},
		{time.Hour, 0, 4, 0, 0, false, "", ""},
		{86 * 24 * time.Hour, 0, 4, 0, 0, false, "", ""},
		{35 * time.Hour, 0, 0, 0, 0, false, "", ""}, // the 90th day after
	} {
		p.Clock.Move(step.by)
		_, session := startSession(t, p, actor)
		if step.use {
			validate(p, secret)
		}
		for _, flushed := range []bool{false, true} {
			if flushed {
				flush(t, p)
			}
			use := tokenUse(t, p, session, made.ID)
			when := fmt.Sprintf("at %s, flushed %v", p.Clock.Now(), flushed)
			wantCounts(t, use, when, step.hours, 0, step.days, 0)
			hour, day := use["last_hour"].(map[string]any), use["last_day"].(map[string]any)
			if hour["accepted"] != float64(step.inLastHour) || day["accepted"] != float64(step.inLastDay) {
				t.Errorf("%s: %v in the last hour, %v in the last day; want %d and %d", when, hour, day, step.inLastHour, step.inLastDay)
			}
			if step.sinceOfHour != "" && (hour["since"] != step.sinceOfHour || day["since"] != step.sinceOfDays) {
				t.Errorf("%s: counted since %v and %v, want %s and %s", when, hour["since"], day["since"], step.sinceOfHour, step.sinceOfDays)
			}
			if use["counted_since"] != "2026-03-01T12:00:00.000Z" {
				t.Errorf("%s: counted since %v", when, use["counted_since"])
			}
		}
	}
}

func TestEachSecretOfARotatedTokenShowsItsUse(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, session := startSession(t, p, actor)
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	validate(p, secret)
	if use := tokenUse(t, p, session, made.ID); use["secrets"] != nil {
		t.Errorf("a token with one secret has uses of %v", use["secrets"])
	}
	total := 1
	for round := range 2 {
		p.Clock.Move(time.Minute)
		_, next, err := p.Tokens.Rotate(t.Context(), actor, made.ID, token.Rotation{Overlap: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		old := secret
		secret = next
		for range 2 {
			p.Clock.Move(time.Second)
			validate(p, old)
		}
		lastOfOld := p.Clock.Now()
		for range 3 {
			p.Clock.Move(time.Second)
			validate(p, secret)
		}
		total += 5
		for _, flushed := range []bool{false, true} {
			if flushed {
				flush(t, p)
			}
			use := tokenUse(t, p, session, made.ID)
			wantCounts(t, use, "rotated", total, round, total, round)
			secrets, _ := use["secrets"].(map[string]any)
			want := fmt.Sprintf("map[new:map[accepted:3 last_used_at:%s] old:map[accepted:2 last_used_at:%s]]",
				p.Clock.Now().Format("2006-01-02T15:04:05.000Z"), lastOfOld.Format("2006-01-02T15:04:05.000Z"))
			if got := fmt.Sprint(secrets); got != want {
				t.Errorf("round %d, flushed %v: %s, want %s", round, flushed, got, want)
			}
		}
		if _, err := p.Tokens.EndOldSecret(t.Context(), actor, made.ID); err != nil {
			t.Fatal(err)
		}
		if status := validate(p, old); status != http.StatusUnauthorized {
			t.Errorf("an ended secret gets %d", status)
		}
		use := tokenUse(t, p, session, made.ID)
		wantCounts(t, use, "an ended secret was used", total, round+1, total, round+1)
		if use["secrets"] != nil || use["last_refused_at"] == nil {
			t.Errorf("after the end of the old secret: %v", use)
		}
	}
}

func TestMadeUpSecretsWriteNothing(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	validate(p, secret)
	flush(t, p)
	if err := p.RemoveEnded(t.Context()); err != nil { // the first one stores the time that removal goes by
		t.Fatal(err)
	}
	rows := func() (counts []string) {
		db := p.Database()
		for _, name := range p.Tables() {
			var n int
			if err := db.QueryRow("SELECT count(*) FROM " + name).Scan(&n); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, fmt.Sprint(name, " ", n))
		}
		return counts
	}
	before := fmt.Sprint(rows())
	for i := range backendtest.Rounds(20_000) {
		if v, err := p.Tokens.Check(t.Context(), fmt.Appendf(nil, "%s%d", secret, i)); err != nil || v.Reason != token.Unknown || v.WantsAddress() {
			t.Fatal(v, err)
		}
	}
	flush(t, p)
	if after := fmt.Sprint(rows()); after != before {
		t.Errorf("the tables have %s, and had %s", after, before)
	}
}

func TestOnlyManagersSeeWhereATokenIsUsed(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: p.Environment(actor)})
	p.Call(http.MethodGet, "/api/v1/api_token/"+made.ID.String()+"/use", nil, backendtest.Bearer(secret)).Want(t, "the request", http.StatusForbidden)
	if a := p.Call(http.MethodGet, "/api/v1/api_token/"+made.ID.String()+"?include=use", nil, backendtest.Bearer(secret)); a.Status != http.StatusOK || a.Get(t, "details", "use") == nil {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
