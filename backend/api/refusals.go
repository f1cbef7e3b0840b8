package api

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/people"
	"tokentab/backend/request"
)

// requestRefused logs a 403, or a refused report of an agent, with the caller, the request and the reason. who is nil if the
// caller is unknown.
func (s *Service) requestRefused(c *fiber.Ctx, who *caller, err error) {
	if fault.KindOf(err) != fault.NotPermitted {
		s.reportRefused(c, who, err)
		return
	}
	if who == nil {
		who = &caller{}
		who.Address, who.RequestID = s.Source.Address(c.Context()), request.ID(c.Context())
	}
	s.Refusals.Add(audit.Refusal{Actor: who.refused(), Action: audit.RequestRefused, Detail: refusedRequest(c, err)})
	route, reason, origin := c.Method()+" "+c.Route().Path, err.Error(), answer.Printable(c.Get(fiber.HeaderOrigin))
	key := who.Address + "\x00" + who.id().String() + "\x00" + route + "\x00" + reason + "\x00" + origin
	s.Log.Add(slog.LevelWarn, "request refused", []byte(key), func() []slog.Attr {
		attrs := []slog.Attr{slog.String("reason", reason), slog.String("route", route), slog.String("address", answer.Printable(who.Address)), slog.String("request_id", request.ID(c.Context()))}
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

// reportRefused logs why a report of an agent was refused. The official SDKs show the status alone, and most then report nothing
// more.
func (s *Service) reportRefused(c *fiber.Ctx, who *caller, err error) {
	path := c.Route().Path // of bulk for spans that are reported together
	isReport := strings.HasPrefix(path, apiRoot+"/agent_instance") || strings.HasPrefix(path, apiRoot+spanRoute) || path == apiRoot+"/bulk"
	if who == nil || who.APITokenID.IsZero() || !isReport || !isUnsafe(c.Method()) || !fault.Refused(err) {
		return
	}
	route, reason := c.Method()+" "+path, answer.Printable(complaint(err))
	s.Log.Add(slog.LevelWarn, "report refused", []byte(who.APITokenID.String()+"\x00"+route+"\x00"+reason), func() []slog.Attr {
		return []slog.Attr{slog.String("reason", reason), slog.String("route", route), slog.String("api_token", who.APITokenID.String()),
			slog.String("address", answer.Printable(who.Address)), slog.String("request_id", request.ID(c.Context()))}
	})
}

// complaint returns what is wrong with a request: with its first field, if fields are wrong.
func complaint(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(e.Fields)))
		return name + " " + strings.Join(e.Fields[name], ", ")
	}
	return err.Error()
}

// refusedRequest describes a refused request in one short sentence, without what the client can make longer.
func refusedRequest(c *fiber.Ctx, err error) string {
	why, _, _ := strings.Cut(err.Error(), ". ")
	text := c.Method() + " " + c.Route().Path + ": " + strings.TrimSuffix(why, ".")
	if origin := answer.Printable(c.Get(fiber.HeaderOrigin)); origin != "" {
		text += ", from " + origin
	}
	return text
}

// refused returns the caller as the actor of a refusal. One who is not known is a stranger.
func (c *caller) refused() audit.Actor {
	actor := c.Actor
	if actor.AdminUserID.IsZero() && actor.APITokenID.IsZero() {
		actor.Kind = audit.Stranger
	}
	return actor
}

// passwordRefused logs a refused password, for signing in or for changing it, and its user. It omits an email that
// belongs to no user, since people type passwords into the wrong field. Unknown emails have their own message, so that
// they can't crowd out those of users.
func (s *Service) passwordRefused(who *caller, message string, action audit.Action, user people.AdminUser, err error) {
	reason := passwordReasons[fault.KindOf(err)]
	if isWrong(err, "current_password") {
		reason = wrongPassword
	}
	if reason == "" {
		return // the password was not checked
	}
	actor := who.refused()
	if action == audit.SessionRefused {
		actor = audit.Actor{Kind: audit.Stranger, AccountID: user.AccountID, Address: who.Address, RequestID: who.RequestID}
	}
	detail := reason
	if user.ID.IsZero() {
		detail = "unknown email"
	}
	s.Refusals.Add(audit.Refusal{Actor: actor, Action: action, Subject: user.ID.String(), Detail: detail})
	attrs := []slog.Attr{slog.String("email", answer.Printable(user.Email)), slog.String("admin_user", user.ID.String())}
	if user.ID.IsZero() {
		message += " for an unknown email"
		attrs = nil
	}
	key := who.Address + "\x00" + user.ID.String() + "\x00" + reason
	s.Log.Add(slog.LevelWarn, message, []byte(key), func() []slog.Attr {
		return append(attrs, slog.String("address", answer.Printable(who.Address)), slog.String("reason", reason), slog.String("request_id", who.RequestID))
	})
}

const wrongPassword = "wrong password"

var passwordReasons = map[fault.Kind]string{
	fault.NotAuthenticated: wrongPassword, fault.TooManyRequests: "too many wrong attempts", fault.Unavailable: "it could not be checked",
}

// isWrong reports whether the error is about the named field.
func isWrong(err error, field string) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Fields[field] != nil
}

// codeRefused logs a refused code of the setup link or of an invite, without the code.
func (s *Service) codeRefused(who *caller, message string) {
	s.Log.Add(slog.LevelWarn, message, []byte(who.Address), func() []slog.Attr {
		return []slog.Attr{slog.String("address", answer.Printable(who.Address))}
	})
}

func (s *Service) inviteRefused(who *caller, err error) {
	if fault.KindOf(err) == fault.NotFound {
		s.codeRefused(who, "invite code refused")
	}
}
