package web

import (
	"github.com/valyala/fasthttp"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// headerNeed carries a need in the syntax of the query, for gateways to whose query clients may add.
const headerNeed = "X-Token-Need"

// unmet is the need that no token meets.
var unmet = token.Need{Scopes: []token.Scope{0}}

// needsOf reads what a gateway's configuration demands: the query, and each line of X-Token-Need. They have to be met
// all, so whatever a client adds to one of them can demand more and never less.
func needsOf(c *fasthttp.RequestCtx) (needs []token.Need) {
	if query := c.QueryArgs(); query.Len() > 0 {
		need, _ := needOf(query) // what else an application's client asks for is none of ours
		needs = append(needs, need)
	}
	for _, line := range c.Request.Header.PeekAll(headerNeed) {
		var demands fasthttp.Args
		demands.ParseBytes(line)
		need, plain := needOf(&demands)
		if !plain {
			need = unmet
		}
		needs = append(needs, need)
	}
	return needs
}

// needOf reads one set of demands. A value that names nothing is kept as one that nothing meets, so that a mistake in a
// configuration refuses rather than admits. The set is plain if it demands something, and nothing unknown.
func needOf(demands *fasthttp.Args) (need token.Need, plain bool) {
	plain = demands.Len() > 0
	for key, value := range demands.All() {
		switch string(key) {
		case "account_id":
			id, _ := pfid.Parse(string(value))
			need.Accounts = append(need.Accounts, id)
		case "scope":
			scope, _ := token.ParseScope(string(value))
			need.Scopes = append(need.Scopes, scope)
		case "environment_id":
			id, _ := pfid.Parse(string(value))
			need.Environments = append(need.Environments, id)
		case "agent_id":
			id, _ := pfid.Parse(string(value))
			need.Agents = append(need.Agents, id)
		default:
			plain = false
		}
	}
	return need, plain
}
