package api

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// refuseNotServed answers requests that no route takes. It looks at the bearer token first: an SDK that calls nothing else
// must learn here that its token is bad.
func (s *Service) refuseNotServed(c *fiber.Ctx) error {
	err := c.Next()
	if path := c.Path(); path != apiRoot && !strings.HasPrefix(path, apiRoot+"/") {
		return err // such as /api/v10, which the router takes for a path below apiRoot
	}
	refused, ok := errors.AsType[*fiber.Error](err)
	if !ok || refused.Code != http.StatusNotFound && refused.Code != http.StatusMethodNotAllowed {
		return err
	}
	if _, _, err := s.Credentials.Holder(c.UserContext(), c.Context(), apiRoot+"/*"); err != nil {
		return err
	}
	if refused.Code == http.StatusNotFound {
		return notServed(c.Method(), c.Path())
	}
	return refused
}

// notServed returns the failure of a request for a path below apiRoot that has no route.
func notServed(method, path string) error {
	return fault.New(fault.NotImplemented, "This server does not serve %s %s. /docs lists what it serves.", method, shownPath(path))
}

// shownSegments is how many segments after apiRoot a response repeats.
const shownSegments = 3

var plainSegment = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// shownPath returns the beginning of a path with its slashes: /ping is served, /ping/ is not. It replaces ids, and whatever may be a
// secret. It never contains "found": clients that read "not found" in a 404 retry for a resource that is about to appear.
func shownPath(path string) string {
	shown := apiRoot
	for i, segment := range strings.Split(strings.TrimPrefix(path, apiRoot), "/")[1:] {
		if i == shownSegments {
			return shown + "/…"
		}
		shown += "/"
		if segment != "" {
			shown += shownSegment(segment)
		}
	}
	return shown
}

// shownType is shownPath for the type of a bulk item.
func shownType(kind string) string {
	resource, action, _ := strings.Cut(kind, "/")
	return shownSegment(resource) + "/" + shownSegment(action)
}

func shownSegment(segment string) string {
	if _, err := pfid.Parse(segment); err == nil {
		return "{id}"
	}
	if !plainSegment.MatchString(segment) || strings.Contains(strings.ToLower(segment), "found") {
		return "…"
	}
	return segment
}
