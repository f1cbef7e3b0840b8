package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/request"
	"tokentab/backend/token"
)

// caller is the sender of a request: a signed-in admin user or the holder of a token. On open routes it may be neither.
type caller struct {
	audit.Actor
	UserAgent string
	// Session is set for signed-in admin users, with the id from their cookie.
	Session   *people.Session
	SessionID people.SessionID
	// State is the token's state, set if the caller sent a token.
	State   *token.State
	request *fiber.Ctx
	body    *sentBody // set by sent
	work    activity.Work
	// isRepeated says that the change was made by an earlier request with the same idempotency key.
	isRepeated bool
}

// id returns the id of the caller's admin user or API token.
func (c *caller) id() pfid.ID {
	if c.Session != nil {
		return c.AdminUserID
	}
	return c.APITokenID
}

// isAdmin reports whether the caller is a signed-in admin user with all rights.
func (c *caller) isAdmin() bool {
	return c.Session != nil && c.Session.AdminUser.Role == people.RoleAdmin
}

// mayChange reports whether the role of the caller lets it change what is not its own. The scope of a token is another
// matter.
func (c *caller) mayChange() bool {
	return c.isAdmin() || c.State != nil && (c.State.Scope != token.ScopeAccount || c.State.Role == token.Manage)
}

// mayManage reports whether the management API is for the caller: an account token or a signed-in admin user.
func (c *caller) mayManage() bool {
	return c.Session != nil || c.State != nil && c.State.Scope == token.ScopeAccount
}

type callerKey struct{}

// authenticate returns the caller. A bearer token takes precedence over a session: an invalid token is refused even if
// the request also has a valid session.
func (s *Service) authenticate(c *fiber.Ctx) (*caller, error) {
	who := &caller{request: c, UserAgent: c.Get(fiber.HeaderUserAgent)}
	who.Address, who.RequestID = s.Source.Address(c.Context()), request.ID(c.Context())
	state, secret, err := s.Credentials.Holder(c.UserContext(), c.Context(), c.Route().Path)
	if err != nil {
		return nil, err
	}
	if state != nil {
		who.State = state
		who.AccountID, who.APITokenID, who.Secret = state.AccountID, state.TokenID, secret
		return who, nil
	}
	id, former := s.sessionCookie(c), ""
	if id == "" {
		former = s.formerCookie(c)
		id = people.SessionID(cookieOf(&c.Request().Header, former))
	}
	if id == "" {
		return who, nil
	}
	use := s.People.Session
	if !isUnsafe(c.Method()) && (c.Get(headerBackground) != "" || c.Route().Path == apiRoot+changesRoute) {
		use = s.People.Glance
	}
	if _, err := s.Tokens.Arrive(c.UserContext()); err != nil { // a copy that is cut off or outdated serves no one
		return nil, err
	}
	session, ok, err := use(c.UserContext(), id)
	if err != nil || !ok {
		return who, err
	}
	if shown := c.Get(headerUser); shown != "" && shown != session.AdminUser.ID.String() {
		return who, nil // the session of the user on the page is gone
	}
	who.AccountID, who.AdminUserID = session.AdminUser.AccountID, session.AdminUser.ID
	if isUnsafe(c.Method()) {
		if err := s.refuseForeignOrigin(c, true); err != nil {
			return who, err
		}
	}
	if former != "" {
		s.setSessionCookie(c, id)
		s.setCookieNamed(c, former, "", 0)
	}
	who.Session, who.SessionID = &session, id
	return who, nil
}

// IsStranger reports whether the headers of a request below apiRoot lack a credential that is accepted now, and its route is
// not open. Such a request is refused whatever its body holds. It does not count as a use.
func (s *Service) IsStranger(ctx context.Context, h *fasthttp.RequestHeader, path []byte) bool {
	rest, ok := bytes.CutPrefix(path, []byte(apiRoot+"/"))
	if !ok || slices.Contains(s.open, string(bytes.TrimRight(rest, "/"))) {
		return false
	}
	if len(h.PeekAll(fiber.HeaderAuthorization)) > 0 {
		return s.Credentials.IsRefused(ctx, h)
	}
	for _, name := range []string{sessionCookie + "_" + s.Installation, sessionCookie} {
		for _, prefix := range []string{"", securePrefix} {
			id := cookieOf(h, prefix+name)
			if len(id) == 0 {
				continue
			}
			if _, ok, err := s.People.Glance(ctx, people.SessionID(id)); ok || err != nil {
				return false
			}
		}
	}
	return true
}

// headerBackground marks requests that the page sends on a timer. They don't extend the session.
const headerBackground = "X-Tokentab-Background"

// headerUser is the id of the admin user whom the page shows. If another one has signed in with the same browser since, the
// page must neither change nor mix in what is theirs.
const headerUser = "X-Tokentab-User"

func isUnsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// refuseForeignOrigin refuses requests that another site made a browser send. Sec-Fetch-Site decides; without it
// Origin, which browsers send with every unsafe request. With demanded, a request without either is refused too.
func (s *Service) refuseForeignOrigin(c *fiber.Ctx, demanded bool) error {
	switch site, origin := c.Get("Sec-Fetch-Site"), c.Get(fiber.HeaderOrigin); {
	case site == "same-origin":
		return nil
	case site != "":
	case origin == "" && !demanded, origin != "" && s.Source.IsOwnOrigin(c.Context(), origin):
		return nil
	}
	return fault.New(fault.NotPermitted, "This request did not come from the page of this server. Use the page at %s.", s.Source.URL(c.Context()))
}

// own returns fault.NotFound for an account other than the caller's, as if it did not exist. The empty text is the
// caller's own account.
func (c *caller) own(accountID string) error {
	if accountID == "" {
		return nil
	}
	if id, err := pfid.Parse(accountID); err != nil || id != c.AccountID {
		return fault.New(fault.NotFound, "There is no such account.")
	}
	return nil
}

// ownsWhatItNames checks the account_id in the query, the body and its details, on every route, including routes that
// don't read the field.
func (c *caller) ownsWhatItNames() error {
	for _, named := range c.request.Request().URI().QueryArgs().PeekMulti("account_id") {
		if err := c.own(string(named)); err != nil {
			return err
		}
	}
	if c.request.Request().IsBodyStream() { // not read, see receive
		return nil
	}
	body := c.sent()
	for _, members := range []map[string]json.RawMessage{body.top, body.details} {
		for name, value := range members {
			if !strings.EqualFold(name, "account_id") { // as routes decode it
				continue
			}
			var text *string
			if json.Unmarshal(value, &text) != nil {
				return fault.Field("account_id", "must be an id: 32 lower-case characters")
			}
			if err := c.own(optionalText(text)); err != nil {
				return err
			}
		}
	}
	return nil
}
