package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

func TestAWebhookIsSetTestedAndDeleted(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	status.Store(http.StatusAccepted)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer receiver.Close()
	p := backendtest.Start(t, func(c *config.Config, _ *backend.World) { c.AllowPrivateWebhooks = true })
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	path := "/api/v1/account/" + actor.AccountID.String() + "/webhook"
	call := func(method, rest string, body any) backendtest.Answer {
		return p.Call(method, path+rest, body, browser...)
	}
	put := func(url string) backendtest.Answer {
		return call(http.MethodPut, "", backendtest.Details(map[string]any{"url": url}))
	}
	holds(t, "none", call(http.MethodGet, "", nil), map[string]any{"type": "webhook", "url": nil, "last_attempt": nil, "inserted_at": nil})
	refused(t, "test none", call(http.MethodPost, "/test", nil), http.StatusNotFound, "not_found", "")
	refused(t, "replace none", call(http.MethodPost, "/replace_secret", nil), http.StatusNotFound, "not_found", "")
	refused(t, "delete none", call(http.MethodDelete, "", nil), http.StatusNotFound, "not_found", "")
	for _, url := range []string{"", "nowhere", "http://8.8.8.8", "https://a.example/" + strings.Repeat("a", 500), "https://a.exa\nmple/", "https://169.254.169.254/"} {
		refused(t, url, put(url), http.StatusUnprocessableEntity, "validation_errors", "url")
	}

	made := put(receiver.URL)
	holds(t, "made", made, map[string]any{"type": "webhook", "url": receiver.URL, "last_attempt": nil})
	secret := made.Text(t, "secret")
	if !strings.HasPrefix(secret, "whsec_") || made.Header.Get("Etag") != "" {
		t.Errorf("%s %v", made.Body, made.Header)
	}
	shownOnce := func(what string, a backendtest.Answer) {
		t.Helper()
		if strings.Contains(a.Body, "whsec_") || strings.Contains(a.Body, `"secret"`) {
			t.Errorf("%s shows the secret: %s", what, a.Body)
		}
	}
	shownOnce("reading it", call(http.MethodGet, "", nil))
	shownOnce("setting it again", put(receiver.URL+"/x"))

	tested := call(http.MethodPost, "/test", nil)
	if tested.Get(t, "details", "last_attempt", "accepted") != true || tested.Get(t, "details", "last_attempt", "http_status") != 202.0 || tested.Get(t, "details", "last_attempt", "message_type") != "webhook.test" {
		t.Errorf("%s", tested.Body)
	}
	shownOnce("testing it", tested)
	soon := call(http.MethodPost, "/test", nil)
	if soon.Status != http.StatusTooManyRequests || soon.Header.Get("Retry-After") != "5" {
		t.Errorf("at once again: %d %s %v", soon.Status, soon.Body, soon.Header)
	}
	p.Clock.Move(5 * time.Second)
	status.Store(http.StatusTeapot)
	failed := call(http.MethodPost, "/test", nil)
	if failed.Get(t, "details", "last_attempt", "accepted") != false || failed.Text(t, "details", "last_attempt", "failure") != "The receiver answered with status 418." {
		t.Errorf("%s", failed.Body)
	}
	if read := call(http.MethodGet, "", nil); read.Body != failed.Body {
		t.Errorf("%s\nis not\n%s", read.Body, failed.Body)
	}
	replaced := call(http.MethodPost, "/replace_secret", nil)
	if other := replaced.Text(t, "secret"); !strings.HasPrefix(other, "whsec_") || other == secret {
		t.Errorf("%s", replaced.Body)
	}
	holds(t, "another URL forgets the result of the old one", put(receiver.URL+"/y"), map[string]any{"last_attempt": nil})
	holds(t, "deleted", call(http.MethodDelete, "", nil), map[string]any{"url": receiver.URL + "/y"})
	holds(t, "without it", call(http.MethodGet, "", nil), map[string]any{"url": nil})
	for action, want := range map[audit.Action]int{audit.WebhookCreated: 1, audit.WebhookUpdated: 2, audit.WebhookSecretReplaced: 1, audit.WebhookDeleted: 1} {
		p.Recorded(action, want)
	}
}

