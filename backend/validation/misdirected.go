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
)

// Headers in which gateways describe the request they ask about. Plain proxies send some of them for the request they
// forward.
var (
	askedTargets = []string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Auth-Request-Redirect"}
	askedMethods = []string{"X-Forwarded-Method", "X-Original-Method"}
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
			if len(target) > 0 && !isTarget(string(target), c.URI()) {
				return true
			}
		}
	}
	// Traefik sends its client's host in X-Forwarded-Host, and asks at Tokentab's own host.
	first, _, _ := strings.Cut(string(h.Peek("X-Forwarded-Host")), ",")
	host := hostname(strings.TrimSpace(first))
	return asked && host != "" && e.publicHost != "" && host != e.publicHost && host != hostname(string(h.Host()))
}

// isTarget reports whether a path or URL is the one requested. Proxies differ in what they encode, and some omit the
// query.
func isTarget(target string, requested *fasthttp.URI) bool {
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	path, query, hasQuery := strings.Cut(target, "?")
	return decoded(path) == decoded(string(requested.PathOriginal())) &&
		(!hasQuery || decoded(query) == decoded(string(requested.QueryString())))
}

func decoded(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// hostname returns the host of a Host header or authority, in lower case without the port.
func hostname(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		authority = host
	}
	return strings.ToLower(strings.Trim(authority, "[]"))
}

var misdirected = answer.NewRefusal(http.StatusForbidden, "not_permitted", "A gateway asked here about another request. It must ask at /api/v1/validate.", "")

// refuseGateway refuses a gateway that asks at the wrong address, and logs the remedy once.
func (e *Endpoints) refuseGateway(c *fasthttp.RequestCtx) {
	e.warnGateway.Do(func() {
		e.Log.Warn("a gateway asks about requests at an address that does not validate, and is refused; configure it to ask at /api/v1/validate. A plain proxy must not change the path, and must send its own X-Forwarded headers",
			"gateway", c.RemoteAddr().String()) // not the path: an invite's holds its code
	})
	e.Source.Identify(c)
	e.fixed.Refuse(c, misdirected)
}
