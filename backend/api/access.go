package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/request"
	"tokentab/backend/unit"
)

// access is who may call a route. The zero value is no one. Safe methods (RFC 9110, section 9.2.1) are for every role. All
// others need the role admin or manage, except on routes whose access says otherwise.
type access uint8

const (
	noAccess access = iota
	open            // anyone, without a credential
	itself          // holders of an active token of any role for the token in the path, and managers for any
	manager         // account tokens and signed-in admin users
	signedIn        // signed-in admin users only
	personal        // signed-in admin users of any role: the route changes only what is their own
	runtime         // holders of any active token, and signed-in admin users; see caller.scope
	bundle          // as runtime, for any role: each item passes the checks of its own route
)

// admit passes on requests whose credential the access allows, with the caller in their context.
func (s *Service) admit(a access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		who, err := s.authenticate(humafiber.Unwrap(ctx))
		if err == nil {
			err = who.check(a, ctx.Method(), ctx.Param("id"))
		}
		if err == nil && a == open && isUnsafe(ctx.Method()) {
			if err = s.refuseForeignOrigin(who.request, false); err == nil {
				// A copy that can't see what others have changed must sign no one in.
				_, err = s.Tokens.Arrive(who.request.UserContext())
			}
		}
		if err != nil {
			s.requestRefused(humafiber.Unwrap(ctx), who, err)
			s.answerHuma(ctx, err)
			return
		}
		ctx = huma.WithValue(ctx, callerKey{}, who)
		if !isUnsafe(ctx.Method()) {
			reading, done := request.WhileConnected(ctx.Context(), who.request.Context())
			defer done()
			ctx = huma.WithContext(ctx, reading)
		}
		next(ctx)
	}
}

// check returns the error of a caller whom the access does not allow to use the method. id is that in the path.
func (c *caller) check(a access, method, id string) error {
	known := c.Session != nil || c.State != nil
	switch {
	case a == open || a == bundle && known || a == itself && c.State != nil && id == c.APITokenID.String():
		return nil
	case a == noAccess || !known:
		return fault.New(fault.NotAuthenticated, "Send an API token as a bearer token, or sign in.")
	case (a == signedIn || a == personal) && c.Session == nil:
		return fault.New(fault.NotPermitted, "Only signed-in admin users may do this, not API tokens.")
	case a == itself && !c.mayManage():
		return fault.New(fault.NotPermitted, "This token may do this only to itself.")
	case a == manager && !c.mayManage():
		return fault.New(fault.NotPermitted, "Only account tokens may do this; this token has the scope %s.", c.State.Scope)
	case a == personal || !isUnsafe(method) || c.mayChange():
		return nil
	case c.Session != nil:
		return people.ErrViewer
	}
	return fault.New(fault.NotPermitted, "This API token may only read: its role is read.")
}

// receive reads the body of an admitted request. Reading after admission keeps callers without a credential from making
// the server hold large bodies.
func (s *Service) receive(a access, path string) func(huma.Context, func(huma.Context)) {
	limit := request.MaxBody
	if a == open {
		limit = request.MaxStrangerBody
	}
	large := largeBodyOf([]byte(apiRoot + path))
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humafiber.Unwrap(ctx)
		// A small compressed body could decompress to any size.
		if packed := c.Get(fiber.HeaderContentEncoding); packed != "" && packed != "identity" {
			s.answerHuma(ctx, fault.New(fault.BadRequest, "Send the body uncompressed: Content-Encoding is not supported."))
			return
		}
		var err error
		if large != nil {
			hold := s.spanBodies.Share()
			defer hold.Release()
			if err = large.read(c.Context(), hold); err == nil && large.isEchoed {
				who, _ := ctx.Context().Value(callerKey{}).(*caller)
				err = who.reserve(len(c.Request().Body()))
			}
		} else {
			err = request.ReadBody(c.Context(), limit, nil)
		}
		if err == nil {
			err = checkReadable(c.Request().Body(), a)
		}
		// A body may take half a minute, and the caller may have lost its rights meanwhile.
		if who, _ := ctx.Context().Value(callerKey{}).(*caller); err == nil && a != open {
			err = s.stillMay(ctx, who, a)
		}
		if err != nil {
			who, _ := ctx.Context().Value(callerKey{}).(*caller)
			s.reportRefused(c, who, err)
			s.answerHuma(ctx, err)
			return
		}
		if who, _ := ctx.Context().Value(callerKey{}).(*caller); large == largeSpan || a == bundle {
			who.work.Begin() // until the response is encoded
			defer who.work.Rest()
		}
		header := &c.Request().Header
		kind, _, _ := bytes.Cut(header.ContentType(), []byte(";"))
		header.SetContentTypeBytes(bytes.ToLower(bytes.TrimSpace(kind))) // Huma compares bytes
		next(ctx)
	}
}