func TestAViewerSeesTheHostOfAWebhookAndNothingThatMayBeSecret(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	p.JoinAs(ada, "viewer@example.com", people.RoleViewer)
	path := "/api/v1/account/" + ada.AccountID.String() + "/webhook"
	read := func(email string) backendtest.Answer {
		return p.Call(http.MethodGet, path, nil, session(t, p, email)...)
	}
	holds(t, "without a webhook", read("viewer@example.com"), map[string]any{"url": nil})
	const url = "https://hooks.example.com:8443/services/T00/secret?key=secret"
	if _, _, err := p.Notices.SetWebhook(t.Context(), ada, url); err != nil {
		t.Fatal(err)
	}
	holds(t, "an admin", read(backendtest.Email), map[string]any{"url": url})
	if a := read("viewer@example.com"); a.Text(t, "details", "url") != "https://hooks.example.com:8443/…" || strings.Contains(a.Body, "secret") {
		t.Errorf("a viewer gets %s", a.Body)
	}
}

// TestAPITokensCantTouchAWebhook keeps a stolen token from sending notices elsewhere.
func TestPromise9TheWebhookOfAMemberWhoLeavesIsNotUnnoticed(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	ours, theirs := session(t, p, backendtest.Email), session(t, p, "bob@example.com")
	set := func(url string, by []backendtest.Header) {
		t.Helper()
		p.Call(http.MethodPut, "/api/v1/account/"+ada.AccountID.String()+"/webhook", backendtest.Details(map[string]any{"url": url}), by...).Must(t, http.StatusOK)
	}
	isOf := func(user audit.Actor) any {
		t.Helper()
		return p.Call(http.MethodGet, "/api/v1/admin_user/"+user.AdminUserID.String(), nil, ours...).Get(t, "details", "set_webhook")
	}
	set("https://example.com/ada", ours)
	if isOf(ada) != true || isOf(bob) != false {
		t.Error("the first one is not hers")
	}
	set("https://example.com/bob", theirs)
	if isOf(ada) != false || isOf(bob) != true {
		t.Error("the changed one is not his")
	}
	removal := "/api/v1/admin_user/" + bob.AdminUserID.String() + "/remove"
	holds(t, "removal", p.Call(http.MethodPost, removal, nil, ours...), map[string]any{"set_webhook": true})
	set("https://example.com/bob", ours)
	if isOf(ada) != true {
		t.Error("what she took over is not hers")
	}
}

func TestAPITokensCantTouchAWebhook(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	path := "/api/v1/account/" + actor.AccountID.String() + "/webhook"
	for _, c := range []struct{ method, rest string }{{"GET", ""}, {"PUT", ""}, {"DELETE", ""}, {"POST", "/test"}, {"POST", "/replace_secret"}} {
		var body any
		if c.method == "PUT" {
			body = backendtest.Details(map[string]any{"url": "https://evil.example"})
		}
		refused(t, c.method+c.rest, p.Call(c.method, path+c.rest, body, backendtest.Bearer(secret)), http.StatusForbidden, "not_permitted", "")
	}
}

func TestPrivateReceiversAreRefusedByDefault(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the receiver was reached") }))
	defer receiver.Close()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	path := "/api/v1/account/" + actor.AccountID.String() + "/webhook"
	put := func(url string) backendtest.Answer {
		return p.Call(http.MethodPut, path, backendtest.Details(map[string]any{"url": url}), browser...)
	}
	for _, url := range []string{receiver.URL, "http://a.example", "https://[::1]/"} {
		refused(t, url, put(url), http.StatusUnprocessableEntity, "validation_errors", "url")
	}
	holds(t, "a name is looked up when a message is sent", put(strings.Replace(receiver.URL, "127.0.0.1", "localhost", 1)), nil)
	tested := p.Call(http.MethodPost, path+"/test", nil, browser...)
	if failure := tested.Text(t, "details", "last_attempt", "failure"); !strings.Contains(failure, "--allow-private-webhooks") {
		t.Errorf("%s", tested.Body)
	}
}

func TestAnAdminUserDecidesOnTheirOwnExpiryMail(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	browser := session(t, p, backendtest.Email)
	path := "/api/v1/admin_user/" + actor.AdminUserID.String()
	holds(t, "at first", p.Call(http.MethodGet, path, nil, browser...), map[string]any{"expiry_mail": true})
	holds(t, "off", p.Call(http.MethodPut, path, backendtest.Details(map[string]any{"expiry_mail": false}), browser...), map[string]any{"expiry_mail": false})
	holds(t, "another change", p.Call(http.MethodPut, path, backendtest.Details(map[string]any{"name": "Ada L."}), browser...), map[string]any{"expiry_mail": false})
	holds(t, "on", p.Call(http.MethodPut, path, backendtest.Details(map[string]any{"expiry_mail": true}), browser...), map[string]any{"expiry_mail": true})
	p.Recorded(audit.AdminUserUpdated, 3)
}
