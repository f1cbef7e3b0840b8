package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

func TestGeneratedIdsAreOfTheAccountsPartition(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for body, want := range map[string]int{`{"count":3}`: 3, `{}`: 1, `{"count":1000,"account_id":"` + actor.AccountID.String() + `"}`: 1000} {
		a := p.Call(http.MethodPost, "/api/v1/pfid/generate", body, backendtest.Bearer(manager))
		list, _ := a.Get(t, "details", "pfids").([]any)
		if len(list) != want {
			t.Fatalf("%s: %d %s", body, a.Status, a.Body)
		}
		for _, text := range list {
			if id, err := pfid.Parse(text.(string)); err != nil || id.Partition() != actor.AccountID.Partition() {
				t.Errorf("%v: %v", text, err)
			}
		}
	}
	for body, want := range map[string]int{`{"count":0}`: 422, `{"count":1001}`: 422, `{"count":"many"}`: 422, `{"count":1,"account_id":"01m844psex6cc97gbnyq390gb01cg3qs"}`: 404, `{`: 400} {
		wantStatus(t, body, p.Call(http.MethodPost, "/api/v1/pfid/generate", body, backendtest.Bearer(manager)), want)
	}
}

func TestARepeatedKeyReplaysTheFirstAnswer(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	post := func(body string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(manager))
	}
	count := func() any {
		return p.Call(http.MethodGet, "/api/v1/agent", nil, backendtest.Bearer(manager)).Get(t, "pagination", "item_count")
	}
	first := post(`{"details":{"name":"bot"},"idempotency_key":"key-0001"}`)
	p.Clock.Move(time.Hour)
	again := post(`{"details":{"name":"bot"},"idempotency_key":"key-0001"}`)
	if again.Status != http.StatusOK || again.Text(t, "details", "id") != first.Text(t, "details", "id") || count() != 1.0 {
		t.Errorf("first %s\nagain %d %s", first.Body, again.Status, again.Body)
	}
	inside := post(`{"details":{"name":"inside","idempotency_key":"key-0002"}}`)
	if again := post(`{"details":{"name":"inside","idempotency_key":"key-0002"}}`); again.Text(t, "details", "id") != inside.Text(t, "details", "id") {
		t.Errorf("a key inside details: %s", again.Body)
	}
	if other := post(`{"details":{"name":"other"},"idempotency_key":"key-0001"}`); other.Status != http.StatusConflict || other.Text(t, "code") != "idempotency_key_already_used" {
		t.Errorf("another body: %d %s", other.Status, other.Body)
	}
	wantStatus(t, "another path", p.Call(http.MethodPost, "/api/v1/environment", `{"details":{"name":"bot"},"idempotency_key":"key-0001"}`, backendtest.Bearer(manager)), http.StatusConflict)
	for _, key := range []string{`""`, `"` + strings.Repeat("k", 65) + `"`, `7`} {
		if a := post(`{"details":{"name":"bot"},"idempotency_key":` + key + `}`); a.Status != http.StatusUnprocessableEntity || a.Get(t, "errors", "idempotency_key") == nil {
			t.Errorf("key %s: %d %s", key, a.Status, a.Body)
		}
	}
	p.Clock.Move(24 * time.Hour)
	wantStatus(t, "a key is kept for longer than a day", post(`{"details":{"name":"other"},"idempotency_key":"key-0001"}`), http.StatusOK)
}

func TestAFailedRequestMayBeRepeatedWithItsKey(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"name":""},"idempotency_key":"key-0001"}`
	for range 2 {
		wantStatus(t, "the request", p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(manager)), http.StatusUnprocessableEntity)
	}
}

func TestManyRequestsWithOneKeyDoTheWorkOnce(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	var mu sync.Mutex
	ids := map[string]bool{}
	var wait sync.WaitGroup
	for range 12 {
		wait.Go(func() {
			a := p.Call(http.MethodPost, "/api/v1/agent", `{"details":{"name":"bot"},"idempotency_key":"key-0001"}`, backendtest.Bearer(manager))
			mu.Lock()
			defer mu.Unlock()
			ids[a.Text(t, "details", "id")] = true
		})
	}
	wait.Wait()
	if len(ids) != 1 {
		t.Errorf("%d agents: %v", len(ids), ids)
	}
}

func TestAReplayDoesNotShowTheSecretAgain(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"token_scope":"account"},"idempotency_key":"key-0001"}`
	first := p.Call(http.MethodPost, "/api/v1/api_token", body, backendtest.Bearer(manager))
	again := p.Call(http.MethodPost, "/api/v1/api_token", body, backendtest.Bearer(manager))
	if first.Text(t, "token") == "" || again.Get(t, "token") != nil || again.Text(t, "details", "id") != first.Text(t, "details", "id") {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}
}

func TestKeysOfOneAccountMeanNothingToAnother(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, ours := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	_, theirs := p.Issue(p.Rival(), token.Order{Scope: token.ScopeAccount})
	body := `{"details":{"name":"bot"},"idempotency_key":"key-0001"}`
	a, b := p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(ours)), p.Call(http.MethodPost, "/api/v1/agent", body, backendtest.Bearer(theirs))
	if a.Text(t, "details", "id") == b.Text(t, "details", "id") {
		t.Errorf("%s\n%s", a.Body, b.Body)
	}
}

