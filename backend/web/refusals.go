package web

import (
	"errors"
	"log/slog"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/token"
)

// reasonNames are the log's words for refusing an issued token.
var reasonNames = map[token.Reason]string{
	token.IsSuspended: "suspended", token.IsRevoked: "revoked", token.IsExpired: "expired", token.Insufficient: "insufficient",
}

// tokenRefused logs that an issued token was refused at this path. Unknown secrets are not logged.
func (s *Server) tokenRefused(c *fasthttp.RequestCtx, path []byte, reason token.Reason, t token.State) {
	if reason != token.Good && reason != token.Unknown {
		s.logRefusedToken(c, path, reason, t)
	}
}

func (s *Server) logRefusedToken(c *fasthttp.RequestCtx, path []byte, reason token.Reason, t token.State) {
	address := s.addressOf(c)
	var room [128]byte
	key := append(t.TokenID.Append(room[:0]), byte(reason))
	key = append(append(key, address...), path...)
	s.folded.add(slog.LevelWarn, "token refused", key, func() []slog.Attr {
		return []slog.Attr{
			slog.String("api_token", t.TokenID.String()), slog.String("reason", reasonNames[reason]), slog.String("scope", t.Scope.String()),
			slog.String("account", t.AccountID.String()), slog.String("address", logged(address)), slog.String("path", string(path)),
		}
	})
}

// requestRefused logs a 403 with the caller, the request and the reason. who is nil if the caller is unknown.
func (s *Server) requestRefused(c *fiber.Ctx, who *caller, err error) {
	if fault.KindOf(err) != fault.NotPermitted {
		return
	}
	if who == nil {
		who = &caller{}
		who.Address = s.address(c)
	}
	route, reason, origin := c.Method()+" "+c.Route().Path, err.Error(), logged(c.Get(fiber.HeaderOrigin))
	key := who.Address + "\x00" + who.id().String() + "\x00" + route + "\x00" + reason + "\x00" + origin
	s.folded.add(slog.LevelWarn, "request refused", []byte(key), func() []slog.Attr {
		attrs := []slog.Attr{slog.String("reason", reason), slog.String("route", route), slog.String("address", logged(who.Address))}
		if origin != "" {
			attrs = append(attrs, slog.String("origin", origin))
		}
		if !who.APITokenID.IsZero() {
			attrs = append(attrs, slog.String("api_token", who.APITokenID.String()))
		}
		if !who.AdminUserID.IsZero() {
			attrs = append(attrs, slog.String("admin_user", who.AdminUserID.String()))
		}
		return attrs
	})
}

// addressOf is address for requests that bypass the router.
func (s *Server) addressOf(c *fasthttp.RequestCtx) string {
	request := s.app.AcquireCtx(c)
	defer s.app.ReleaseCtx(request)
	return s.address(request)
}

// passwordRefused logs a refused password, for signing in or for changing it, and its user. It omits an email that
// belongs to no user, since people type passwords into the wrong field. Unknown emails have their own message, so that
// they can't crowd out those of users.
func (s *Server) passwordRefused(who *caller, message string, user people.AdminUser, err error) {
	reason := passwordReasons[fault.KindOf(err)]
	if isWrong(err, "current_password") {
		reason = wrongPassword
	}
	if reason == "" {
		return // the password was not checked
	}
	attrs := []slog.Attr{slog.String("email", logged(user.Email)), slog.String("admin_user", user.ID.String())}
	if user.ID.IsZero() {
		message += " for an unknown email"
		attrs = nil
	}
	key := who.Address + "\x00" + user.ID.String() + "\x00" + reason
	s.folded.add(slog.LevelWarn, message, []byte(key), func() []slog.Attr {
		return append(attrs, slog.String("address", logged(who.Address)), slog.String("reason", reason))
	})
}

const wrongPassword = "wrong password"

var passwordReasons = map[fault.Kind]string{
	fault.NotAuthenticated: wrongPassword, fault.TooManyRequests: "too many wrong tries", fault.Unavailable: "too many at once",
}

// isWrong reports whether the error is about the named field.
func isWrong(err error, field string) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Fields[field] != nil
}

// codeRefused logs a refused code of the setup link or of an invite, without the code.
func (s *Server) codeRefused(who *caller, message string) {
	s.folded.add(slog.LevelWarn, message, []byte(who.Address), func() []slog.Attr {
		return []slog.Attr{slog.String("address", logged(who.Address))}
	})
}

func (s *Server) inviteRefused(who *caller, err error) {
	if fault.KindOf(err) == fault.NotFound {
		s.codeRefused(who, "invite code refused")
	}
}

// failed logs a server-side failure, folded, since many may come at once.
func (s *Server) failed(message string, cause error, attrs ...slog.Attr) {
	text := logged(cause.Error())
	s.folded.add(slog.LevelError, message, []byte(text), func() []slog.Attr { return append(attrs, slog.Any("cause", cause)) })
}
