package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

type shownEvents struct {
	Summaries []struct {
		ID, Action string
		SubjectID  string `json:"subject_id"`
		Actor      string `json:"actor_name"`
		Name       string `json:"subject_name"`
		Reason     string
		RequestID  string `json:"request_id"`
		Kind       string `json:"actor_kind"`
		Times      int
		Sequence   int64
	}
	Pagination struct {
		Count int    `json:"item_count"`
		Start int    `json:"item_start"`
		Next  string `json:"next_cursor"`
	}
}

func eventsIn(t *testing.T, a backendtest.Answer) (list shownEvents) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), &list); a.Status != http.StatusOK || err != nil {
		t.Fatalf("%d %s %v", a.Status, a.Body, err)
	}
	return list
}

func TestAuditEventsAreListedNewestFirstByEachFilterToViewersToo(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	rival := p.Rival()
	p.JoinAs(actor, "viewer@example.com", people.RoleViewer)
	made, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "Deploys"})
	_, reader := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	cookie, _ := backendtest.Cookie(t, p.SignIn("viewer@example.com", backendtest.Password, backendtest.Header{Name: "Sec-Fetch-Site", Value: "same-origin"}), "session")
	p.Clock.Move(time.Hour)
	for range 3 {
		p.Call("POST", "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account"}), backendtest.Bearer(manager))
	}
	p.Clock.Move(time.Hour)
	p.Call("POST", "/api/v1/agent", backendtest.Details(map[string]any{"name": "Clerk"}), backendtest.Bearer(manager))
	list := func(query string, by ...backendtest.Header) shownEvents {
		if len(by) == 0 {
			by = []backendtest.Header{backendtest.Bearer(reader)}
		}
		return eventsIn(t, p.Call("GET", "/api/v1/audit_event?"+query, nil, by...))
	}
	all := list("")
	if got := list("", cookie); len(got.Summaries) != len(all.Summaries) || all.Pagination.Count != len(all.Summaries) || all.Summaries[0].Action != "agent.created" {
		t.Errorf("a viewer sees %d of %d events: %+v", len(got.Summaries), len(all.Summaries), all)
	}
	var paged []string
	changed := 0
	for after := ""; ; {
		page := list("pagination[page_size]=2&pagination[after]=" + after)
		if start := len(paged) + changed + 1; page.Pagination.Start != start {
			t.Errorf("the page begins at %d, want %d", page.Pagination.Start, start)
		}
		for _, e := range page.Summaries {
			paged = append(paged, e.ID)
		}
		if after = page.Pagination.Next; after == "" {
			break
		}
		p.Call("PUT", "/api/v1/account/"+actor.AccountID.String(), backendtest.Details(map[string]any{"name": "Acme " + after}), backendtest.Bearer(manager))
		changed++
	}
	for i, e := range all.Summaries {
		if i >= len(paged) || paged[i] != e.ID {
			t.Fatalf("in pages: %v\nat once: %+v", paged, all.Summaries)
		}
	}
	hour := func(n int) string {
		return url.QueryEscape(p.Clock.Now().Add(time.Duration(n-2) * time.Hour).Format(time.RFC3339))
	}
	for query, want := range map[string]int{
		"action=api_token.created":                      5,
		"action=api_token.*":                            5,
		"action=agent.created&action=api_token.*":       6,
		"action=agent.created&action=account.created":   2,
		"actor=" + made.ID.String():                     4 + list("action=account.updated").Pagination.Count,
		"actor=" + rival.AdminUserID.String():           0,
		"subject=" + made.ID.String():                   1,
		"address=127.0.0.1&action=api_token.created":    3,
		"address=192.0.2.1":                             0,
		"from=" + hour(1) + "&to=" + hour(2):            3,
		"to=" + hour(1) + "&action=api_token.created":   2,
		"from=" + hour(2) + "&action=agent.*":           1,
		"actor=" + made.ID.String() + "&action=agent.*": 1,
		"search=clerk":                                  1,                                                                                                        // the name of a subject
		"search=DEPLOYS":                                4 + list("subject="+made.ID.String()).Pagination.Count + list("action=account.updated").Pagination.Count, // and of an actor
		"search=" + made.ID.String()[20:]:               4 + list("subject="+made.ID.String()).Pagination.Count + list("action=account.updated").Pagination.Count,
		"search=ada@&action=api_token.*":                2,
		"search=127.0.0&action=agent.*":                 1,
		"search=" + all.Summaries[0].RequestID:          1,
		"actor=command_line":                            0, "actor=server": 0, "actor=stranger": 0,
		"search=rival": 0,
		"search=%25":   0,
	} {
		if got := list(query); got.Pagination.Count != want || len(got.Summaries) != want {
			t.Errorf("%s: %d, %d events, want %d", query, got.Pagination.Count, len(got.Summaries), want)
		}
	}
	created := list("subject=" + made.ID.String()).Summaries[0]
	if created.Name != "Deploys" || created.Actor != "Ada" {
		t.Errorf("%+v", created)
	}
	kinds := map[string]int{}
	for _, e := range all.Summaries {
		kinds[e.Kind]++
		if e.Times != 1 {
			t.Errorf("%+v", e)
		}
	}
	if kinds["command_line"]+kinds["server"]+kinds[""] != 0 || kinds["admin_user"] == 0 || kinds["api_token"] < 4 {
		t.Errorf("%v", kinds)
	}
	one := p.Call("GET", "/api/v1/audit_event/"+created.ID, nil, backendtest.Bearer(reader))
	if one.Status != http.StatusOK || one.Text(t, "details", "subject_id") != made.ID.String() {
		t.Errorf("%d %s", one.Status, one.Body)
	}
	for query, field := range map[string]string{
		"search=" + strings.Repeat("x", 201): "search", "search=a%00b": "search", "action=nonsense": "action", "action=*": "action", "actor=x": "actor", "from=yesterday": "from",
		"pagination[after]=x": "pagination[after]", "pagination[after]=1.1&pagination[offset]=5": "pagination[after]",
	} {
		if a := p.Call("GET", "/api/v1/audit_event?"+query, nil, backendtest.Bearer(reader)); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, field) {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
	}
}

