package web

import (
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"
)

// statusLists returns the addresses of all status lists (draft-ietf-oauth-status-list-20, section 9.3).
func (s *Server) statusLists(c *fiber.Ctx) error {
	uris, err := s.Tokens.StatusLists(c.UserContext())
	if err != nil {
		return err
	}
	publish(c)
	return c.JSON(struct {
		StatusLists []string `json:"status_lists"`
	}{uris})
}

// statusList returns a status list for offline verifiers (section 8.1). It is a JWT whatever the request accepts, since
// there is no other form.
func (s *Server) statusList(c *fiber.Ctx) error {
	number, err := strconv.Atoi(c.Params("number"))
	if err != nil || number < 1 || c.Path() != "/status-lists/"+strconv.Itoa(number) {
		return fiber.ErrNotFound // each list has exactly one address
	}
	// Past states are not kept. A request for one must not get the present state (section 8.4).
	if c.Context().QueryArgs().Has("time") {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Status(http.StatusNotImplemented).JSON(&errorBody{
			Status: "error", Code: "not_implemented", Message: "This server keeps only the current list. Omit time.",
		})
	}
	list, err := s.Tokens.StatusList(c.UserContext(), number)
	if err != nil {
		return err
	}
	publish(c)
	f := file{contentType: "application/statuslist+jwt", digest: list.Digest, plain: list.JWT, encoded: map[string][]byte{"gzip": list.Gzip}}
	return f.send(c, true)
}

// publish lets pages of every origin read the response. Caches may store it but must revalidate, since a change is in
// it at once.
func publish(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
}
