package main

import (
	"fmt"
	"regexp"
	"slices"
)

// The paths of the doors that are measured.
const (
	pathValidate   = "/api/v1/validate"
	pathPing       = "/api/v1/ping"
	pathIntrospect = "/oauth/introspect"
	// pathApplication is what clients of the proxy ask the application behind it.
	pathApplication = "/"
)

// The servers, by name.
const (
	ours           = "Tokentab"
	bare           = "Bare Fiber"
	checking       = "nginx with the check"
	checkingSocket = "nginx with the check over a socket"
	plain          = "nginx without the check"
	pocketBase     = "PocketBase"
	betterAuth     = "Better Auth"
)

// row is one line of the table: a server, and what it is asked.
type row struct {
	server  string
	asked   string // what the server is asked, in words
	traffic traffic
	refused float64 // the share of requests that has to be refused

	against string   // name of the row to compare with; empty for none
	needs   []string // names of rows that have to run before this one
	beside  *traffic // what else the server is asked meanwhile

	least, most float64 // what throughput has to be at the least, and p99 at the most, times those of against; 0 for any
}

func (r row) name() string { return r.server + ", " + r.asked }

// rows is all that is measured, in order. Each row stands near the one that it is compared with, which is sent the very
// same requests wherever both understand them.
func rows(stored int) []row {
	cached := min(stored, cacheTokens)
	validate, ping, introspection := get(pathValidate), get(pathPing), introspect(stored)
	hotTokens := fmt.Sprintf("%s tokens of %s", thousands(hotTokens), thousands(stored))
	uniform := "uniform over " + thousands(cached) + " cached"
	firstSight := row{server: ours, asked: "first sight of a token", traffic: validate.inOrder(cached)}
	all := []row{
		firstSight,
		{server: bare, asked: "one token", traffic: validate.only(0)},
		{server: ours, asked: "one token", traffic: validate.only(0), against: bare + ", one token"},
		{server: bare, asked: hotTokens, traffic: validate.only(hot(stored)...)},
		{server: ours, asked: hotTokens, traffic: validate.only(hot(stored)...), against: bare + ", " + hotTokens, least: 0.90, most: 1.5},
		{server: ours, asked: "half bad", traffic: validate.only(halfBad(stored)...), refused: 0.5, against: bare + ", " + hotTokens, least: 0.85},
		{server: bare, asked: uniform, traffic: validate.uniformOver(cached)},
		{server: ours, asked: uniform, traffic: validate.uniformOver(cached), against: bare + ", " + uniform, needs: []string{firstSight.name()}, least: 0.75},
		{server: ours, asked: "half bad and never the same", traffic: validate.withFreshBad(1000), refused: 0.5, against: bare + ", " + uniform},
		{server: bare, asked: "ping", traffic: ping.only(0)},
		{server: ours, asked: "ping", traffic: ping.only(0), against: bare + ", ping"},
		{server: bare, asked: "introspect", traffic: introspection.only(0)},
		{server: ours, asked: "introspect", traffic: introspection.only(0), against: bare + ", introspect"},
	}
	application := get(pathApplication).only(hot(stored)...)
	all = append(all,
		row{server: plain, asked: "an application", traffic: application},
		row{server: checking, asked: "an application", traffic: application, against: plain + ", an application", least: 0.55},
		row{server: checkingSocket, asked: "an application", traffic: application, against: plain + ", an application", least: 0.55},
		row{server: pocketBase, asked: "auth-refresh", traffic: peerTraffic[pocketBase], against: bare + ", one token"},
		row{server: betterAuth, asked: "verifyApiKey", traffic: peerTraffic[betterAuth], against: bare + ", one token"},
	)
	if stored > cached {
		everywhere := validate.uniformOver(stored)
		all = append(all,
			row{server: ours, asked: "uniform over " + thousands(stored) + " stored", traffic: everywhere, against: bare + ", " + uniform, needs: []string{firstSight.name()}},
			row{server: ours, asked: hotTokens + ", beside uniform ones", traffic: validate.only(hot(stored)...), beside: &everywhere, against: bare + ", " + hotTokens},
		)
	}
	return all
}

// selected are the rows whose names match, with those that they are compared with and those that they need.
func selected(all []row, pattern *regexp.Regexp) []row {
	wanted := map[string]bool{}
	for _, r := range all {
		if pattern.MatchString(r.name()) {
			for _, name := range append(r.needs, r.name(), r.against) {
				wanted[name] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(r row) bool { return !wanted[r.name()] })
}

// thousands writes a number as people do.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
