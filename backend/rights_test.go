package backend_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// The callers of the table below, by their letters: a signed-in admin and viewer; tokens that may manage or read the
// account; tokens of an environment and of a deployment; and a stranger without a credential.
const callers = "AVMRED-"

// right is a request to a route, and which callers may send it. In its path and body, {a name} is an id or a text of the
// account; see subjects.
type right struct {
	route   string // method and path
	callers string
	body    string // of the request; a form if it is not JSON
}

// Every route has a row. Rows that end something come after those that need it.
var rights = []right{
	{"GET /healthz", callers, ""},
	{"GET /readyz", callers, ""},
	{"GET /metrics", callers, ""}, // from this machine; see web/scrape_test.go
	{"GET /.well-known/jwks.json", callers, ""},
	{"GET /.well-known/oauth-authorization-server", callers, ""},
	{"GET /status-lists", callers, ""},
	{"GET /status-lists/1", callers, ""},
	{"GET /docs", callers, ""},
	{"GET /docs.css", callers, ""},
	{"GET /api/v1/openapi.json", callers, ""},

	{"GET /api/v1/ping", "MRED", ""},
	{"GET /api/v1/validate", "MRED", ""},
	{"POST /api/v1/validate/path", "MRED", ""},
	{"POST /oauth/introspect", "MR", "token={secret}"},
	{"POST /oauth/introspect/batch", "MR", "token={secret}"},
	{"POST /oauth/revoke", callers, "token={secret of nothing}"}, // the secret is the credential

	{"GET /api/v1/session", callers, ""},
	{"POST /api/v1/session", callers, `{"details":{"email":"nobody@example.com","password":"wrong"}}`},
	{"POST /api/v1/setup", callers, `{"details":{"code":"wrong","account_name":"A","email":"a@b.co","password":"long enough a password"}}`},
	{"POST /api/v1/invite/show", callers, `{"details":{"code":"wrong"}}`},
	{"POST /api/v1/invite/accept", callers, `{"details":{"code":"wrong","name":"N","password":"long enough a password"}}`},

	{"GET /api/v1/session/all", "AV", ""},
	{"DELETE /api/v1/session/{own session}", "AV", ""},
	{"POST /api/v1/session/end_others", "AV", ""},
	{"DELETE /api/v1/session/notice/{notice}", "AV", ""},
	{"GET /api/v1/changes", "AV", ""},
	{"POST /api/v1/session/password", "AV", `{"details":{"current_password":"{password}","new_password":"another long password"}}`},

	{"GET /api/v1/account", "AVMR", ""},
	{"GET /api/v1/account/{account}", "AVMR", ""},
	{"PUT /api/v1/account/{account}", "AM", `{"details":{"name":"Other"}}`},
	{"GET /api/v1/account/{account}/contents", "AV", ""},
	{"POST /api/v1/account/{account}/end_sessions", "A", ""},
	{"GET /api/v1/account/{account}/webhook", "AV", ""},
	{"PUT /api/v1/account/{account}/webhook", "A", `{"details":{"url":"https://example.com/other"}}`},
	{"POST /api/v1/account/{account}/webhook/replace_secret", "A", ""},
	{"POST /api/v1/account/{account}/webhook/test", "A", ""},
	{"DELETE /api/v1/account/{account}/webhook", "A", ""},

	{"GET /api/v1/backup", "AVMR", ""},
	{"POST /api/v1/backup/review_restore", "A", ""},

	{"GET /api/v1/admin_user", "AVMR", ""},
	{"GET /api/v1/admin_user/{member}", "AVMR", ""},
	{"PUT /api/v1/admin_user/{self}", "AV", `{"details":{"name":"New Name"}}`},
	{"POST /api/v1/admin_user/{member}/set_role", "A", `{"details":{"role":"viewer"}}`},
	{"POST /api/v1/admin_user/{member}/end_sessions", "A", ""},
	{"POST /api/v1/admin_user/{member}/revoke_api_tokens", "A", ""},
	{"POST /api/v1/admin_user/{member}/remove", "A", `{"details":{"revoke_api_tokens":true}}`},
	{"GET /api/v1/admin_user_invite", "AVMR", ""},
	{"GET /api/v1/admin_user_invite/{invite}", "AVMR", ""},
	{"POST /api/v1/admin_user_invite", "AM", `{"details":{"email":"new-{account}@example.com"}}`},
	{"POST /api/v1/admin_user_invite/{invite}/revoke", "AM", ""},

	{"GET /api/v1/agent_instance", "AVMRED", ""},
	{"POST /api/v1/agent_instance/register", "AMED", `{"agent_id":"{agent}","agent_version":{"external_identifier":"9","name":"v"},"agent_schema_version":{"external_identifier":"9"}}`},
	{"GET /api/v1/agent_instance/{instance}", "AVMRED", ""},
	{"GET /api/v1/agent_instance/show?agent_instance_id={instance}", "AVMRED", ""},
	{"GET /api/v1/agent_instance/{instance}/agent_context", "AVMRED", ""},
	{"POST /api/v1/agent_instance/{instance}/start", "AMED", `{}`},
	{"POST /api/v1/agent_spans", "AMED", `{"details":{"agent_instance_id":"{instance}","schema_name":"call","status":"active"}}`},
	{"POST /api/v1/agent_spans/create_test_spans", "AMED", `{"agent_instance_id":"{instance}","count":1}`},
	{"POST /api/v1/agent_spans/{span}/finish", "AMED", `{}`},
	{"GET /api/v1/agent_spans?agent_instance_id={instance}", "AVMRED", ""},
	{"POST /api/v1/agent_instance/{instance}/record_quality", "AMED", `{"name":"q","payload":null}`},
	{"POST /api/v1/agent_instance/{instance}/finish", "AMED", `{}`},
	{"POST /api/v1/agent_instance/{run}/terminate", "AMED", `{"reason":"stuck"}`},

	{"POST /api/v1/pfid/generate", "AM", `{"count":1}`},
	{"POST /api/v1/bulk", "AVMRED", `{"items":[{"method":"GET","path":"/agent"}]}`}, // see the test of its items

	{"GET /api/v1/agent/{agent}/activity", "AVMR", ""},
	{"GET /api/v1/agent", "AVMR", ""},
	{"POST /api/v1/agent", "AM", `{"details":{"name":"another"}}`},
	{"GET /api/v1/agent/show?agent_id={agent}", "AVMR", ""},
	{"GET /api/v1/agent/{agent}", "AVMR", ""},
	{"PUT /api/v1/agent/{agent}", "AM", `{"details":{"name":"renamed"}}`},
	{"GET /api/v1/agent_version?agent_id={agent}", "AVMR", ""},
	{"POST /api/v1/agent_version", "AM", `{"details":{"agent_id":"{agent}","external_identifier":"5"}}`},
	{"GET /api/v1/agent_version/{version}", "AVMR", ""},
	{"GET /api/v1/agent_schema_version?agent_id={agent}", "AVMR", ""},
	{"POST /api/v1/agent_schema_version", "AM", `{"details":{"agent_id":"{agent}","external_identifier":"5"}}`},
	{"GET /api/v1/agent_schema_version/{schema}", "AVMR", ""},
	{"GET /api/v1/agent_deployment", "AVMR", ""},
	{"GET /api/v1/agent_deployment/{deployment}", "AVMR", ""},
	{"PUT /api/v1/agent_deployment/{deployment}", "AM", `{"details":{"current_version_id":null}}`},

	{"GET /api/v1/api_token", "AVMR", ""},
	{"POST /api/v1/api_token", "AM", `{"details":{"token_scope":"account"}}`},
	{"GET /api/v1/api_token/summary", "AVMR", ""},
	{"GET /api/v1/api_token/moves", "AVMR", ""},
	{"GET /api/v1/api_token/{token}", "AVMR", ""},
	{"GET /api/v1/api_token/{own token}", "AVMRED", ""},
	{"GET /api/v1/api_token/{token}/use", "AVMR", ""},
	{"GET /api/v1/api_token/{token}/events", "AVMR", ""},
	{"GET /api/v1/audit_event", "AVMR", ""},
	{"GET /api/v1/audit_event/export", "AVMR", ""},
	{"GET /api/v1/audit_event/{event}", "AVMR", ""},
	{"POST /api/v1/api_token/{own token}/rotate", "AMRED", `{"details":{"overlap_seconds":3600}}`},
	{"POST /api/v1/api_token/{made}/rotate", "AM", `{"details":{"overlap_seconds":3600}}`},
	{"POST /api/v1/api_token/{made}/end_old_secret", "AM", ""},
	{"POST /api/v1/api_token/bulk", "AM", `{"details":{"action":"suspend","ids":["{token}"],"dry_run":true}}`},
	{"POST /api/v1/api_token/{token}/suspend?dry_run=true", "AM", ""},
	{"POST /api/v1/api_token/{token}/suspend", "AM", ""},
	{"POST /api/v1/api_token/{token}/activate", "AM", ""},
	{"POST /api/v1/api_token/{token}/revoke", "AM", ""},
	{"DELETE /api/v1/api_token/{token}", "AM", ""},

	{"POST /api/v1/agent/{agent}/retire", "AM", ""},
	{"POST /api/v1/agent/{agent}/reinstate", "AM", ""},
	{"DELETE /api/v1/agent_deployment/{deployment}", "AM", ""},
	{"POST /api/v1/agent_deployment", "AM", `{"details":{"agent_id":"{agent}","environment_id":"{environment}"}}`},
	{"DELETE /api/v1/agent/{agent}", "AM", ""},
	{"GET /api/v1/environment", "AVMR", ""},
	{"POST /api/v1/environment", "AM", `{"details":{"name":"Another"}}`},
	{"GET /api/v1/environment/{environment}", "AVMR", ""},
	{"GET /api/v1/environment/show?environment_id={environment}", "AVMR", ""},
	{"PUT /api/v1/environment/{environment}", "AM", `{"details":{"name":"Renamed"}}`},
	{"DELETE /api/v1/environment/{environment}", "AM", ""},
	{"DELETE /api/v1/account/{account}", "A", `{"details":{"name":"Other"}}`},
	{"DELETE /api/v1/session", callers, ""},
	{"POST /api/v1/api_token/{own token}/end_old_secret", "MRED", ""}, // which is what these callers send
}

