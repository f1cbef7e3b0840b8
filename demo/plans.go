package main

import (
	"fmt"
	"time"

	"tokentab/backend/paging"
)

// everything is a page that holds all items of a short list.
var everything = paging.Page{Size: 100}

// agents are the names and descriptions of the agents.
var agents = [][2]string{
	{"Invoice reader", "Reads the invoices that come by mail"}, {"Web search", "Answers from public pages"},
	{"Support triage", "Sorts tickets and drafts replies"}, {"Price watcher", "Compares prices twice a day"},
	{"Contract summary", "Summarises contracts for the legal team"}, {"Meeting notes", "Writes down who does what until when"},
	{"Code review", "Comments on pull requests"}, {"Data import", "Cleans the files that partners send"},
	{"Translation", "Translates product texts into nine languages"}, {"Forecast", "Predicts next week's orders"},
	{"Onboarding guide", "Answers new colleagues"}, {"Night watch", "Wakes someone if a service fails"},
}

// plan is a token, and what happens to it. Times are before now, except expires.
type plan struct {
	name, agent, environment string
	by                       int // the person who made it
	age                      time.Duration
	expires                  time.Duration // after now
	perHour                  int           // validations in a busy hour
	silent                   time.Duration // without use since then
	fresh                    bool          // used minutes ago
	from                     []string      // client addresses

	suspend, revoke, rotate, overlap time.Duration
}

// plans returns sixty tokens: those that a visitor should see, then the everyday ones of each agent.
func plans() []plan {
	list := []plan{
		{name: "Terraform", by: 0, age: 180 * day, expires: 170 * day, perHour: 6, fresh: true, from: []string{"203.0.113.7"}},
		{name: "GitHub Actions", by: 1, age: 120 * day, expires: 9 * day, perHour: 40, fresh: true, from: []string{"198.51.100.14", "198.51.100.15", "198.51.100.77"}},
		{name: "Nightly build", by: 1, age: 95 * day, expires: 3 * day, perHour: 4, fresh: true, from: []string{"203.0.113.31"}},
		{name: "Backup script", by: 2, age: 150 * day, expires: 12 * day, perHour: 1, from: []string{"203.0.113.40"}},
		{name: "Old laptop", by: 4, age: 160 * day, expires: 40 * day, perHour: 3, revoke: 6 * day, from: []string{"192.0.2.61"}},
		{name: "Partner export", by: 3, age: 140 * day, expires: -2 * day, perHour: 8, fresh: true, from: []string{"198.51.100.200"}},
		{name: "Grafana", by: 0, age: 100 * day, expires: 265 * day, perHour: 12, fresh: true, rotate: 15 * hour, overlap: day, from: []string{"203.0.113.9", "203.0.113.10"}},
		{name: "Trial of the new gateway", by: 2, age: 60 * day, expires: 300 * day},
		{name: "Paused for the audit", by: 3, age: 110 * day, expires: 200 * day, perHour: 5, suspend: 4 * day, from: []string{"203.0.113.88"}},
		{name: "Postman", by: 4, age: 170 * day, expires: 30 * day, perHour: 2, silent: 20 * day, from: []string{"192.0.2.61"}},
		{name: "Staging smoke test", environment: "Staging", by: 1, age: 80 * day, expires: 90 * day, perHour: 10, from: []string{"203.0.113.31"}},
		{name: "k6", environment: "Load test", by: 1, age: 50 * day, expires: 60 * day, perHour: 150, silent: 8 * day, from: []string{"203.0.113.50"}},
		{name: "Console of the day", by: 0, age: 2 * hour, expires: 22 * hour},
	}
	environments := []string{"Production", "Staging", "Development", "Load test"}
	for i := 0; len(list) < 60; i++ {
		name := agents[i%len(agents)][0]
		p := plan{
			agent: name, environment: environments[i/len(agents)], by: i % 5, age: time.Duration(35+i*3) * day, expires: time.Duration(20+i*37%330) * day,
			perHour: []int{60, 12, 4, 1}[i/len(agents)] * (1 + i%4) / 2, fresh: i < 8, from: []string{fmt.Sprintf("10.20.%d.%d", i%4, 10+i), fmt.Sprintf("10.20.%d.%d", i%4, 11+i)},
		}
		if i%3 == 0 {
			p.name = []string{"eu-west", "us-east", "on Grace's machine", "canary"}[i/len(agents)]
		}
		switch i {
		case 14, 29:
			p.suspend = time.Duration(i) * hour
		case 20, 38:
			p.revoke = time.Duration(i) * 5 * hour
		case 17, 33, 41:
			p.silent = time.Duration(i) * day
		case 25:
			p.perHour, p.from = 0, nil
		}
		list = append(list, p)
	}
	return list
}