func TestAReasonAndTheRequestIDStayInTheTrail(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.1"))
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	var ids []any
	for range 5 {
		made, _ := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
		ids = append(ids, made.ID.String())
	}
	call := func(path string, body any, headers ...backendtest.Header) backendtest.Answer {
		return p.Call("POST", "/api/v1/api_token/"+path, body, append(headers, backendtest.Bearer(manager))...)
	}
	last := func(id any) (reason, request string) {
		e := eventsIn(t, p.Call("GET", fmt.Sprintf("/api/v1/audit_event?action=api_token.suspended&action=api_token.revoked&subject=%s", id), nil, backendtest.Bearer(manager))).Summaries[0]
		return e.Reason, e.RequestID
	}
	id := func(value string) backendtest.Header { return backendtest.Header{Name: "X-Request-Id", Value: value} }
	seen := []string{}
	for i, c := range []struct {
		path   string
		body   any
		reason string
	}{
		{"/suspend", backendtest.Details(map[string]any{"reason": "  leaked in a log "}), "leaked in a log"},
		{"/revoke", map[string]any{"reason": "gone"}, "gone"},
		{"/revoke?with_descendants=true", backendtest.Details(map[string]any{"reason": "stolen"}), "stolen"},
		{"/suspend", nil, ""},
	} {
		a := call(ids[i].(string)+c.path, c.body)
		a.Must(t, http.StatusOK)
		reason, request := last(ids[i])
		if a.Status != http.StatusOK || reason != c.reason || request == "" || request != a.Header.Get("X-Request-Id") || slices.Contains(seen, request) {
			t.Errorf("%s %v: %d %s, reason %q, request %q", c.path, c.body, a.Status, a.Body, reason, request)
		}
		seen = append(seen, request)
	}
	if a := p.Call("GET", fmt.Sprintf("/api/v1/api_token/%s", ids[1]), nil, backendtest.Bearer(manager)); a.Text(t, "details", "revoked_reason") != "gone" {
		t.Errorf("%s", a.Body)
	}
	bulk := call("bulk", backendtest.Details(map[string]any{"action": "suspend", "ids": ids[4:], "reason": "cleaning up"}), id("proxy-1.A_b"))
	if reason, request := last(ids[4]); bulk.Status != http.StatusOK || reason != "cleaning up" || request != "proxy-1.A_b" || bulk.Header.Get("X-Request-Id") != request {
		t.Errorf("%d %s, reason %q, request %q", bulk.Status, bulk.Body, reason, request)
	}
	for _, wrong := range []string{strings.Repeat("x", 65), "a b", "a\"b", "ä"} {
		if a := call("bulk", backendtest.Details(map[string]any{"action": "suspend", "ids": ids, "dry_run": true}), id(wrong)); a.Header.Get("X-Request-Id") == wrong || a.Header.Get("X-Request-Id") == "" {
			t.Errorf("%q became %q", wrong, a.Header.Get("X-Request-Id"))
		}
	}
	for _, c := range []struct {
		path string
		body map[string]any
	}{
		{"bulk", map[string]any{"action": "activate", "ids": ids[4:], "reason": "why not"}},
		{"bulk", map[string]any{"action": "suspend", "ids": ids[4:], "reason": strings.Repeat("x", 501)}},
		{ids[0].(string) + "/revoke", map[string]any{"reason": "two\nlines"}},
	} {
		if a := call(c.path, backendtest.Details(c.body)); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, `"reason"`) {
			t.Errorf("%s %v: %d %s", c.path, c.body, a.Status, a.Body)
		}
	}
	stranger := backendtest.Start(t)
	if a := stranger.Call("GET", "/api/v1/session", nil, id("chosen")); a.Header.Get("X-Request-Id") == "chosen" || a.Header.Get("X-Request-Id") == "" {
		t.Errorf("without a trusted proxy the id is %q", a.Header.Get("X-Request-Id"))
	}
	for _, chain := range []string{"", actor.AccountID.String()} {
		if _, err := p.Audit.Verify(t.Context(), chain, nil); err != nil {
			t.Error(err)
		}
	}
	p.Recorded(audit.APITokenRevoked, 2)
}

