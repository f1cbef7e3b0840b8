package web

import (
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// headerNeed carries a need in the syntax of the query, for gateways to whose query clients may add.
const headerNeed = "X-Token-Need"

// needs are what a gateway's configuration demands. They are used again, since almost every gateway demands something.
type needs struct {
	all    []token.Need
	header fasthttp.Args
}

var needsPool = sync.Pool{New: func() any { return new(needs) }}

// read takes the query and each line of X-Token-Need. They have to be met all, so whatever a client adds to one of them
// can demand more and never less.
//
// What else stands in the query is that of an application's client, unless it is nearly a requirement: then nothing
// meets it, and misspelt is that requirement. Beside an X-Token-Need header the query is the client's alone.
func (n *needs) read(c *fasthttp.RequestCtx) (all []token.Need, misspelt int) {
	n.all = n.all[:0]
	lines := c.Request.Header.PeekAll(headerNeed)
	if query := c.QueryArgs(); query.Len() > 0 {
		if need, plain := n.add(query); !plain && len(lines) == 0 {
			if misspelt = misspeltIn(query); misspelt > 0 {
				need.Scopes = append(need.Scopes[:0], 0) // which no token has
			}
		}
	}
	for _, line := range lines {
		n.header.ParseBytes(line)
		if need, plain := n.add(&n.header); !plain {
			need.Scopes = append(need.Scopes[:0], 0) // which no token has
		}
	}
	return n.all, misspelt
}

// add reads one set of demands. A value that names nothing is kept as one that nothing meets, so that a mistake in a
// configuration refuses rather than admits. The set is plain if it demands something, and nothing unknown.
func (n *needs) add(demands *fasthttp.Args) (need *token.Need, plain bool) {
	if len(n.all) < cap(n.all) {
		n.all = n.all[:len(n.all)+1]
	} else {
		n.all = append(n.all, token.Need{})
	}
	need = &n.all[len(n.all)-1]
	need.Accounts, need.Scopes, need.Environments, need.Agents = need.Accounts[:0], need.Scopes[:0], need.Environments[:0], need.Agents[:0]
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
