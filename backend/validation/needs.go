package validation

import (
	"bytes"
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/pfid"
	"tokentab/backend/text"
	"tokentab/backend/token"
)

// headerNeed carries requirements in the query's syntax, for gateways whose clients can add to the query.
const headerNeed = "X-Token-Need"

// needs are the requirements of a gateway's configuration. They are pooled, since almost every request has some.
type needs struct {
	all    []token.Need
	header fasthttp.Args
}

var needsPool = sync.Pool{New: func() any { return new(needs) }}

// read reads requirements from the query and each line of X-Token-Need. A token must satisfy all of them, so clients
// can only tighten the check.
//
// Unknown query keys belong to the application's client and are ignored, unless one contains a requirement or looks like a
// misspelt one: then no token passes, and misspelt is that requirement. So it is if the path holds one. With an X-Token-Need header,
// misspelt keys and the path are ignored too.
func (n *needs) read(c *fasthttp.RequestCtx) (all []token.Need, misspelt int) {
	n.all = n.all[:0]
	lines := c.Request.Header.PeekAll(headerNeed)
	if query := c.QueryArgs(); query.Len() > 0 {
		if need, plain := n.add(query); !plain && len(lines) == 0 {
			if misspelt = misspeltIn(query); misspelt > 0 {
				need.Scopes = append(need.Scopes[:0], 0) // no token has scope 0
			}
		}
	}
	if misspelt == 0 && len(lines) == 0 {
		if misspelt = hidden(below(c), "/&;?"); misspelt > 0 {
			n.all = append(n.all, token.Need{Scopes: []token.Scope{0}}) // no token has scope 0
		}
	}
	for _, line := range lines {
		n.header.ParseBytes(line)
		if need, plain := n.add(&n.header); !plain {
			need.Scopes = append(need.Scopes[:0], 0) // no token has scope 0
		}
	}
	return n.all, misspelt
}

// maxQueryParameters bounds the parameters of a query, as docs/settings.md says. Reading 16 KiB of short ones takes some ms and 2 MiB.
const maxQueryParameters = 1000

// RefusesQuery reports whether a query has too many parameters. That of a gateway's request may have many, since it may be from
// an application's client.
func RefusesQuery(uri *fasthttp.URI) bool {
	return hasLongQuery(uri) && !isForGateways(uri.PathOriginal())
}

func hasLongQuery(uri *fasthttp.URI) bool {
	query := uri.QueryString()
	return len(query) >= maxQueryParameters && bytes.Count(query, []byte("&")) >= maxQueryParameters
}

// unmet is a requirement that no token satisfies.
var unmet = []token.Need{{Scopes: []token.Scope{0}}}

// add reads one set of requirements. An unknown value matches no token, so a mistake in a configuration refuses rather
// than admits. plain reports that the set is not empty and has known keys only.
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

// IsNearlyNeed reports whether a header line has a name that misspells X-Token-Need: other separators, or one letter that is
// wrong, missing, extra or swapped with the next.
func IsNearlyNeed(line []byte) bool {
	end := bytes.IndexByte(line[:min(len(line), len(headerNeed)+3)], ':')
	if end < len(needLetters)-1 || bytes.EqualFold(line[:end], []byte(headerNeed)) {
		return false
	}
	return text.WithinOne(appendLetters(make([]byte, 0, len(headerNeed)+2), line[:end]), needLetters)
}

// needLetters are the letters of headerNeed.
const needLetters = "xtokenneed"

// RefuseNeed takes a misspelt X-Token-Need for an empty one, which no token satisfies.
func (e *Endpoints) RefuseNeed(c *fasthttp.RequestCtx) {
	e.warnNeed.Do(func() {
		e.Log.Warn("the name of a header is nearly X-Token-Need, so requests with it are refused; correct it in the configuration of the gateway", "gateway", c.RemoteAddr().String())
	})
	c.Request.Header.Add(headerNeed, "")
}

// refuseNeeds refuses a request whose query has requirements, at an endpoint that checks none. It returns false for others.
func (e *Endpoints) refuseNeeds(c *fasthttp.RequestCtx) bool {
	if c.QueryArgs().Len() == 0 {
		return false
	}
	needed := needsPool.Get().(*needs)
	defer needsPool.Put(needed)
	all, misspelt := needed.read(c)
	for _, need := range all {
		if misspelt > 0 || len(need.Accounts)+len(need.Scopes)+len(need.Environments)+len(need.Agents) > 0 {
			e.refuseMisdirected(c)
			return true
		}
	}
	return false
}
