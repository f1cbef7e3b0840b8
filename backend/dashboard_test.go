package backend_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// selector is a metric with the matchers of its labels, as a query has it.
var selector = regexp.MustCompile(`\b((?:tokentab|process|go)_\w+|up)\b(?:\{([^}]*)\})?`)

var (
	matcher  = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without) ?\(([^)]*)\)`)
	inLegend = regexp.MustCompile(`\{\{ ?(?:\$labels\.)?(\w+) ?\}\}`)
)

// added are the labels that Prometheus adds, and le, which histograms have.
var added = map[string]bool{"instance": true, "job": true, "le": true}

// TestTheDashboardAndTheAlertsNameOnlyMetricsThatExist holds each query and legend against a scrape of the program: its
// metrics, their labels, and the values that it selects.
func TestTheDashboardAndTheAlertsNameOnlyMetricsThatExist(t *testing.T) {
	pgtest.OnSQLite(t, "Postgres has fewer sizes")
	p := backendtest.Start(t)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	p.Call("GET", "/api/v1/account", nil, backendtest.Bearer(secret))
	if _, err := p.BackUp(t.Context(), backend.BackupOrder{Path: filepath.Join(t.TempDir(), "backup"), Progress: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	labels := map[string]map[string]map[string]bool{"up": {}, "tokentab_tls_certificate_expiry_seconds": {}, "tokentab_tls_certificate_lifetime_seconds": {}} // the values of each label
	for name, family := range scrape(t, p) {
		values := map[string]map[string]bool{}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if values[l.GetName()] == nil {
					values[l.GetName()] = map[string]bool{}
				}
				values[l.GetName()][l.GetValue()] = true
			}
		}
		labels[name] = values
		if family.GetType().String() == "HISTOGRAM" {
			delete(labels, name)
			labels[name+"_bucket"], labels[name+"_sum"], labels[name+"_count"] = values, values, values
		}
	}
	check := func(where, query, legend string) {
		t.Helper()
		found := selector.FindAllStringSubmatch(query, -1)
		if len(found) == 0 {
			t.Errorf("%s: %q names no metric", where, query)
		}
		known := map[string]bool{}
		for _, s := range found {
			values, ok := labels[s[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", where, s[1])
				continue
			}
			for name := range values {
				known[name] = true
			}
			matchers := matcher.FindAllStringSubmatch(s[2], -1)
			if rest := strings.Trim(matcher.ReplaceAllString(s[2], ""), ", "); rest != "" {
				t.Errorf("%s: can't read %q of %s", where, rest, s[1])
			}
			for _, m := range matchers {
				if added[m[1]] {
					continue
				}
				if values[m[1]] == nil || m[2] == "=" && !values[m[1]][m[3]] {
					t.Errorf("%s: no %s has %s", where, s[1], m[0])
				}
			}
		}
		names := []string{}
		for _, g := range grouping.FindAllStringSubmatch(query, -1) {
			names = append(names, strings.Split(g[1], ",")...)
		}
		for _, l := range inLegend.FindAllStringSubmatch(legend, -1) {
			names = append(names, l[1])
		}
		for _, name := range names {
			if name = strings.TrimSpace(name); !known[name] && !added[name] {
				t.Errorf("%s: no metric of %q has the label %s", where, query, name)
			}
		}
	}

	var dashboard struct {
		Title  string
		Panels []struct {
			Title       string
			FieldConfig struct{ Defaults struct{ Unit string } }
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	readJSON(t, "../deploy/grafana.json", &dashboard)
	for _, panel := range dashboard.Panels {
		if panel.Title == "" || panel.FieldConfig.Defaults.Unit == "" || len(panel.Targets) == 0 {
			t.Errorf("the panel %q lacks a title, a unit or a query", panel.Title)
		}
		for _, target := range panel.Targets {
			check("panel "+panel.Title, target.Expr, target.LegendFormat)
		}
	}
	if len(dashboard.Panels) < 15 {
		t.Errorf("the dashboard has only %d panels", len(dashboard.Panels))
	}

	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	text := readFile(t, "../deploy/alerts.yml")
	if err := yaml.Unmarshal(text, &alerts); err != nil {
		t.Fatal(err)
	}
	operations := string(readFile(t, "../docs/operations.md"))
	if len(alerts.Groups) != 1 || len(alerts.Groups[0].Rules) != 6 {
		t.Fatalf("the alerts are %+v", alerts)
	}
	for _, rule := range alerts.Groups[0].Rules {
		check("alert "+rule.Alert, rule.Expr, rule.Annotations["summary"])
		if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
			t.Errorf("%s lacks its severity or its summary", rule.Alert)
		}
		_, section, _ := strings.Cut(rule.Annotations["description"], "See docs/operations.md#")
		heading := "\n## " + strings.ReplaceAll(strings.TrimSuffix(section, "."), "-", " ") + "\n"
		if section == "" || !strings.Contains(strings.ToLower(operations), heading) {
			t.Errorf("docs/operations.md has no section %q, to which %s leads", section, rule.Alert)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, path), into); err != nil {
		t.Fatal(err)
	}
}
