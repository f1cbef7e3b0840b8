package web_test

import (
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// BenchmarkEndpoints measures our own part of a validation: from the parsed request to the response, without sockets.
func BenchmarkEndpoints(b *testing.B) {
	p := backendtest.Start(b)
	actor := p.Found()
	_, good := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	need := "scope=account&scope=environment&account_id=" + actor.AccountID.String()
	for _, endpoint := range []struct {
		name, path, need, secret, form string
		want                           int
	}{
		{"validate", "/api/v1/validate", "", good, "", http.StatusOK},
		{"validate_unknown", "/api/v1/validate", "", good[1:] + "x", "", http.StatusUnauthorized},
		{"validate_query", "/api/v1/validate?" + need, "", good, "", http.StatusOK},
		{"validate_header", "/api/v1/validate", need, good, "", http.StatusOK},
		{"ping", "/api/v1/ping", "", good, "", http.StatusOK},
		{"introspect", "/oauth/introspect", "", good, "token=" + good, http.StatusOK},
	} {
		b.Run(endpoint.name, func(b *testing.B) {
			var c fasthttp.RequestCtx
			c.Request.SetRequestURI(endpoint.path)
			c.Request.Header.Set("Authorization", "Bearer "+endpoint.secret)
			if endpoint.need != "" {
				c.Request.Header.Set("X-Token-Need", endpoint.need)
			}
			if endpoint.form != "" {
				c.Request.Header.SetMethod(http.MethodPost)
				c.Request.Header.SetContentType("application/x-www-form-urlencoded")
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Response.Reset()
				if endpoint.form != "" {
					c.Request.SetBodyString(endpoint.form)
				}
				p.Web.Handler()(&c)
			}
			if got := c.Response.StatusCode(); got != endpoint.want {
				b.Fatalf("status %d, want %d", got, endpoint.want)
			}
		})
	}
}
