package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// access is who may call a route. The zero value is nobody.
type access uint8

const (
	nobody   access = iota
	open            // anyone, without a credential
	holder          // holders of an active token, and signed-in admin users
	manager         // account tokens and signed-in admin users
	signedIn        // signed-in admin users only
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
}

// id returns the id of the caller's admin user or API token.
func (c *caller) id() pfid.ID {
	if c.Session != nil {
		return c.AdminUserID
	}
	return c.APITokenID
}

// mayManage reports whether the caller has the rights of an account token.
func (c *caller) mayManage() bool {
	return c.Session != nil || c.State != nil && c.State.Scope == token.ScopeAccount
}

type callerKey struct{}

// admit passes on requests whose credential the access allows, with the caller in their context.
func (s *Server) admit(a access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		who, err := s.authenticate(humafiber.Unwrap(ctx))
		if err == nil {
			err = who.check(a)
		}
		if err == nil && a == open && isUnsafe(ctx.Method()) {
			err = s.refuseForeignOrigin(who.request, false)
		}
		if err != nil {
			s.requestRefused(humafiber.Unwrap(ctx), who, err)
			s.answerHuma(ctx, err)
			return
		}
		ctx = huma.WithValue(ctx, callerKey{}, who)
		if !isUnsafe(ctx.Method()) {
			reading, done := whileConnected(ctx.Context(), who.request.Context())
			defer done()
			ctx = huma.WithContext(ctx, reading)
		}
		next(ctx)
	}
}

func (c *caller) check(a access) error {
	known := c.Session != nil || c.State != nil
	switch {
	case a == open:
		return nil
	case a == nobody || !known:
		return fault.New(fault.NotAuthenticated, "Send an API token as a bearer token, or sign in.")
	case a == signedIn && c.Session == nil:
		return fault.New(fault.NotPermitted, "Only signed-in admin users may do this, not API tokens.")
	case a == manager && !c.mayManage():
		return fault.New(fault.NotPermitted, "Only account tokens may do this; this token has the scope %s.", c.State.Scope)
	}
	return nil
}

// authenticate returns the caller. A bearer token takes precedence over a session: an invalid token is refused even if
// the request also has a valid session.
func (s *Server) authenticate(c *fiber.Ctx) (*caller, error) {
	who := &caller{request: c, UserAgent: c.Get(fiber.HeaderUserAgent)}
	who.Address = s.address(c)
	secret, presented := bearer(&c.Request().Header, false)
	if presented {
		verdict, err := s.Tokens.Check(c.UserContext(), secret, token.Need{})
		if err != nil {
			return nil, err
		}
		if verdict.Reason != token.Good {
			s.tokenRefused(c.Context(), []byte(c.Route().Path), verdict.Reason, verdict.State)
			return nil, fault.New(fault.BadAuthToken, "%s", badTokenMessages[verdict.Reason])
		}
		who.State = &verdict.State
		who.AccountID, who.APITokenID = verdict.State.AccountID, verdict.State.TokenID
		return who, nil
	}
	id, former := s.sessionCookie(c), ""
	if id == "" {
		former = s.formerCookie(c)
		id = people.SessionID(c.Cookies(former))
	}
	if id == "" {
		return who, nil
	}
	use := s.People.Session
	if !isUnsafe(c.Method()) && c.Get(headerBackground) != "" {
		use = s.People.Glance
	}
	session, ok, err := use(c.UserContext(), id)
	if err != nil || !ok {
		return who, err
	}
	if isUnsafe(c.Method()) {
		if err := s.refuseForeignOrigin(c, true); err != nil {
			return nil, err
		}
	}
	if former != "" {
		s.setSessionCookie(c, id)
		s.setCookieNamed(c, former, "", 0)
	}
	who.Session, who.SessionID = &session, id
	who.AccountID, who.AdminUserID = session.AdminUser.AccountID, session.AdminUser.ID
	return who, nil
}

// headerBackground marks requests that the page sends on a timer. They don't extend the session.
const headerBackground = "X-Tokentab-Background"

func isUnsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// refuseForeignOrigin refuses requests that another site made a browser send. Sec-Fetch-Site decides; without it
// Origin, which browsers send with every unsafe request. With demanded, a request without either is refused too.
func (s *Server) refuseForeignOrigin(c *fiber.Ctx, demanded bool) error {
	refusal := fault.New(fault.NotPermitted, "This request did not come from the page of this server. Use the page at %s.", s.origin(c))
	if site := c.Get("Sec-Fetch-Site"); site != "" {
		if site == "same-origin" {
			return nil
		}
		return refusal
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		if demanded {
			return refusal
		}
		return nil
	}
	if origin == s.Config.PublicURL {
		return nil
	}
	u, err := url.Parse(origin)
	scheme := "http"
	if s.isHTTPS(c) {
		scheme = "https"
	}
	if err != nil || u.Host == "" || u.Host != s.host(c) || u.Scheme != scheme {
		return refusal
	}
	return nil
}

