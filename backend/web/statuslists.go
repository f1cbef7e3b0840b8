package web

import (
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"
)

// statusLists names all status lists (draft-ietf-oauth-status-list-20, section 9.3).
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

// statusList is what offline verifiers ask for instead of asking about each token (section 8.1). It is a JWT whatever
// the request accepts: there is no other form.
func (s *Server) statusList(c *fiber.Ctx) error {
	number, err := strconv.Atoi(c.Params("number"))
	if err != nil || number < 1 || c.Path() != "/status-lists/"+strconv.Itoa(number) {
		return fiber.ErrNotFound // a list has one address
	}
	// How a list was at another time is not kept. Who asks for it must not take this one for the answer (section 8.4).
	if c.Context().QueryArgs().Has("time") {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Status(http.StatusNotImplemented).JSON(&errorBody{
			Status: "error", Code: "not_implemented", Message: "This server knows only what holds now: leave out time.",
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

// publish lets pages of every origin read the answer. Caches may keep it, but have to ask whether it still holds: a
// change is in it at once.
func publish(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
}
