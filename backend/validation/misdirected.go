package validation

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/text"
)

// Headers in which gateways describe the request they ask about. Plain proxies send some of them for the request they
// forward.
var (
	askedTargets = []string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Auth-Request-Redirect"}
	askedMethods = []string{"X-Forwarded-Method", "X-Original-Method"}
	askedHosts   = []string{"X-Forwarded-Host", "X-Original-Host"}
)

// ForgetAsked deletes the headers that describe another request.
func ForgetAsked(h *fasthttp.RequestHeader) {
	for _, name := range slices.Concat(askedTargets, askedMethods) {
		h.Del(name)
	}
}

// asksAboutAnother reports whether a gateway asks here about another request. It would take any 2xx as permission, so
// paths without authentication must not answer 2xx. A plain proxy's headers describe this very request.
func (e *Endpoints) asksAboutAnother(c *fasthttp.RequestCtx) bool {
	h := &c.Request.Header
	if len(h.PeekAll(headerNeed)) > 0 || string(h.Peek("X-Sent-From")) == "nginx-ingress-controller" {
		return true
	}
	asked := false
	for _, name := range askedMethods {
		for _, method := range h.PeekAll(name) {
			asked = true
			if len(method) > 0 && !bytes.EqualFold(method, h.Method()) {
				return true
			}
		}
	}
	for _, name := range askedTargets {
		for _, target := range h.PeekAll(name) {
			asked = true
			if len(target) > 0 && !e.isTarget(string(target), c) {
				return true
			}
		}
	}
	if !asked {
		return false
	}
	// Traefik sends its client's host in X-Forwarded-Host, and asks at Tokentab's own host.
	for _, name := range askedHosts {
		first, _, _ := strings.Cut(string(h.Peek(name)), ",")
		if host := strings.TrimSpace(first); host != "" && !e.isHost(host, c) {
			return true
		}
	}
	return false
}

// isTarget reports whether a path or URL is the one requested. Proxies differ in what they encode, and some omit the
// query.
func (e *Endpoints) isTarget(target string, c *fasthttp.RequestCtx) bool {
	if scheme, rest, ok := strings.Cut(target, "://"); ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		if !e.isHost(rest[:end], c) {
			return false
		}
		if target = rest[end:]; !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	requested := c.URI()
	path, query, hasQuery := strings.Cut(target, "?")
	return decoded(path) == decoded(string(requested.PathOriginal())) &&
		(!hasQuery || decoded(query) == decoded(string(requested.QueryString())))
}

// isHost reports whether an authority is that of the public URL or of the request. Some proxies omit the port.
func (e *Endpoints) isHost(authority string, c *fasthttp.RequestCtx) bool {
	name, port := hostname(authority)
	for _, own := range []string{e.publicHost, string(c.Request.Header.Host())} {
		if ownName, ownPort := hostname(own); name != "" && name == ownName && (port == "" || ownPort == "" || port == ownPort) {
			return true
		}
	}
	return false
}

func decoded(target string) string {
	if plain, err := url.PathUnescape(target); err == nil {
		return plain
	}
	return target
}

// hostname returns the host of an authority, in ASCII, lower case and without the dot of the DNS root, and its port if it has one.
func hostname(authority string) (name, port string) {
	name = authority
	if host, number, err := net.SplitHostPort(authority); err == nil {
		name, port = host, number
	}
	return text.Domain(strings.TrimSuffix(strings.Trim(name, "[]"), ".")), port
}

var misdirected = answer.NewRefusal(http.StatusForbidden, "not_permitted", "A gateway asked here about another request. It must ask at /api/v1/validate.", "")

// RefuseGateway refuses a gateway that asks at the wrong address, and logs the remedy once. It returns false for other requests.
func (e *Endpoints) RefuseGateway(c *fasthttp.RequestCtx) bool {
	if !e.asksAboutAnother(c) {
		return false
	}
	e.refuseMisdirected(c)
	return true
}

func (e *Endpoints) refuseMisdirected(c *fasthttp.RequestCtx) {
	e.warnGateway.Do(func() {
		e.Log.Warn("a gateway asks about requests at an address that does not validate, and is refused; configure it to ask at /api/v1/validate. A plain proxy must not change the path, must send its own X-Forwarded headers, and must keep the Host or be the one of --public-url",
			"gateway", c.RemoteAddr().String()) // not the path: an invite's holds its code
	})
	e.Source.Identify(c)
	e.fixed.Refuse(c, misdirected)
}
