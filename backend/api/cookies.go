package api

import (
	"bytes"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tokentab/backend/people"
)

// Cookies. Over HTTPS their names get the prefix __Host-: browsers then require Secure and the path /, and allow no
// domain (RFC 6265bis, section 4.1.3.2).
const (
	sessionCookie = "tokentab_session"
	browserCookie = "tokentab_browser" // marks browsers that have signed in before
	securePrefix  = "__Host-"
)

// cookieName returns the full name of a cookie. It contains the installation's code, since browsers send a host's
// cookies to all of its ports.
func (s *Service) cookieName(c *fiber.Ctx, name string) string {
	name += "_" + s.Installation
	if s.Source.IsHTTPS(c.Context()) {
		return securePrefix + name
	}
	return name
}

// formerCookie returns the name of the session cookie before names contained the installation's code. The caller
// renames it if it belongs to this installation.
func (s *Service) formerCookie(c *fiber.Ctx) string {
	return strings.TrimSuffix(s.cookieName(c, sessionCookie), "_"+s.Installation)
}

func (s *Service) sessionCookie(c *fiber.Ctx) people.SessionID {
	return people.SessionID(cookieOf(&c.Request().Header, s.cookieName(c, sessionCookie)))
}

// cookieOf returns the value of a cookie (RFC 6265, section 4.2.1); empty if there is none. fasthttp would parse all cookies, which
// takes ms and 400 KB for 16 KiB of short ones.
func cookieOf(h *fasthttp.RequestHeader, name string) string {
	for _, line := range h.PeekAll(fiber.HeaderCookie) {
		for pair := range bytes.SplitSeq(line, []byte(";")) {
			if key, value, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("=")); string(key) == name {
				return string(value)
			}
		}
	}
	return ""
}

// setSessionCookie sets the session cookie, or deletes it if the id is empty.
func (s *Service) setSessionCookie(c *fiber.Ctx, id people.SessionID) {
	s.setCookie(c, sessionCookie, string(id), people.AbsoluteEnd)
}

// setCookie sets a cookie, or deletes it if the value is empty.
func (s *Service) setCookie(c *fiber.Ctx, name, value string, life time.Duration) {
	s.setCookieNamed(c, s.cookieName(c, name), value, life)
}

func (s *Service) setCookieNamed(c *fiber.Ctx, name, value string, life time.Duration) {
	cookie := &fiber.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: s.Source.IsHTTPS(c.Context()),
	}
	if value == "" {
		cookie.MaxAge = -1
		cookie.Expires = longAgo
	}
	c.Cookie(cookie)
}

// longAgo is an expiry that makes a browser delete a cookie.
var longAgo = time.Unix(1, 0)