// stillMay is check for a caller that was admitted a while ago. It fails like admit if the credential has ended.
func (s *Service) stillMay(ctx huma.Context, who *caller, a access) error {
	if who.State != nil { // whose role never changes
		return s.Credentials.StillHeld(ctx.Context(), &who.request.Request().Header)
	}
	session, ok, err := s.People.Glance(ctx.Context(), who.SessionID)
	if err != nil {
		return err
	}
	if who.Session = nil; ok {
		who.Session = &session
	}
	return who.check(a, ctx.Method(), ctx.Param("id"))
}

// add registers a route with its access, its input and its handler. Errors of the handler become error envelopes.
func add[I, O any](s *Service, a access, method, path, summary string, intent func(context.Context, *caller, *I) (*O, error)) {
	operation := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, Tags: []string{strings.Split(path, "/")[1]},
		Middlewares: huma.Middlewares{s.admit(a)}, DefaultStatus: http.StatusOK, MaxBodyBytes: -1,
	} // without Errors, Huma documents all failures as one default response
	if a != open {
		operation.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	} else if isUnsafe(method) {
		s.open = append(s.open, path[1:])
	}
	if isUnsafe(method) {
		operation.Middlewares = append(operation.Middlewares, s.receive(a, path))
	}
	operation.Middlewares = append(operation.Middlewares, s.refuseForeignAccounts, s.refuseUnknown) // both read the body
	if path == tokenBulkRoute {
		operation.Middlewares = append(operation.Middlewares, s.prepareTokens)
	}
	own, _ := any(new(I)).(ownBody)
	// Session-only routes take no idempotency keys: clients don't retry them, and storing a hash of their bodies would
	// store a hash of a password.
	switch {
	case !isUnsafe(method) || a == bundle || own != nil: // each item of a bulk request has its own key, see bulk.Read
	case a == open || a == signedIn || a == personal:
		operation.Middlewares = append(operation.Middlewares, s.takeNoKey)
	case slices.Contains(repeatable, path):
		operation.Middlewares = append(operation.Middlewares, s.checkKey)
	case path == qualityRoute:
		operation.Middlewares = append(operation.Middlewares, s.onceThenNow)
	default:
		operation.Middlewares = append(operation.Middlewares, s.idempotent)
	}
	if a == signedIn || a == personal {
		operation.Security = operation.Security[1:]
	}
	if a == runtime || a == bundle {
		operation.Metadata = map[string]any{acceptsUnknown: true}
	}
	huma.Register(s.huma, operation, func(ctx context.Context, in *I) (*O, error) {
		who, _ := ctx.Value(callerKey{}).(*caller)
		out, err := intent(ctx, who, in)
		if err != nil {
			s.requestRefused(who.request, who, err)
			return nil, answer.Error(ctx, s.Log, err)
		}
		if a == runtime && isUnsafe(method) {
			unit.After(ctx, func(kept bool) {
				if kept {
					s.Live.Report(who.AccountID)
				}
			})
		}
		return out, nil
	})
	if own != nil {
		s.describeBody(path, own)
	}
}

// refuseForeignAccounts refuses requests that name an account other than the caller's.
func (s *Service) refuseForeignAccounts(ctx huma.Context, next func(huma.Context)) {
	if who, _ := ctx.Context().Value(callerKey{}).(*caller); !who.AccountID.IsZero() {
		if err := who.ownsWhatItNames(); err != nil {
			s.requestRefused(who.request, who, err)
			s.answerHuma(ctx, err)
			return
		}
	}
	next(ctx)
}
