package backend_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// scrape reads the metrics with Prometheus' own parser.
func scrape(t *testing.T, p *backendtest.Program) map[string]*dto.MetricFamily {
	t.Helper()
	a := p.Call(http.MethodGet, "/metrics", nil)
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %s: %s", a.Status, a.Header.Get("Content-Type"), a.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// sample returns the value of a metric with all these labels, as name=value; the number of durations for a histogram.
func sample(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		var found []string
		for _, l := range m.GetLabel() {
			found = append(found, l.GetName()+"="+l.GetValue())
		}
		if slices.Sort(found); !slices.Equal(found, slices.Sorted(slices.Values(labels))) {
			continue
		}
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	t.Errorf("there is no %s %v", name, labels)
	return -1
}

var documentedMetric = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\|(.*?)\\| ")
var documentedLabel = regexp.MustCompile("`(\\w+)`(?: \\(([^)]*)\\))?")

func TestEveryMetricIsDocumentedAndWellNamed(t *testing.T) {
	pgtest.OnSQLite(t, "Postgres has fewer sizes")
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Call(http.MethodGet, "/api/v1/account", nil, backendtest.Bearer(secret))
	if _, err := p.BackUp(t.Context(), backend.BackupOrder{Path: filepath.Join(t.TempDir(), "backup"), Progress: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	families := scrape(t, p)
	text, err := os.ReadFile(filepath.Join("..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{"tokentab_tls_certificate_expiry_seconds": true, "tokentab_tls_certificate_lifetime_seconds": true, "tokentab_audit_log_pending": true, "tokentab_audit_log_failures_total": true} // without these settings there are none
	for _, row := range documentedMetric.FindAllStringSubmatch(string(text), -1) {
		name, kind, labels := row[1], row[2], map[string]string{}
		for _, l := range documentedLabel.FindAllStringSubmatch(row[3], -1) {
			labels[l[1]] = l[2]
		}
		family := families[name]
		if family == nil && !documented[name] {
			t.Errorf("docs/metrics.md describes %s, which is not there", name)
			continue
		}
		documented[name] = true
		if family != nil && strings.ToLower(family.GetType().String()) != kind {
			t.Errorf("docs/metrics.md calls %s a %s, and it is a %s", name, kind, family.GetType())
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				values, ok := labels[l.GetName()]
				if !ok || values != "" && !strings.Contains(values, "`"+l.GetValue()+"`") {
					t.Errorf("docs/metrics.md lacks %s of %s", l, name)
				}
			}
			if len(m.GetLabel()) != len(labels) {
				t.Errorf("%s has the labels %v, and docs/metrics.md says %v", name, m.GetLabel(), labels)
			}
		}
	}
	var all []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if strings.HasPrefix(name, "tokentab_") {
			all = append(all, families[name])
			if !documented[name] {
				t.Errorf("docs/metrics.md lacks %s", name)
			}
		}
	}
	if len(all) < 25 {
		t.Errorf("only %d metrics", len(all))
	}
	problems, err := promlint.NewWithMetricFamilies(all).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestMetricsCountWhatHappens(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(10 * 24 * time.Hour)})
	revoked, dead := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	p.Revoke(actor, revoked.ID)
	times := func(n int, path string, headers ...backendtest.Header) {
		for range n {
			p.Call(http.MethodGet, path, nil, headers...)
		}
	}
	times(20, "/api/v1/validate", backendtest.Bearer(secret))
	times(3, "/api/v1/validate/below", backendtest.Bearer(dead))
	times(2, "/api/v1/validate", backendtest.Bearer("made up"))
	times(4, "/api/v1/validate?scope=environment", backendtest.Bearer(secret))
	times(5, "/api/v1/validate")
	times(6, "/api/v1/ping", backendtest.Bearer(secret))
	times(7, "/api/v1/account", backendtest.Bearer(secret))
	times(1, "/api/v1/account/"+strings.Repeat("0", 32), backendtest.Bearer(secret))
	p.PostForm("/oauth/introspect", "token="+dead, backendtest.Bearer(secret))
	p.PostForm("/oauth/introspect", "token="+dead+"&client_id=another", backendtest.Bearer(secret))
	p.PostForm("/oauth/revoke", "token="+dead)
	p.PostForm("/oauth/revoke", "token=unknown")
	p.PostForm("/oauth/revoke", "nothing=")
	for _, password := range []string{"wrong", "wrong", backendtest.Password} {
		p.Call(http.MethodPost, "/api/v1/session", backendtest.Details(map[string]any{"email": backendtest.Email, "password": password}))
	}
	p.Clock.Move(2 * time.Minute)
	got := scrape(t, p)
	for _, want := range []struct {
		n      float64
		name   string
		labels []string
	}{
		{20, "tokentab_validations_total", []string{"endpoint=validate", "verdict=valid"}},
		{3, "tokentab_validations_total", []string{"endpoint=validate", "verdict=revoked"}},
		{2, "tokentab_validations_total", []string{"endpoint=validate", "verdict=unknown"}},
		{4, "tokentab_validations_total", []string{"endpoint=validate", "verdict=insufficient"}},
		{5, "tokentab_validations_total", []string{"endpoint=validate", "verdict=missing"}},
		{6, "tokentab_validations_total", []string{"endpoint=ping", "verdict=valid"}},
		{8, "tokentab_validations_total", []string{"endpoint=api", "verdict=valid"}},
		{1, "tokentab_validations_total", []string{"endpoint=introspect", "verdict=revoked"}},
		{1, "tokentab_validations_total", []string{"endpoint=introspect_client", "verdict=valid"}},
		{1, "tokentab_validations_total", []string{"endpoint=introspect_client", "verdict=unknown"}},
		{2, "tokentab_oauth_revocations_total", []string{"result=done"}},
		{4, "tokentab_cache_misses_total", nil},
		{7, "tokentab_http_requests_total", []string{"method=GET", "route=/api/v1/account", "status=2xx"}},
		{1, "tokentab_http_requests_total", []string{"method=GET", "route=/api/v1/account/:id", "status=4xx"}},
		{2, "tokentab_http_requests_total", []string{"method=POST", "route=/api/v1/session", "status=4xx"}},
		{7, "tokentab_http_request_duration_seconds", []string{"method=GET", "route=/api/v1/account"}},
		{1, "tokentab_sign_ins_total", []string{"result=accepted"}},
		{2, "tokentab_sign_ins_total", []string{"result=wrong"}},
		{2, "tokentab_tokens", []string{"state=active"}},
		{1, "tokentab_tokens", []string{"state=revoked"}},
		{1, "tokentab_tokens_expiring", nil},
		{10*24*3600 - 120, "tokentab_token_next_expiry_seconds", nil},
		{1, "tokentab_store_ready", nil},
		{0, "tokentab_store_failures_total", []string{"operation=change"}},
	} {
		if n := sample(t, got, want.name, want.labels...); n != want.n {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, n, want.n)
		}
	}
	if hits := sample(t, got, "tokentab_cache_hits_total"); hits < 40 || hits > 48 { // a sender is looked at before the body, and after it
		t.Errorf("%v hits", hits)
	}
	if timed := sample(t, got, "tokentab_validation_duration_seconds"); timed == 0 {
		t.Errorf("%v validations were timed", timed)
	}
}

func TestMetricsNameNoAccountUserOrToken(t *testing.T) {
	p := backendtest.Start(t)
	actor, rival := p.Found(), p.Rival()
	made, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount, Name: "Reader"})
	p.Call(http.MethodGet, "/api/v1/account/"+actor.AccountID.String(), nil, backendtest.Bearer(secret))
	p.Call(http.MethodGet, "/no/such/page/"+secret, nil)
	p.Call(http.MethodGet, "/api/v1/nothing/"+made.ID.String(), nil, backendtest.Bearer(secret))
	body := p.Call(http.MethodGet, "/metrics", nil).Body
	for _, private := range []string{actor.AccountID.String(), rival.AccountID.String(), actor.AdminUserID.String(), made.ID.String(), secret, "Reader", "Acme", backendtest.Email, "/no/such", "nothing"} {
		if strings.Contains(body, private) {
			t.Errorf("the metrics hold %s", private)
		}
	}
	if !strings.Contains(body, `route="page"`) {
		t.Error(fmt.Sprint("requests without a route do not count: ", body))
	}
}

