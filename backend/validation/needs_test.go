package validation_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
)

func TestWhatAGatewayNeedsIsHeldAgainstTheToken(t *testing.T) {
	p := backendtest.Start(t)
	_, made, secret := p.Deployed()
	other, err := pfid.New(p.Clock.Now(), made.AccountID.Partition(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"":                                      http.StatusOK,
		"account_id=" + made.AccountID.String(): http.StatusOK,
		"account_id=" + other.String():          http.StatusForbidden,
		"account_id=" + other.String() + "&scope=agent_deployment": http.StatusForbidden,
		"scope=agent_deployment":                                   http.StatusOK,
		"scope=account":                                            http.StatusForbidden,
		"scope=account&scope=agent_deployment":                     http.StatusOK,
		"environment_id=" + made.EnvironmentID.String():            http.StatusOK,
		"environment_id=" + other.String():                         http.StatusForbidden,
		"environment_id=" + other.String() + "&environment_id=" + made.EnvironmentID.String():  http.StatusOK,
		"agent_id=" + made.AgentID.String() + "&environment_id=" + made.EnvironmentID.String(): http.StatusOK,
		"agent_id=" + other.String() + "&environment_id=" + made.EnvironmentID.String():        http.StatusForbidden,
		"scope=":          http.StatusForbidden,
		"scope=ACCOUNT":   http.StatusForbidden,
		"account_id=":     http.StatusForbidden,
		"environment_id=": http.StatusForbidden,
		"agent_id":        http.StatusForbidden,
		"something=else":  http.StatusOK,
	} {
		a := p.Call(http.MethodGet, "/api/v1/validate?"+query, nil, backendtest.Bearer(secret))
		a.Want(t, "?"+query, want)
		if want == http.StatusForbidden && (a.Text(t, "code") != "not_permitted" || !strings.Contains(a.Header.Get("WWW-Authenticate"), "insufficient_scope")) {
			t.Errorf("?%s: %v %s", query, a.Header, a.Body)
		}
	}
}

func TestANeedInAHeaderIsHeldAgainstTheTokenAsOneInTheQueryIs(t *testing.T) {
	p := backendtest.Start(t)
	_, made, secret := p.Deployed()
	other, err := pfid.New(p.Clock.Now(), made.AccountID.Partition(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	environment, another := "environment_id="+made.EnvironmentID.String(), "environment_id="+other.String()
	for _, c := range []struct {
		query string
		lines []string
		want  int
	}{
		{"", []string{"scope=agent_deployment"}, http.StatusOK},
		{"", []string{"scope=account&scope=environment&scope=agent_deployment"}, http.StatusOK},
		{"", []string{"scope=account"}, http.StatusForbidden},
		{"", []string{environment + "&agent_id=" + made.AgentID.String() + "&account_id=" + made.AccountID.String()}, http.StatusOK},
		{"", []string{another + "&" + environment}, http.StatusOK},
		{"", []string{another}, http.StatusForbidden},

		// Query and header are checked separately: values in one never satisfy the other.
		{"scope=agent_deployment", []string{"scope=account"}, http.StatusForbidden},
		{"scope=account", []string{"scope=agent_deployment"}, http.StatusForbidden},
		{environment, []string{another}, http.StatusForbidden},
		{another, []string{environment}, http.StatusForbidden},
		{another + "&" + environment, []string{environment}, http.StatusOK},
		{"", []string{"scope=account", "scope=agent_deployment"}, http.StatusForbidden},
		{"", []string{"scope=agent_deployment", "scope=account"}, http.StatusForbidden},
		{"", []string{"scope=agent_deployment", environment}, http.StatusOK},
		{"page=2&sort=name", []string{"scope=agent_deployment"}, http.StatusOK},

		// No token satisfies a header that can't be parsed in full.
		{"", []string{""}, http.StatusForbidden},
		{"", []string{"agent_deployment"}, http.StatusForbidden},
		{"", []string{"scope=agent_deployment&something=else"}, http.StatusForbidden},
		{"", []string{"Scope=agent_deployment"}, http.StatusForbidden},
		{"", []string{"scope=AGENT_DEPLOYMENT"}, http.StatusForbidden},
		{"", []string{"scope=account, scope=agent_deployment"}, http.StatusForbidden},
		{"", []string{"environment_id="}, http.StatusForbidden},
		{"", []string{"?scope=agent_deployment"}, http.StatusForbidden},
	} {
		headers := []backendtest.Header{backendtest.Bearer(secret)}
		for _, line := range c.lines {
			headers = append(headers, backendtest.Header{Name: "X-Token-Need", Value: line})
		}
		a := p.Call(http.MethodGet, "/api/v1/validate?"+c.query, nil, headers...)
		a.Want(t, "?"+c.query+" with "+strings.Join(c.lines, " and "), c.want)
		if c.want == http.StatusForbidden && (a.Text(t, "code") != "not_permitted" || a.Header.Get("X-Token-Id") != "") {
			t.Errorf("?%s with %q: %v %s", c.query, c.lines, a.Header, a.Body)
		}
	}
}

func TestARequirementThatIsMisspeltRefusesAndIsLoggedOnce(t *testing.T) {
	p := backendtest.Start(t)
	_, _, secret := p.Deployed()
	asks := func(query string, headers ...backendtest.Header) int {
		return p.Call(http.MethodGet, "/api/v1/validate?"+query, nil, append(headers, backendtest.Bearer(secret))...).Status
	}
	const right = "scope=agent_deployment"
	for _, key := range []string{
		"Scope", "SCOPE", "scopes", "scop", "cope", "scoep", "sc0pe", "scope[]", "scope%5B%5D", "+scope", "scope%20", "scope%3Dagent_deployment", "scope%3d", "scope%253Dx", "%2573cope", "?scope",
		"scope:agent_deployment", "amp;scope", "token_scope", "agent-id", "agentId", "AGENT_ID", "agentid", "agent_ids", "agent_idd", "agnt_id", "agent.id", "environmentid", "environment-id",
		"q%26scope", "q%26Scope", "q%26scop", "q%2526scope", "q%252526scope", "q%3Bscope", "q;scope", "q%3D1%26scope%3Dagent_deployment", "q%3Fscope", "q+scope", "q%20scope", "q%09scope",
		"q%2Cscope", "q%00scope", "q%0Ascope", "q%7Cagent_id", "q%26account_id", "q%26environment-id", "q%EF%BC%86scope", "scope.0", "scope%2E0", "scope[0][]", "scope%255B%255D",
		"filter[scope]", "filter%5Bagent_id%5D", "need.scope", "required_scope", "requiredScope", "x-agent-id", "user_account_id", "%2%35%373cope",
		"page=2;scope", "page=2%3Bscope", "page=2%26scope%3Dagent_deployment%26x", "page=2%2526scope%253Dagent_deployment%26x", "page?scope", "page=2?scope", "page=2;x=1;agent-id",
		"=scope", "=scope%20", "=agent-id", "X-Token-Need", "x_token_need", "X-Token-Needs", "xTokenNeed", "X-Token-Need=scope", "headers[X-Token-Need]",
		"environmentId", "enviroment_id", "environment_id[0]", "account-id", "acount_id", "accountId", "agent_deployment_id",
	} {
		if got := asks(right + "&" + key + "=agent_deployment"); got != http.StatusForbidden {
			t.Errorf("%s: %d", key, got)
		}
		if got := asks(key + "=agent_deployment&page=2"); got != http.StatusForbidden {
			t.Errorf("%s alone: %d", key, got)
		}
		// Envoy's client asks for it, and the gateway's requirement is in the header.
		if got := asks(key+"=agent_deployment", backendtest.Header{Name: "X-Token-Need", Value: right}); got != http.StatusOK {
			t.Errorf("%s beside a requirement in the header: %d", key, got)
		}
		if got := asks(key+"=agent_deployment", backendtest.Header{Name: "X-Token-Need", Value: "scope=account"}); got != http.StatusForbidden {
			t.Errorf("%s makes up for a requirement in the header: %d", key, got)
		}
	}
	for _, key := range []string{"page", "id", "ids", "agent", "agents", "account", "environment", "env", "sort", "copy", "scoop", "s", "q", "", "user_id", "agent_name", "telescope", "telescope_id", "id_account",
		"q=a;b", "q=scope", "q=agent_id;1", "q=%26%3D", "next=/a?b", "need", "%", "%2", "q%", "%zz", "microscopes"} {
		if got := asks(right + "&" + key + "=1"); got != http.StatusOK {
			t.Errorf("the ordinary key %q: %d", key, got)
		}
	}
	for _, path := range []string{"/scope=account", "/%3Fscope=account", "/%253fscope%253daccount", "/;scope=account", "/&agent-id=x", "/v1/scopes=account", "/x%26account_id=1?page=2"} {
		if got := p.Call(http.MethodGet, "/api/v1/validate"+path, nil, backendtest.Bearer(secret)).Status; got != http.StatusForbidden {
			t.Errorf("below, %s: %d", path, got)
		}
		p.Call(http.MethodGet, "/api/v1/validate"+path, nil, backendtest.Bearer(secret), backendtest.Header{Name: "X-Token-Need", Value: right}).Want(t, "beside a requirement in the header", http.StatusOK)
	}
	for _, path := range []string{"", "/", "/scope", "/scope/account", "/a=b/scope", "/%3Fpage=2", "/%253D%25zz", "/=", "/telescope=1"} {
		p.Call(http.MethodGet, "/api/v1/validate"+path, nil, backendtest.Bearer(secret)).Want(t, "below, "+path, http.StatusOK)
	}
	p.Call(http.MethodGet, "/api/v1/validate?Scope=account", nil, backendtest.Bearer("wrong")).Want(t, "with a wrong token", http.StatusUnauthorized)
	if n := strings.Count(p.Log.String(), "misspelt requirement"); n < 4 || n > 7 {
		t.Errorf("%d lines were logged:\n%s", n, p.Log)
	}
}

func TestARequirementInAMisspeltHeaderRefusesAndIsLoggedOnce(t *testing.T) {
	p := backendtest.Start(t)
	_, _, secret := p.Deployed()
	host := strings.TrimPrefix(p.URL, "http://")
	asks := func(path, bearer string, names ...string) string {
		lines := ""
		for _, name := range names {
			lines += name + ": scope=agent_deployment\r\n"
		}
		return p.StatusLine("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + bearer + "\r\n" + lines + "\r\n")
	}
	const path = "/api/v1/validate"
	for _, name := range []string{"X-Token-Needs", "x-token-needs", "X-Token_Need", "X_Token_Need", "x_token_needs", "X-TokenNeed", "XTokenNeed", "X-Tokens-Need", "X-Token-Nede", "X-Token-Neeed", "X-Toke-Need", "X.Token.Need", "X-Token-Need-"} {
		if got := asks(path, secret, name); !strings.Contains(got, " 403 ") {
			t.Errorf("%s: %s", name, got)
		}
		if got := asks(path, secret, name, "X-Token-Need"); !strings.Contains(got, " 403 ") {
			t.Errorf("%s beside the right one: %s", name, got)
		}
		if got := asks(path, "x", name); !strings.Contains(got, " 401 ") {
			t.Errorf("%s with an unknown token: %s", name, got)
		}
		if got := asks("/healthz", secret, name); !strings.Contains(got, " 403 ") {
			t.Errorf("%s at a wrong address: %s", name, got)
		}
	}
	for _, name := range []string{"X-Token-Need", "x-token-need", "X-TOKEN-NEED", "X-Token", "X-Token-Id", "X-Tokens", "X-Token-Name", "X-Token-Feeds", "X-Need", "X-Api-Version", "X-Forwarded-Proto", "X-Request-Id"} {
		if got := asks(path, secret, name); !strings.Contains(got, " 200 ") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if n := strings.Count(p.Log.String(), "header is nearly X-Token-Need"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

func TestAGatewayThatSendsRequirementsToPingIsRefused(t *testing.T) {
	p := backendtest.Start(t)
	_, made, secret := p.Deployed()
	for query, want := range map[string]int{
		"": http.StatusOK, "?": http.StatusOK, "?page=2": http.StatusOK, "?t=1764420000": http.StatusOK, "?scope=agent_deployment": http.StatusForbidden, "?scope=account": http.StatusForbidden,
		"?Scope=account": http.StatusForbidden, "?account_id=" + made.AccountID.String(): http.StatusForbidden, "?page=2&agent-id=x": http.StatusForbidden,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			p.Call(method, "/api/v1/ping"+query, nil, backendtest.Bearer(secret)).Want(t, method+" "+query, want)
		}
	}
}
