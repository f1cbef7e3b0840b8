package api_test

import (
	"net/http"
	"testing"
)

// Newer versions of the command line send the id in the query. Without these routes they would be told that the resource "show"
// does not exist.
func TestAResourceCanBeLookedUpByAnIdInTheQuery(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	environment := r.ok(r.Call(http.MethodGet, "/api/v1/agent_instance/"+r.instance, nil, r.manager)).Text(t, "details", "environment_id")
	for route, id := range map[string]string{"/api/v1/environment/show?environment_id=": environment, "/api/v1/agent_instance/show?include_costs=true&agent_instance_id=": r.instance} {
		if a := r.ok(r.Call(http.MethodGet, route+id, nil, r.manager)); a.Text(t, "details", "id") != id {
			t.Errorf("%s: %s", route, a.Body)
		}
		for other, want := range map[string]int{"": http.StatusUnprocessableEntity, "x": http.StatusUnprocessableEntity, "01m844psex6cc97gbnyq390gb01cg3qs": http.StatusNotFound} {
			r.Call(http.MethodGet, route+other, nil, r.manager).Want(t, route+other, want)
		}
	}
	r.Call(http.MethodGet, "/api/v1/agent_instance/show?agent_instance_id="+r.instance, nil, r.agent).Want(t, "the agent's own token", http.StatusOK)
}
