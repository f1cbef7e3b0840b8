package api_test

import (
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func TestAPathThatIsNotServedSaysSoAndNamesItself(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor, made, deployed := p.Deployed()
	_, manager := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	id := made.AgentID.String()
	for call, shown := range map[string]string{
		"GET /api/v1/risk_profile":                        "GET /api/v1/risk_profile.",
		"GET /api/v1/alerts/count":                        "GET /api/v1/alerts/count.",
		"PUT /api/v1/agent/" + id + "/risk/profile/x":     "PUT /api/v1/agent/{id}/risk/….",
		"DELETE /api/v1/agent/" + id + "/pause":           "DELETE /api/v1/agent/{id}/pause.",
		"POST /api/v1/nothing?not=found":                  "POST /api/v1/nothing.",
		"POST /api/v1/not_found":                          "POST /api/v1/….",
		"POST /api/v1/Not%20Found":                        "POST /api/v1/….",
		"GET /api/v1/not/FOUND":                           "GET /api/v1/not/….",
		"GET /api/v1/x/" + manager:                        "GET /api/v1/x/….",
		"GET /api/v1/%22%3Cscript%3E":                     "GET /api/v1/….",
		"PATCH /api/v1/" + strings.Repeat("a", 41) + "/b": "PATCH /api/v1/…/b.",
		"GET /api/v1":                                     "GET /api/v1.",
		"GET /api/v1/ping/x":                              "GET /api/v1/ping/x.",
		"GET /api/v1/ping/":                               "GET /api/v1/ping/.",
		"GET /api/v1//ping":                               "GET /api/v1//ping.",
	} {
		method, path, _ := strings.Cut(call, " ")
		for who, headers := range map[string][]backendtest.Header{
			"a stranger": nil, "an account token": {backendtest.Bearer(manager)}, "a deployment token": {backendtest.Bearer(deployed)},
		} {
			a := p.Call(method, path, nil, headers...)
			refused(t, call+" by "+who, a, http.StatusNotFound, "not_implemented", "")
			if message := a.Text(t, "message"); !strings.Contains(message, "does not serve "+shown) {
				t.Errorf("%s by %s: %s", call, who, message)
			}
			if body := strings.ReplaceAll(strings.ToLower(a.Body), "_", " "); strings.Contains(body, "not found") {
				t.Errorf("%s by %s is answered like a missing resource: %s", call, who, a.Body)
			}
		}
		refused(t, call+" with a bad token", p.Call(method, path, nil, backendtest.Bearer("nonsense")), http.StatusUnauthorized, "bad_authtoken", "")
	}
	for _, path := range []string{"/api", "/api/v10/agent", "/api/v1x", "/api/v2/agent"} {
		refused(t, path, p.Call(http.MethodGet, path, nil, backendtest.Bearer(manager)), http.StatusNotFound, "not_found", "")
	}
	refused(t, "a wrong method with a bad token", p.Call(http.MethodPut, "/api/v1/agent", nil, backendtest.Bearer("nonsense")), http.StatusUnauthorized, "bad_authtoken", "")
	refused(t, "a missing resource", p.Call(http.MethodGet, "/api/v1/agent/"+missing, nil, backendtest.Bearer(manager)), http.StatusNotFound, "not_found", "")
	p.Call(http.MethodPost, "/api/v1/api_token/"+made.ID.String()+"/suspend", nil, backendtest.Bearer(manager))
	a := p.Call(http.MethodPost, "/api/v1/alerts", nil, backendtest.Bearer(deployed))
	refused(t, "a suspended token", a, http.StatusUnauthorized, "bad_authtoken", "")
	if message := a.Text(t, "message"); !strings.Contains(message, "suspended") {
		t.Errorf("no reason in %q", message)
	}
}

func TestABulkItemThatIsNotServedSaysSo(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for item, shown := range map[string]string{
		`{"method":"get","path":"/risk_profile?x=1"}`:                                        "GET /api/v1/risk_profile in",
		`{"method":"GET","path":"/api/v1/alerts/count"}`:                                     "GET /api/v1/alerts/count in",
		`{"method":"POST","path":"/agent/x/pause"}`:                                          "POST /api/v1/agent/x/pause.",
		`{"method":"GET","path":"/not_found"}`:                                               "GET /api/v1/… in",
		`{"_type":"risk_profiles/list","idempotency_key":"12345678"}`:                        "the type risk_profiles/list in",
		`{"_type":"agents/not_found","idempotency_key":"12345678","id":"x"}`:                 "POST /api/v1/agent/x/….",
		`{"_type":"agents/pause","idempotency_key":"12345678","agent_id":"` + missing + `"}`: "POST /api/v1/agent/{id}/pause.",
		`{"_type":"Not Found","idempotency_key":"12345678","id":"` + missing + `"}`:          "the type …/… in",
	} {
		a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[`+item+`]}`, backendtest.Bearer(manager))
		if a.Status != http.StatusOK || !strings.Contains(a.Body, `"not_implemented"`) || !strings.Contains(a.Body, "does not serve "+shown) || strings.Contains(strings.ToLower(a.Body), "not found") || strings.Contains(a.Body, "not_found") {
			t.Errorf("%s: %d %s", item, a.Status, a.Body)
		}
	}
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"GET","path":"/agent/`+missing+`"}]}`, backendtest.Bearer(manager))
	if !strings.Contains(a.Body, `"not_found"`) {
		t.Errorf("a missing resource: %s", a.Body)
	}
}
