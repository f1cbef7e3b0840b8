package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
)

func TestEveryTextThatIsKeptFollowsTheSameRules(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	code := p.Web.API.SetupCode()
	const blank, turned = "\u200b", "A\u202eb"
	for _, field := range []string{"account_name", "name"} {
		refused(t, "setup", setUp(p, code, map[string]any{field: turned}), http.StatusUnprocessableEntity, "validation_errors", field)
	}
	refused(t, "setup", setUp(p, code, map[string]any{"email": "a@b"}), http.StatusUnprocessableEntity, "validation_errors", "email")
	actor, made, _ := p.Deployed()
	call := callerFor(p, actor)
	agent, environment, account, me := made.AgentID.String(), made.EnvironmentID.String(), actor.AccountID.String(), actor.AdminUserID.String()
	code = invitedBy(t, p, "bob@example.com")
	browser := session(t, p, backendtest.Email)
	for _, c := range []struct {
		method, path string
		fields       map[string]any // all required fields
		texts        string
	}{
		{http.MethodPost, "/agent", map[string]any{"name": "bot"}, "name description external_identifier"},
		{http.MethodPut, "/agent/" + agent, map[string]any{}, "name description"},
		{http.MethodPost, "/agent_version", map[string]any{"agent_id": agent, "external_identifier": "1"}, "external_identifier name description"},
		{http.MethodPost, "/agent_schema_version", map[string]any{"agent_id": agent, "external_identifier": "1"}, "external_identifier"},
		{http.MethodPost, "/environment", map[string]any{"name": "QA"}, "name description"},
		{http.MethodPut, "/environment/" + environment, map[string]any{}, "name description"},
		{http.MethodPut, "/account/" + account, map[string]any{"purpose": "business"}, "name organisation_name website"},
		{http.MethodPut, "/admin_user/" + me, map[string]any{}, "name job_title"},
		{http.MethodPost, "/api_token", map[string]any{"token_scope": "account"}, "name"},
		{http.MethodPost, "/admin_user_invite", map[string]any{}, "email"},
		{http.MethodPost, "/invite/accept", map[string]any{"code": code, "name": "Bob", "password": backendtest.Password}, "name"},
	} {
		for _, field := range strings.Fields(c.texts) {
			for _, wrong := range []string{blank, turned, "A\u2028b", "A\x01b", "\u3164"} {
				fields := map[string]any{field: wrong}
				for k, v := range c.fields {
					if k != field {
						fields[k] = v
					}
				}
				a := call(c.method, c.path, fields)
				if c.path == "/invite/accept" || strings.HasPrefix(c.path, "/admin_user/") {
					a = p.Call(c.method, "/api/v1"+c.path, backendtest.Details(fields), browser...)
				}
				refused(t, c.method+" "+c.path+" "+field+" "+wrong, a, http.StatusUnprocessableEntity, "validation_errors", field)
			}
		}
	}
	holds(t, "a composed name", call(http.MethodPost, "/agent", map[string]any{"name": " Zoe\u0308 👩‍💻 "}), map[string]any{"name": "Zoë 👩‍💻"})
	made2 := call(http.MethodPost, "/agent", map[string]any{"name": "bot", "external_identifier": "cafe\u0301"})
	if a := call(http.MethodGet, "/agent/show?external_identifier=cafe%CC%81", nil); a.Text(t, "details", "id") != made2.Text(t, "details", "id") {
		t.Errorf("%s", a.Body)
	}
}

// invitedBy invites an email and returns the code.
func invitedBy(t *testing.T, p *backendtest.Program, email string) string {
	t.Helper()
	a := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), session(t, p, backendtest.Email)...)
	return a.Text(t, "details", "token")
}

func TestAMailboxIsOneHoweverItsDomainIsSpelt(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	const shown, ascii = "ada@bücher.example", "ada@xn--bcher-kva.example"
	if a := setUp(p, p.Web.API.SetupCode(), map[string]any{"email": "Ada@BÜCHER.example"}); a.Text(t, "details", "admin_user", "email") != shown {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, spelling := range []string{shown, ascii, "ada@bu\u0308cher.example", "ADA@XN--BCHER-KVA.EXAMPLE"} {
		wantStatus(t, spelling, p.SignIn(spelling, backendtest.Password), http.StatusOK)
	}
	cookie, _ := backendtest.Cookie(t, p.SignIn(ascii, backendtest.Password), "session")
	browser := []backendtest.Header{cookie, {Name: "Sec-Fetch-Site", Value: "same-origin"}}
	invite := func(email string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": email}), browser...)
	}
	for _, member := range []string{shown, ascii} {
		refused(t, member, invite(member), http.StatusUnprocessableEntity, "validation_errors", "email")
	}
	first := invite("eve@straße.example")
	second := invite("eve@xn--strae-oqa.example")
	holds(t, "the second", second, map[string]any{"email": "eve@straße.example", "status": "pending"})
	holds(t, "the first", p.Call(http.MethodGet, "/api/v1/admin_user_invite/"+first.Text(t, "details", "id"), nil, browser...), map[string]any{"status": "revoked"})
}

func TestAnAdminUserWithoutANameIsNamedByTheEmailAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	const shown = "ada@bücher.example"
	setUp(p, p.Web.API.SetupCode(), map[string]any{"email": shown, "name": nil})
	cookie, _ := backendtest.Cookie(t, p.SignIn(shown, backendtest.Password), "session")
	browser := []backendtest.Header{cookie, {Name: "Sec-Fetch-Site", Value: "same-origin"}}
	made := p.Call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), browser...)
	holds(t, "the token", made, map[string]any{"created_by_name": shown})
	revoked := p.Call(http.MethodPost, "/api/v1/api_token/"+made.Text(t, "details", "id")+"/revoke", nil, browser...)
	holds(t, "the revoked token", revoked, map[string]any{"created_by_name": shown, "revoked_by_name": shown})
	invite := p.Call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "eve@example.com"}), browser...)
	holds(t, "the invite", invite, map[string]any{"created_by_name": shown})
}