// asking is one caller in an account of its own.
type asking struct {
	headers  []backendtest.Header
	subjects map[string]string
}

// newAsking founds an account with one resource of each kind, and returns the caller with that letter.
func newAsking(t *testing.T, p *backendtest.Program, letter rune) asking {
	t.Helper()
	user, err := p.People.FoundAnother(t.Context(), people.Founder{AccountName: "Acme", Email: "founder" + string(letter) + "@example.com", Password: backendtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	admin := audit.Actor{AccountID: user.AccountID, AdminUserID: user.ID}
	h := fill(t, p, admin)
	member := p.JoinAs(admin, "member"+string(letter)+"@example.com", people.RoleAdmin)
	viewer := p.JoinAs(admin, "viewer"+string(letter)+"@example.com", people.RoleViewer)
	manage, manageSecret := p.Issue(admin, token.Order{Scope: token.ScopeAccount})
	made, _ := p.Issue(audit.Actor{AccountID: admin.AccountID, APITokenID: manage.ID}, token.Order{Scope: token.ScopeAccount})
	read, readSecret := p.Issue(admin, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	environment, environmentSecret := p.Issue(admin, token.Order{Scope: token.ScopeEnvironment, EnvironmentID: h.environment})
	deployment, deploymentSecret := p.Issue(admin, token.Order{Scope: token.ScopeAgentDeployment, AgentID: h.agent, EnvironmentID: h.environment})
	run, err := p.Activity.Register(t.Context(), admin, activity.Scope{AccountID: admin.AccountID}, activity.Registration{
		Agent: h.agent.String(), EnvironmentID: h.environment, Version: activity.RegisteredVersion{ExternalIdentifier: "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	who := asking{subjects: map[string]string{
		"account": admin.AccountID.String(), "member": member.AdminUserID.String(), "notice": h.session.String(), "self": viewer.AdminUserID.String(),
		"token": h.token.String(), "own token": h.token.String(), "made": made.ID.String(), "secret": h.secret, "secret of nothing": "x.y.z", "password": backendtest.Password,
		"environment": h.environment.String(), "agent": h.agent.String(), "deployment": h.deployment.String(), "version": h.version.String(), "schema": h.schema.String(),
		"instance": h.instance.String(), "run": run.ID.String(), "span": h.span.String(), "invite": h.invite.String(), "event": h.event.String(), "own session": h.session.String(),
	}}
	signIn := func(as audit.Actor) {
		other, _ := startSession(t, p, as)
		_, cookie := startSession(t, p, as)
		who.headers = []backendtest.Header{cookie, {Name: "Sec-Fetch-Site", Value: "same-origin"}}
		third, _ := startSession(t, p, as)
		if _, err := p.People.EndSession(t.Context(), as, third, pfid.ID{}); err != nil {
			t.Fatal(err)
		}
		in, ok, err := p.People.Session(t.Context(), people.SessionID(strings.TrimPrefix(cookie.Value, "tokentab_session=")))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		told, err := p.People.Notices(t.Context(), in)
		if err != nil || len(told) == 0 {
			t.Fatal(told, err)
		}
		who.subjects["notice"] = told[0].ID.String()
		who.subjects["own session"], who.subjects["self"] = other.String(), as.AdminUserID.String()
	}
	bear := func(own pfid.ID, secret string) {
		who.headers = []backendtest.Header{backendtest.Bearer(secret)}
		who.subjects["own token"] = own.String()
	}
	switch letter {
	case 'A':
		signIn(admin)
	case 'V':
		signIn(viewer)
	case 'M':
		bear(manage.ID, manageSecret)
	case 'R':
		bear(read.ID, readSecret)
	case 'E':
		bear(environment.ID, environmentSecret)
	case 'D':
		bear(deployment.ID, deploymentSecret)
	}
	return who
}

var placeholder = regexp.MustCompile(`\{([a-z ]+)\}`)

func (a asking) filled(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if value, known := a.subjects[name[1:len(name)-1]]; known {
			return value
		}
		return name
	})
}

// send returns the response to the request of a row.
func (a asking) send(t *testing.T, p *backendtest.Program, r right) backendtest.Answer {
	t.Helper()
	method, path, _ := strings.Cut(a.filled(r.route), " ")
	body := a.filled(r.body)
	switch {
	case path == "/api/v1/changes": // whose response does not end
		return a.firstLine(t, p, path)
	case strings.HasPrefix(path, "/oauth/"):
		return p.PostForm(path, body, a.headers...)
	case body == "":
		return p.Call(method, path, nil, a.headers...)
	}
	return p.Call(method, path, body, a.headers...)
}

func (a asking) firstLine(t *testing.T, p *backendtest.Program, path string) backendtest.Answer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range a.headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil && line == "" {
		t.Fatal(err)
	}
	return backendtest.Answer{Status: response.StatusCode, Header: response.Header, Body: line}
}

// TestEveryRouteRefusesCallersWithoutTheRight sends each request of the table as each caller. A refused one must change
// nothing. Of those who may, someone must succeed: otherwise the request of the row is wrong.
func TestEveryRouteRefusesCallersWithoutTheRight(t *testing.T) {
	p := backendtest.Start(t)
	checkRows(t, p)
	statement := everything(t, p)
	restored := fmt.Sprintf(`{"made_at":%q,"at":%q}`, p.Clock.Now().Format(time.RFC3339), p.Clock.Now().Format(time.RFC3339))
	p.Exec("INSERT INTO settings (name, value) VALUES ('restored', ?)", restored)
	asked := map[rune]asking{}
	for _, letter := range callers {
		asked[letter] = newAsking(t, p, letter)
	}
	for _, r := range rights {
		t.Run(r.route, func(t *testing.T) {
			succeeded := false
			before := "" // what the database held, unless someone may have changed it since
			for _, letter := range callers {
				may := strings.ContainsRune(r.callers, letter)
				if may {
					before = ""
				} else if before == "" {
					settle(t, p)
					before = rowsIn(t, statement)
				}
				a := asked[letter].send(t, p, r)
				refused := a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
				switch {
				case may && refused && !isOpenRefusal(r):
					t.Errorf("%c is refused: %d %s", letter, a.Status, a.Body)
				case may:
					succeeded = succeeded || a.Status < 300 || isOpenRefusal(r)
				case !refused:
					t.Errorf("%c is not refused: %d %s", letter, a.Status, a.Body)
				case rowsIn(t, statement) != before:
					t.Errorf("%c is refused, but changed something", letter)
				case a.Status == http.StatusForbidden && !strings.Contains(a.Body, `"not_permitted"`) && !strings.Contains(a.Body, `"insufficient_scope"`): // RFC 6750, section 3.1
					t.Errorf("%c is refused with %s", letter, a.Body)
				}
			}
			if !succeeded {
				t.Error("the request of this row succeeds for no caller")
			}
		})
	}
}

// settle does at once what the program does in the background soon after a deletion.
func settle(t *testing.T, p *backendtest.Program) {
	t.Helper()
	keep := activity.Keep{For: time.Duration(p.Config.ActivityRetention), Most: int64(p.Config.ActivityMax)}
	if err := errors.Join(p.Tokens.FinishMoves(t.Context(), nil), p.RemoveOldActivity(t.Context(), keep), p.RemoveEnded(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// isOpenRefusal reports whether a row sends a wrong credential in its body, to a route that is open to all.
func isOpenRefusal(r right) bool { return r.callers == callers && strings.Contains(r.body, "wrong") }

// checkRows fails if a route has no row.
func checkRows(t *testing.T, p *backendtest.Program) {
	t.Helper()
	parameter := regexp.MustCompile(`:[a-z_]+|\{[a-z ]+\}|/1$`)
	shape := func(route string) string {
		place, _, _ := strings.Cut(route, "?")
		return parameter.ReplaceAllString(place, "/*")
	}
	covered := map[string]bool{}
	for _, r := range rights {
		covered[strings.ReplaceAll(shape(r.route), "//", "/")] = true
	}
	routes := p.Web.Routes()
	if len(routes) < 80 {
		t.Errorf("the server has only %d routes: %v", len(routes), routes)
	}
	for _, route := range routes {
		if !covered[strings.ReplaceAll(shape(route), "//", "/")] {
			t.Errorf("%s has no row in the table of rights", route)
		}
	}
}

// written are the tables and columns that the program writes in the background, or to remember refused tries.
var written = []string{"token_uses", "use_writers", "outside_changes", "settings", "expiry_notices", "sign_in_failures", "last_seen_at"}

// everything returns a statement that reads what the database holds, a row for each table, except what is in written.
// It is prepared, because compiling it takes longer than reading.
func everything(t *testing.T, p *backendtest.Program) *sql.Stmt {
	t.Helper()
	var parts []string
	for _, table := range p.Tables() {
		if slices.Contains(written, table) {
			continue
		}
		row, all := "CAST(to_jsonb(t) - 'last_seen_at' AS TEXT)", "string_agg(line, ' ' ORDER BY line)"
		if !pgtest.Wanted() { // SQLite reads rows in order
			all = "group_concat(line)"
			const columns = "SELECT group_concat('quote(' || name || ')', '||') FROM pragma_table_info(?) WHERE name <> 'last_seen_at'"
			if err := p.Database().QueryRow(columns, table).Scan(&row); err != nil {
				t.Fatal(err)
			}
		}
		parts = append(parts, fmt.Sprintf("SELECT '%s', COALESCE(%s, '') FROM (SELECT %s AS line FROM %s t) x", table, all, row, table))
	}
	statement, err := p.Database().Prepare(strings.Join(parts, " UNION ALL "))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = statement.Close() })
	return statement
}

// rowsIn returns a hash of what a statement of everything reads.
func rowsIn(t *testing.T, statement *sql.Stmt) string {
	t.Helper()
	rows, err := statement.QueryContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sum := sha256.New()
	for rows.Next() {
		var table, held string
		if err := rows.Scan(&table, &held); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(sum, table, held)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return string(sum.Sum(nil))
}
