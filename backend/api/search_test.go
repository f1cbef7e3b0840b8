package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentab/backend/agent"
	"tokentab/backend/backendtest"
	"tokentab/backend/people"
)

func TestAgentsAreSearchedByWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner, rival := p.Found(), p.Rival()
	register := func(order agent.Order) agent.Agent {
		p.Clock.Move(time.Second)
		return p.Register(owner, order)
	}
	invoices := register(agent.Order{Name: "Rechnungsprüfer", Description: "Checks invoices\nand 100 % of the receipts"})
	register(agent.Order{Name: "mailer", ExternalIdentifier: "svc/Mail_2"})
	register(agent.Order{Name: "plain"})
	gone := register(agent.Order{Name: "mailer of old"})
	if _, _, err := p.Agents.Delete(t.Context(), owner, gone.ID, false); err != nil {
		t.Fatal(err)
	}
	theirs := p.Register(rival, agent.Order{Name: "mailer of others"})
	id := invoices.ID.String()
	searches(t, p, "/api/v1/agent", map[string][]string{
		"search=MAIL": {"mailer"}, "search=" + url.QueryEscape("prÜfer"): {"Rechnungsprüfer"}, "search=" + url.QueryEscape("pru\u0308f"): {"Rechnungsprüfer"},
		"search=" + url.QueryEscape("100 %"): {"Rechnungsprüfer"}, "search=%25": {"Rechnungsprüfer"}, "search=l_2": {"mailer"}, "search=svc": {"mailer"},
		"search=" + id: {"Rechnungsprüfer"}, "search=" + id[20:]: {"Rechnungsprüfer"}, "search=" + url.QueryEscape("…"+id[24:]): {"Rechnungsprüfer"}, "search=" + id[len(id)-5:]: nil,
		"search=" + theirs.ID.String(): nil, "search=nothing": nil, "search=%00": nil, "search=%ff": nil,
		"search=": {"plain", "mailer", "Rechnungsprüfer"}, "search=" + url.QueryEscape(" … "): {"plain", "mailer", "Rechnungsprüfer"},
		"search=e&sorting=name": {"Rechnungsprüfer", "mailer"}, "search=e&sorting=-status": {"mailer", "Rechnungsprüfer"},
		"search=a&pagination[page_size]=1&pagination[offset]=1": {"mailer"},
	})
}

func TestMembersAreSearchedByWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	owner, rival := p.Found(), p.Rival()
	p.Join(rival, "grace@others.example")
	for _, email := range []string{"grace@example.com", "linus@xn--bcher-kva.example"} {
		p.Clock.Move(time.Second)
		p.Join(owner, email)
	}
	p.Exec("UPDATE admin_users SET name = 'Grace Hopper', job_title = 'Rear admiral' WHERE email = 'grace@example.com'")
	p.Exec("UPDATE admin_users SET name = 'Ada' WHERE email = ?", backendtest.Email)
	p.Exec("UPDATE admin_users SET name = 'Linus' WHERE email LIKE 'linus%'")
	left := p.JoinAs(owner, "grace@left.example", people.RoleViewer)
	if _, _, err := p.People.RemoveMember(t.Context(), owner, left.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	searches(t, p, "/api/v1/admin_user", map[string][]string{
		"search=GRACE": {"Grace Hopper"}, "search=admiral": {"Grace Hopper"}, "search=" + url.QueryEscape("bücher.ex"): {"Linus"}, "search=" + owner.AdminUserID.String(): {"Ada"},
		"search=others": nil, "search=" + url.QueryEscape("hopper rear"): nil, "search=.example&sorting=email": {"Linus"}, "search=": {"Linus", "Grace Hopper", "Ada"},
	})
}

// searches checks the names that queries of a list find, in order, and their number.
func searches(t *testing.T, p *backendtest.Program, path string, queries map[string][]string) {
	t.Helper()
	headers := session(t, p, backendtest.Email)
	for query, want := range queries {
		a := p.Call(http.MethodGet, path+"?"+query, nil, headers...)
		a.Must(t, http.StatusOK)
		var names []string
		list, _ := a.Get(t, "summaries").([]any)
		for _, item := range list {
			name, _ := item.(map[string]any)["name"].(string)
			names = append(names, name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", query, names, want)
		}
		if got := a.Get(t, "pagination", "item_count"); !strings.Contains(query, "page_size") && got != float64(len(want)) {
			t.Errorf("%s: %v items, want %d", query, got, len(want))
		}
	}
	p.Call(http.MethodGet, path+"?search="+strings.Repeat("%C3%BC", 200), nil, headers...).Must(t, http.StatusOK)
	p.Call(http.MethodGet, path+"?search="+strings.Repeat("a", 201), nil, headers...).Must(t, http.StatusUnprocessableEntity)
	p.Call(http.MethodGet, path+"?search=a&sorting=nothing", nil, headers...).Must(t, http.StatusUnprocessableEntity)
}