func TestBulkRunsItemsOfBothShapesInOrderUntilOneFails(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	bulk := func(body string) backendtest.Answer {
		return p.Call(http.MethodPost, "/api/v1/bulk", body, backendtest.Bearer(manager))
	}
	a := bulk(`{"items":[
		{"_type":"agents/create","idempotency_key":"make-a-bot","name":"bot"},
		{"_type":"agents/list","idempotency_key":"list-bots","pagination":{"page_size":1}},
		{"_type":"agents/show","idempotency_key":"show-nobody","agent_id":"01m844psex6cc97gbnyq390gb01cg3qs"},
		{"_type":"agents/list","idempotency_key":"never-run"}]}`)
	if a.Status != http.StatusOK || a.Text(t, "outputs", "make-a-bot", "details", "name") != "bot" || a.Get(t, "outputs", "list-bots", "pagination", "item_count") != 1.0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a.Text(t, "outputs", "show-nobody", "status") != "error" || a.Text(t, "outputs", "show-nobody", "code") != "not_found" || a.Get(t, "outputs", "never-run") != nil {
		t.Errorf("%s", a.Body)
	}
	again := bulk(`{"items":[{"_type":"agents/create","idempotency_key":"make-a-bot","name":"bot"}]}`)
	if again.Text(t, "outputs", "make-a-bot", "details", "id") != a.Text(t, "outputs", "make-a-bot", "details", "id") {
		t.Errorf("a repeated item did the work again: %s", again.Body)
	}
	long := strings.Repeat("k", 128)
	if b := bulk(`{"items":[{"_type":"environments/create","idempotency_key":"` + long + `","details":{"name":"QA"}}]}`); b.Text(t, "outputs", long, "details", "name") != "QA" {
		t.Errorf("%s", b.Body)
	}
	b := bulk(`{"items":[{"method":"get","path":"/api/v1/account"},{"method":"POST","path":"/agent","body":{"details":{"name":"two"}}},{"method":"GET","path":"agent?sorting=name"},{"method":"DELETE","path":"/api_token/x"},{"method":"GET","path":"/agent"}]}`)
	items, _ := b.Get(t, "details", "items").([]any)
	if len(items) != 4 || items[3].(map[string]any)["status"] != 404.0 || items[1].(map[string]any)["body"].(map[string]any)["status"] != "success" {
		t.Errorf("%s", b.Body)
	}
}

func TestBulkLetsNobodyDoMoreThanSingleRequestsDo(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, _, lesser := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	body := `{"items":[{"method":"GET","path":"/agent"}]}`
	if a := p.Call(http.MethodPost, "/api/v1/bulk", body, backendtest.Bearer(lesser)); a.Status != http.StatusOK || strings.Count(a.Body, `"not_permitted"`) != 1 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	registered := `{"items":[{"_type":"agent_instances/register","idempotency_key":"long-enough","agent_version":{"external_identifier":"1"}}]}`
	a := p.Call(http.MethodPost, "/api/v1/bulk", registered, backendtest.Bearer(lesser))
	instance, _ := a.Get(t, "outputs", "long-enough", "details", "id").(string)
	finished := `{"items":[{"_type":"agent_instances/finish","idempotency_key":"long-enough-2","id":"` + instance + `","status":"failed"}]}`
	if a := p.Call(http.MethodPost, "/api/v1/bulk", finished, backendtest.Bearer(lesser)); a.Get(t, "outputs", "long-enough-2", "details", "status") != "failed" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	for _, item := range []string{
		`{"method":"GET","path":"/session"}`, `{"method":"POST","path":"/setup"}`, `{"method":"POST","path":"/bulk"}`, `{"method":"GET","path":"/agent/../session"}`,
		`{"method":"GET","path":"/agent/%2e%2e/session"}`, `{"_type":"planets/list","idempotency_key":"long-enough"}`, `{"_type":"sessions/list","idempotency_key":"long-enough"}`,
	} {
		a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+item+`,{"method":"GET","path":"/agent"}]}`, backendtest.Bearer(manager))
		if a.Status != http.StatusOK || strings.Count(a.Body, `"not_implemented"`) != 1 || !strings.Contains(a.Body, "does not serve") || strings.Contains(a.Body, `"summaries"`) {
			t.Errorf("%s: %d %s", item, a.Status, a.Body)
		}
	}
	for _, item := range []string{
		`{"method":"TRACE","path":"/agent"}`, `{"path":"/agent"}`, `{"method":"GET","path":"/agent","body":[]}`,
		`{}`, `{"_type":"agents/list"}`, `{"_type":"agents/list","idempotency_key":"short"}`,
	} {
		wantStatus(t, item, p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+item+`]}`, backendtest.Bearer(manager)), http.StatusUnprocessableEntity)
	}
	for _, body := range []string{`{"items":[]}`, `{}`, `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"method":"GET","path":"/agent"},`, 101), ",") + `]}`} {
		wantStatus(t, "no item, or too many", p.Call(http.MethodPost, "/api/v1/bulk", body, backendtest.Bearer(manager)), http.StatusUnprocessableEntity)
	}
}

func TestTheAPIPageIsServedFromTheProgramAlone(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	a := p.Call(http.MethodGet, "/docs", nil)
	if a.Status != http.StatusOK || !strings.Contains(a.Body, "/api/v1/api_token/{id}/suspend") || strings.Contains(a.Body, "<script") || strings.Contains(a.Body, "style=") {
		t.Errorf("%d %.500s", a.Status, a.Body)
	}
	for _, link := range []string{`href="http`, `src="`} {
		if strings.Contains(a.Body, link) {
			t.Errorf("the page holds %s", link)
		}
	}
	// The OAuth metadata links to this page as documentation.
	for _, path := range []string{"/oauth/introspect", "/oauth/introspect/batch", "/oauth/revoke", "/status-lists", "/status-lists/{number}"} {
		if !strings.Contains(a.Body, "<code>"+path+"</code>") {
			t.Errorf("the page does not say what %s is", path)
		}
	}
	if a := p.Call(http.MethodGet, "/docs.css", nil); a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}
