package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

func accepts(encoding string) backendtest.Header {
	return backendtest.Header{Name: "Accept-Encoding", Value: encoding}
}

// plain returns a gzipped response decompressed.
func plain(t *testing.T, a backendtest.Answer) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsAboutTheAPIAreTaggedAndSentEncoded(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	for _, path := range []string{"/docs", "/docs.css", "/api/v1/openapi.json"} {
		tags := map[string]bool{}
		for _, encoding := range []string{"identity", "gzip", "br"} {
			a := p.Call(http.MethodGet, path, nil, accepts(encoding))
			tag := a.Header.Get("ETag")
			if a.Status != http.StatusOK || !strings.HasPrefix(tag, `"`) || tags[tag] || !strings.Contains(a.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s, %s: %d, tag %s", path, encoding, a.Status, tag)
			}
			tags[tag] = true
			if got := a.Header.Get("Content-Encoding"); got != strings.TrimPrefix(encoding, "identity") {
				t.Errorf("%s, %s: encoded as %q", path, encoding, got)
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				known := p.Call(method, path, nil, accepts(encoding), backendtest.Header{Name: "If-None-Match", Value: `"other", W/` + tag})
				if known.Status != http.StatusNotModified || known.Body != "" || known.Header.Get("ETag") != tag {
					t.Errorf("%s %s, %s, by one who has it: %d, %d bytes, tag %s", method, path, encoding, known.Status, len(known.Body), known.Header.Get("ETag"))
				}
			}
			if a := p.Call(http.MethodHead, path, nil, accepts(encoding)); a.Status != http.StatusOK || a.Body != "" || a.Header.Get("ETag") != tag {
				t.Errorf("HEAD %s, %s: %d, tag %s", path, encoding, a.Status, a.Header.Get("ETag"))
			}
		}
	}
}

// TestDocumentsAboutTheAPIAreRenderedOnce counts what requests allocate. Rendering a document allocates megabytes.
func TestDocumentsAboutTheAPIAreRenderedOnce(t *testing.T) {
	p := backendtest.Start(t)
	for _, path := range []string{"/docs", "/docs.css", "/api/v1/openapi.json"} {
		tag := p.Call(http.MethodGet, path, nil).Header.Get("ETag")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const requests = 20
		for range requests {
			p.Call(http.MethodGet, path, nil, backendtest.Header{Name: "If-None-Match", Value: tag}).Must(t, http.StatusNotModified)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / requests; each > 200<<10 {
			t.Errorf("%s: a request allocates %d KiB", path, each>>10)
		}
	}
}

func TestAnAnswerOfTheAPIThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	list := func(more ...backendtest.Header) backendtest.Answer {
		return p.Call(http.MethodGet, "/api/v1/api_token", nil, append(more, backendtest.Bearer(secret))...)
	}
	first := list(accepts("gzip"))
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("tag %q, %s", tag, first.Header.Get("Cache-Control"))
	}
	for _, encoding := range []string{"gzip", "br", "identity"} {
		if a := list(accepts(encoding), backendtest.Header{Name: "If-None-Match", Value: tag}); a.Status != http.StatusNotModified || a.Body != "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", encoding, a.Status, a.Body)
		}
	}
	p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	if a := list(backendtest.Header{Name: "If-None-Match", Value: tag}); a.Status != http.StatusOK || a.Header.Get("ETag") == tag {
		t.Errorf("after a change: %d", a.Status)
	}
	wantStatus(t, "a stranger who knows a tag", p.Call(http.MethodGet, "/api/v1/api_token", nil, backendtest.Header{Name: "If-None-Match", Value: "*"}), http.StatusUnauthorized)
}

func TestLargeAnswersOfTheAPIAreEncodedButNoneWithASecret(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	for range 9 {
		p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	}
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	call := func(method, path string, body any) backendtest.Answer {
		t.Helper()
		a := p.Call(method, path, body, cookie, sameOrigin, accepts("gzip"))
		a.Must(t, http.StatusOK)
		return a
	}
	list := call(http.MethodGet, "/api/v1/api_token", nil)
	if text := plain(t, list); list.Header.Get("Content-Encoding") != "gzip" || len(list.Body) > len(text)/3 || !strings.Contains(text, `"summaries"`) {
		t.Errorf("%s: %d bytes for %d", list.Header.Get("Content-Encoding"), len(list.Body), len(text))
	}
	long := strings.Repeat("x", 1000) // of which a part could be guessed
	for _, a := range []backendtest.Answer{
		call(http.MethodPost, "/api/v1/api_token", backendtest.Details(map[string]any{"token_scope": "account", "description": long})),
		call(http.MethodPost, "/api/v1/admin_user_invite", backendtest.Details(map[string]any{"email": "a@x.co"})),
		call(http.MethodGet, "/api/v1/admin_user_invite", nil),
		call(http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"POST","path":"/api_token","body":{"details":{"token_scope":"account","description":"`+long+`"}}},{"method":"GET","path":"/api_token"}]}`),
	} {
		if a.Header.Get("Content-Encoding") != "" || !strings.Contains(a.Body, `"token":"ey`) && !strings.Contains(a.Body, "/invite") {
			t.Errorf("%s: %.300s", a.Header.Get("Content-Encoding"), a.Body)
		}
	}
	if a := p.Call(http.MethodGet, "/api/v1/ping", nil, backendtest.Bearer(secret), accepts("gzip")); a.Header.Get("Content-Encoding") != "" || a.Header.Get("ETag") != "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a validation: %v", a.Header)
	}
}
