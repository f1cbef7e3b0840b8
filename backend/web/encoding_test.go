package web_test

import (
	"net/http"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// RFC 9110, section 12.5.3: a named encoding takes precedence over the wildcard.
func TestAnEncodingThatIsRefusedIsNotSent(t *testing.T) {
	p := backendtest.Start(t)
	p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for accepted, want := range map[string]string{
		"gzip": "gzip", "GZIP": "gzip", "br, gzip;q=0.1": "gzip", "*": "gzip", "identity;q=0, *;q=0.5": "gzip",
		"": "", "br": "", "xgzip": "", "gzip;q=0": "", "gzip; Q=0.000": "", "*;q=0": "", "gzip;q=0, *": "", "*;q=0.5, gzip;q=0": "",
	} {
		a := p.Call(http.MethodGet, "/status-lists/1", nil, backendtest.Header{Name: "Accept-Encoding", Value: accepted})
		if got := a.Header.Get("Content-Encoding"); a.Status != http.StatusOK || got != want {
			t.Errorf("Accept-Encoding %q: %d %q, want %q", accepted, a.Status, got, want)
		}
	}
}