func TestTheMetricsOfTokensAgreeWithThePage(t *testing.T) {
	p := backendtest.Start(t)
	actor := p.Found()
	issue := func(days int) (token.Listed, string) {
		return p.Issue(actor, token.Order{Scope: token.ScopeAccount, ExpiresAt: p.Clock.Now().Add(time.Duration(days) * 24 * time.Hour)})
	}
	issue(60)  // has expired by then
	issue(100) // expires soon
	issue(300) // unused
	_, used := issue(300)
	gone, _ := issue(300)
	paused, _ := issue(300) // unused too
	p.Clock.Move(92 * 24 * time.Hour)
	issue(300) // new
	p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(used))
	p.Revoke(actor, gone.ID)
	p.Suspend(actor, paused.ID)
	if err := p.Tokens.FlushUses(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	page, err := p.Tokens.Summarize(t.Context(), actor.AccountID, token.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	census, err := p.Tokens.Census(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (token.Summary{Total: 7, Active: 4, Suspended: 1, Expired: 1, Revoked: 1, Expiring: 1, Unused: 3}); page != want || census.Summary != want {
		t.Errorf("the page has %+v, the metrics %+v, want %+v", page, census.Summary, want)
	}
	if left := census.NextExpiry.Sub(p.Clock.Now()); left != 8*24*time.Hour {
		t.Errorf("the next token expires in %s", left)
	}
}
