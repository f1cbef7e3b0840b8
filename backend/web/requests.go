package web

import (
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/metrics"
)

// routeCounts are the requests of one route.
type routeCounts struct {
	method, route string
	classes       [6]atomic.Uint64 // by the first digit of the status
	took          metrics.Histogram
}

// requestCounts counts requests by their route, not by their path: clients choose paths, and could make up any number.
// Requests that no route takes, such as those for the page, count as one route with an empty name.
type requestCounts struct {
	routes map[string]*routeCounts // by method and route; complete before the first request
	page   routeCounts
}

func (n *requestCounts) add(app *fiber.App) {
	n.routes = map[string]*routeCounts{}
	n.page.route = "page"
	for _, r := range app.GetRoutes(true) {
		n.routes[r.Method+" "+r.Path] = &routeCounts{method: r.Method, route: r.Path}
	}
}

// isItem marks a request that is an item of a bulk request, which counts as one.
var isItem = new(struct{ _ byte })

// countRequest counts and times the request. It must come first.
func (s *Server) countRequest(c *fiber.Ctx) error {
	began := time.Now()
	err := c.Next()
	if err != nil { // answer here, so that the status is known
		err = s.answerError(c, err)
	}
	if c.Context().UserValue(isItem) != nil {
		return err
	}
	of := s.requests.routes[c.Method()+" "+c.Route().Path]
	if of == nil {
		of = &s.requests.page
	}
	of.classes[min(c.Response().StatusCode()/100, 5)].Add(1)
	of.took.Since(began)
	return err
}

// EachRequest calls count with the number of requests of each route and class of status, such as 2xx, and took with the
// times of each route. It leaves out those that did not happen. Validation endpoints are not routes.
func (s *Server) EachRequest(count func(n uint64, method, route, status string), took func(h *metrics.Histogram, method, route string)) {
	each := func(of *routeCounts) {
		any := false
		for class := range of.classes {
			if n := of.classes[class].Load(); n > 0 {
				count(n, of.method, of.route, string(rune('0'+class))+"xx")
				any = true
			}
		}
		if any {
			took(&of.took, of.method, of.route)
		}
	}
	for _, of := range s.requests.routes {
		each(of)
	}
	each(&s.requests.page)
}

// Connections returns how many connections are open, and how many may be.
func (s *Server) Connections() (open, most int) {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	return len(s.conns.open.members), s.conns.limits.total
}