func TestAnAddressInAFilterIsAnyAddressInAnySpelling(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t, backendtest.Trusting(t, "127.0.0.0/8"))
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, address := range []string{"2001:db8::a", "192.0.2.1"} {
		p.Call("POST", "/api/v1/agent", backendtest.Details(map[string]any{"name": address}), backendtest.Bearer(secret), backendtest.Header{Name: "X-Forwarded-For", Value: address})
	}
	for address, found := range map[string]bool{
		"2001:db8::a": true, "2001:DB8:0::000A": true, "2001:db8::a%eth0": true, "192.0.2.1": true, "::ffff:192.0.2.1": true, " 192.0.2.1 ": true, "::FFFF:c000:201": true,
		"192.0.2.2": false, "": true, "\x00": false, "192.0.2.1\x00": false, "\xff": false, "a\u202e": false, "localhost": false, "192.0.2.0/24": false,
	} {
		for _, path := range []string{"/api/v1/audit_event", "/api/v1/audit_event/export"} {
			a := p.Call("GET", path+"?action=agent.created&address="+url.QueryEscape(address), nil, backendtest.Bearer(secret))
			if strings.Contains(a.Body, "agent.created") != found || a.Status != http.StatusOK && a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s, %q: %d %s", path, address, a.Status, a.Body)
			}
		}
	}
}

func TestAnExportHasTheEventsOfTheListAndTheirHashes(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	made, reader := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Role: token.Read})
	for range 130 { // more than are read at once
		p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	}
	lines := func(query string) (events []map[string]string) {
		a := p.Call("GET", "/api/v1/audit_event/export?"+query, nil, backendtest.Bearer(reader))
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/x-ndjson" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
			t.Fatalf("%d %v %.200s", a.Status, a.Header, a.Body)
		}
		for line := range strings.Lines(a.Body) {
			var event map[string]string
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(line, err)
			}
			events = append(events, event)
		}
		return events
	}
	all := lines("")
	var printed strings.Builder
	if err := p.Audit.Export(t.Context(), actor.AccountID.String(), 0, &printed); err != nil {
		t.Fatal(err)
	}
	want := slices.Collect(strings.Lines(printed.String()))
	if len(all) != len(want) || len(all) < 131 {
		t.Fatalf("%d events, want %d", len(all), len(want))
	}
	for _, event := range all {
		line, err := json.Marshal(event)
		if err != nil || !slices.Contains(want, string(line)+"\n") {
			t.Fatalf("%s is not a line of the command line's export", line)
		}
	}
	if of := lines("action=api_token.created&subject=" + made.ID.String()); len(of) != 1 || of[0]["subject_id"] != made.ID.String() {
		t.Errorf("%v", of)
	}
	wantStatus(t, "the request", p.Call("GET", "/api/v1/audit_event/export?action=nonsense", nil, backendtest.Bearer(reader)), http.StatusUnprocessableEntity)
	// Each export has given its place back.
	for range 5 {
		lines("subject=" + made.ID.String())
	}
}
