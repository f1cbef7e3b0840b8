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

	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// access says whom a route lets in. The zero access lets nobody in.
type access uint8

const (
	nobody   access = iota
	open            // strangers; the route table has few of them
	holder          // whoever holds a good token, and signed-in admin users
	manager         // account tokens and signed-in admin users
	signedIn        // signed-in admin users only
)

// caller is who asks: a signed-in admin user, the holder of a token, or on open routes possibly nobody.
type caller struct {
	audit.Actor
	UserAgent string
	// Session is set for a signed-in admin user, with the id that its cookie has.
	Session   *account.Session
	SessionID account.SessionID
	// Standing is set for the holder of a token.
	Standing *token.Standing
	request  *fiber.Ctx
}

// id is the id of the admin user or the API token that asks.
func (c *caller) id() pfid.ID {
	if c.Session != nil {
		return c.AdminUserID
	}
	return c.APITokenID
}

// mayManage reports whether the caller has the rights of the whole account.
func (c *caller) mayManage() bool {
	return c.Session != nil || c.Standing != nil && c.Standing.Scope == token.ScopeAccount
}

type callerKey struct{}

// admit lets a request pass if the access allows its credential, and hands on who asks.
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
	known := c.Session != nil || c.Standing != nil
	switch {
	case a == open:
		return nil
	case a == nobody || !known:
		return fault.New(fault.NotAuthenticated, "Send an API token as a bearer token, or sign in.")
	case a == signedIn && c.Session == nil:
		return fault.New(fault.NotPermitted, "Only signed-in admin users may do this, not API tokens.")
	case a == manager && !c.mayManage():
		return fault.New(fault.NotPermitted, "Only account tokens may do this; this token has the scope %s.", c.Standing.Scope)
	}
	return nil
}

// authenticate finds out who asks: the bearer token decides where there is one, else the session. A bad token is never
// made up for by a session.
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
			s.tokenRefused(c.Context(), []byte(c.Route().Path), verdict.Reason, verdict.Standing)
			return nil, fault.New(fault.BadAuthToken, "%s", badTokenMessages[verdict.Reason])
		}
		who.Standing = &verdict.Standing
		who.AccountID, who.APITokenID = verdict.Standing.AccountID, verdict.Standing.TokenID
		return who, nil
	}
	id, former := s.sessionCookie(c), ""
	if id == "" {
		former = s.formerCookie(c)
		id = account.SessionID(c.Cookies(former))
	}
	if id == "" {
		return who, nil
	}
	use := s.Accounts.Session
	if !isUnsafe(c.Method()) && c.Get(headerBackground) != "" {
		use = s.Accounts.Glance
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
	who.AccountID, who.AdminUserID = session.Account.ID, session.AdminUser.ID
	return who, nil
}

// headerBackground marks a request that the page made on its own and no person asked for. It keeps no session alive.
const headerBackground = "X-Tokentab-Background"

func isUnsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// refuseForeignOrigin refuses what another site makes a browser send: Sec-Fetch-Site decides, else Origin, which
// browsers send with every unsafe request. Where proof is demanded, the absence of both is a refusal too.
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

// Cookies. Under https their names get a prefix that makes browsers insist on Secure, on the path / and on no domain
// (RFC 6265bis, 4.1.3.2).
const (
	sessionCookie = "tokentab_session"
	browserCookie = "tokentab_browser" // tells a browser that has signed in before from strangers
	securePrefix  = "__Host-"
)

// cookieName is the full name of a cookie. It names the installation, since browsers send the cookies of a host to all of
// its ports.
func (s *Server) cookieName(c *fiber.Ctx, name string) string {
	name += "_" + s.Installation
	if s.isHTTPS(c) {
		return securePrefix + name
	}
	return name
}

// formerCookie is the name of the session's cookie in versions whose cookies did not name the installation. A session
// that a browser still has under it is moved to the present name; that of another installation is left alone.
func (s *Server) formerCookie(c *fiber.Ctx) string {
	return strings.TrimSuffix(s.cookieName(c, sessionCookie), "_"+s.Installation)
}

func (s *Server) sessionCookie(c *fiber.Ctx) account.SessionID {
	return account.SessionID(c.Cookies(s.cookieName(c, sessionCookie)))
}

// setSessionCookie gives the session to the browser, or takes it away where the id is empty.
func (s *Server) setSessionCookie(c *fiber.Ctx, id account.SessionID) {
	s.setCookie(c, sessionCookie, string(id), account.AbsoluteEnd)
}

// setCookie gives a value to the browser, or takes it away if it is empty.
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

// add registers a route: whom it lets in, what it reads, and the intent. Errors of the intent become envelopes.
func add[I, O any](s *Server, a access, method, path, summary string, intent func(context.Context, *caller, *I) (*O, error)) {
	operation := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, Tags: []string{strings.Split(path, "/")[1]},
		Middlewares: huma.Middlewares{s.admit(a)}, DefaultStatus: http.StatusOK, MaxBodyBytes: -1,
	} // without Errors, Huma describes every failure once, as the default response
	if a != open {
		operation.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	if isUnsafe(method) {
		operation.Middlewares = append(operation.Middlewares, s.receive(a))
	}
	operation.Middlewares = append(operation.Middlewares, s.refuseForeignAccounts, s.refuseUnknown) // which look into the body
	// What a session alone may do is not repeated by clients, and its bodies hold passwords, of which no hash is kept.
	if a != open && a != signedIn && isUnsafe(method) && path != bulkRoute { // each item of a bulk has a key of its own
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

// own refuses an account that is not the caller's as if it did not exist. The empty text stands for the caller's own.
func (c *caller) own(accountID string) error {
	if accountID == "" {
		return nil
	}
	if id, err := pfid.Parse(accountID); err != nil || id != c.AccountID {
		return fault.New(fault.NotFound, "There is no such account.")
	}
	return nil
}

// refuseForeignAccounts lets a request pass that names no account but the caller's own.
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

// ownsWhatItNames refuses a request whose account_id, in the query, the body or its details, is not the caller's own
// account. It holds for every route, also for those that do not read one.
func (c *caller) ownsWhatItNames() error {
	for _, named := range c.request.Request().URI().QueryArgs().PeekMulti("account_id") {
		if err := c.own(string(named)); err != nil {
			return err
		}
	}
	if c.request.Request().IsBodyStream() { // no one reads it, see receive
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
		return nil // for others to complain about
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