// Cookies. Over HTTPS their names get the prefix __Host-: browsers then require Secure and the path /, and allow no
// domain (RFC 6265bis, section 4.1.3.2).
const (
	sessionCookie = "tokentab_session"
	browserCookie = "tokentab_browser" // marks browsers that have signed in before
	securePrefix  = "__Host-"
)

// cookieName returns the full name of a cookie. It contains the installation's code, since browsers send a host's
// cookies to all of its ports.
func (s *Server) cookieName(c *fiber.Ctx, name string) string {
	name += "_" + s.Installation
	if s.isHTTPS(c) {
		return securePrefix + name
	}
	return name
}

// formerCookie returns the name of the session cookie before names contained the installation's code. The caller
// renames it if it belongs to this installation.
func (s *Server) formerCookie(c *fiber.Ctx) string {
	return strings.TrimSuffix(s.cookieName(c, sessionCookie), "_"+s.Installation)
}

func (s *Server) sessionCookie(c *fiber.Ctx) people.SessionID {
	return people.SessionID(c.Cookies(s.cookieName(c, sessionCookie)))
}

// setSessionCookie sets the session cookie, or deletes it if the id is empty.
func (s *Server) setSessionCookie(c *fiber.Ctx, id people.SessionID) {
	s.setCookie(c, sessionCookie, string(id), people.AbsoluteEnd)
}

// setCookie sets a cookie, or deletes it if the value is empty.
func (s *Server) setCookie(c *fiber.Ctx, name, value string, life time.Duration) {
	s.setCookieNamed(c, s.cookieName(c, name), value, life)
}

func (s *Server) setCookieNamed(c *fiber.Ctx, name, value string, life time.Duration) {
	cookie := &fiber.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: s.isHTTPS(c),
	}
	if value == "" {
		cookie.MaxAge = -1
		cookie.Expires = longAgo
	}
	c.Cookie(cookie)
}

// add registers a route with its access, its input and its handler. Errors of the handler become error envelopes.
func add[I, O any](s *Server, a access, method, path, summary string, intent func(context.Context, *caller, *I) (*O, error)) {
	operation := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, Tags: []string{strings.Split(path, "/")[1]},
		Middlewares: huma.Middlewares{s.admit(a)}, DefaultStatus: http.StatusOK, MaxBodyBytes: -1,
	} // without Errors, Huma documents all failures as one default response
	if a != open {
		operation.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	if isUnsafe(method) {
		operation.Middlewares = append(operation.Middlewares, s.receive(a))
	}
	operation.Middlewares = append(operation.Middlewares, s.refuseForeignAccounts, s.refuseUnknown) // both read the body
	// Session-only routes take no idempotency keys: clients don't retry them, and storing a hash of their bodies would
	// store a hash of a password.
	if a != open && a != signedIn && isUnsafe(method) && path != bulkRoute { // each item of a bulk request has its own key
		operation.Middlewares = append(operation.Middlewares, s.idempotent)
	}
	if a == signedIn {
		operation.Security = operation.Security[1:]
	}
	huma.Register(s.api, operation, func(ctx context.Context, in *I) (*O, error) {
		who, _ := ctx.Value(callerKey{}).(*caller)
		out, err := intent(ctx, who, in)
		if err != nil {
			s.requestRefused(who.request, who, err)
			return nil, s.envelope(ctx, err)
		}
		return out, nil
	})
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

// refuseForeignAccounts refuses requests that name an account other than the caller's.
func (s *Server) refuseForeignAccounts(ctx huma.Context, next func(huma.Context)) {
	if who, _ := ctx.Context().Value(callerKey{}).(*caller); !who.AccountID.IsZero() {
		if err := who.ownsWhatItNames(); err != nil {
			s.requestRefused(who.request, who, err)
			s.answerHuma(ctx, err)
			return
		}
	}
	next(ctx)
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
	type names struct {
		AccountID any `json:"account_id"`
	}
	var body struct {
		names
		Details json.RawMessage `json:"details"`
	}
	if json.Unmarshal(c.request.Body(), &body) != nil {
		return nil // reported when the body is decoded
	}
	var inside names
	_ = json.Unmarshal(body.Details, &inside) // likewise
	for _, named := range []any{body.AccountID, inside.AccountID} {
		text, isText := named.(string)
		if named != nil && !isText {
			return fault.Field("account_id", "must be an id: 32 lower-case characters")
		}
		if err := c.own(text); err != nil {
			return err
		}
	}
	return nil
}
