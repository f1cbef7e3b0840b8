package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

var smallPage = backendtest.WithUI(fstest.MapFS{
	"index.html": {Data: []byte("<!doctype html><title>page</title>")}, "assets/app-1a2b.js": {Data: []byte("plain")}, "favicon.svg": {Data: []byte("<svg/>")},
	"routes.txt": {Data: []byte("/\n/setup\n/sign-in\n/invite/:code\n/account/api-tokens\n")},
})

func publicAt(address string) backendtest.Option {
	return func(c *config.Config, _ *backend.World) { c.PublicURL = address }
}

// openToStrangers are routes without authentication.
var openToStrangers = []string{
	"/", "/sign-in", "/index.html", "/assets/app-1a2b.js", "/favicon.svg", "/account/api-tokens", "/docs", "/docs.css", "/healthz", "/readyz", "/api/v1/session", "/api/v1/openapi.json",
	"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/status-lists", "/status-lists/1",
}

func TestAGatewayThatAsksAtAWrongAddressGetsNoYes(t *testing.T) {
	p := backendtest.Start(t, smallPage, publicAt("https://tokens.example.com"))
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	h := func(pairs ...string) (headers []backendtest.Header) {
		for i := 0; i < len(pairs); i += 2 {
			headers = append(headers, backendtest.Header{Name: pairs[i], Value: pairs[i+1]})
		}
		return headers
	}
	for _, path := range append(openToStrangers, "/api/v1/ping", "/api/v1/agent") {
		for name, headers := range map[string][]backendtest.Header{
			"Traefik and Caddy":             h("X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders"),
			"a query alone":                 h("X-Forwarded-Method", "GET", "X-Forwarded-Uri", path+"?a=b"),
			"a path below":                  h("X-Forwarded-Uri", path+"/x"),
			"another method":                h("X-Forwarded-Method", "POST", "X-Forwarded-Uri", path),
			"the file for nginx":            h("X-Forwarded-Uri", "/.tokentab"),
			"nginx as Authelia has it":      h("X-Original-Method", "GET", "X-Original-Url", "https://app.example.com/orders?x"),
			"nginx as its manual has it":    h("X-Original-Uri", "/orders"),
			"ingress-nginx":                 h("X-Auth-Request-Redirect", "/orders", "X-Sent-From", "nginx-ingress-controller"),
			"ingress-nginx about this path": h("X-Sent-From", "nginx-ingress-controller"),
			"Envoy by our file":             h("X-Token-Need", "scope=account"),
			"Traefik about this path":       h("X-Forwarded-Method", "GET", "X-Forwarded-Uri", path, "X-Forwarded-Host", "app.example.com"),
			"two paths":                     h("X-Forwarded-Uri", path, "X-Forwarded-Uri", "/orders"),
			"two paths in one":              h("X-Forwarded-Uri", path+", /orders"),
			"another host":                  h("X-Original-Method", "GET", "X-Original-Url", "https://app.example.com"+path),
			"another host to come back to":  h("X-Auth-Request-Redirect", "https://app.example.com"+path),
			"another host beside":           h("X-Original-Uri", path, "X-Original-Host", "app.example.com"),
			"another port":                  h("X-Original-Url", "https://tokens.example.com:8443"+path),
			"a longer host":                 h("X-Original-Url", "https://tokens.example.com.evil.example"+path),
			"a user":                        h("X-Original-Url", "https://tokens.example.com@evil.example"+path),
			"no host":                       h("X-Original-Url", "https://"+path),
			"a host and a query":            h("X-Original-Url", "https://app.example.com?"+path),
			"another scheme":                h("X-Original-Url", "x?y=://tokens.example.com"+path),
			"no scheme":                     h("X-Original-Url", "//tokens.example.com"+path),
			"neither scheme nor slash":      h("X-Original-Url", "tokens.example.com"+path),
			"a scheme alone":                h("X-Original-Url", "https:"+path),
			"a relative path":               h("X-Forwarded-Uri", "orders"),
			"an encoded query":              h("X-Forwarded-Uri", path+"%3Fa=b"),
			"a way up":                      h("X-Forwarded-Uri", path+"/%2e%2e"),
			"encoded twice":                 h("X-Forwarded-Uri", strings.Replace(path, "/", "%252F", 1)),
			"a fragment":                    h("X-Forwarded-Uri", path+"#orders"),
		} {
			p.Call(http.MethodGet, path, nil, append(headers, backendtest.Bearer(secret))...).Want(t, name+" asks "+path, http.StatusForbidden)
		}
	}
	if n := strings.Count(p.Log.String(), "configure it to ask at /api/v1/validate"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	p.Call(http.MethodGet, "/api/v1/validate", nil, append(h("X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/orders"), backendtest.Bearer(secret))...).Want(t, "at the right address", http.StatusOK)
}

func TestAPlainProxyThatTellsWhatItPassesOnIsServed(t *testing.T) {
	p := backendtest.Start(t, smallPage, publicAt("https://tokens.example.com"), backendtest.Trusting(t, "127.0.0.1"))
	p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount}) // so that there is a status list
	for _, path := range append(openToStrangers, "/sign-in?next=%2Faccount&x=%C3%BC") {
		for uri, host := range map[string]string{path: "tokens.example.com", strings.ReplaceAll(path, "sign", "%73ign"): "TOKENS.example.com.", strings.ReplaceAll(path, "/", "%2F"): "tokens.example.com:443"} {
			// The headers of SWAG's stock proxy.conf.
			a := p.Call(http.MethodGet, path, nil,
				backendtest.Header{Name: "X-Forwarded-For", Value: "203.0.113.9"}, backendtest.Header{Name: "X-Forwarded-Host", Value: host},
				backendtest.Header{Name: "X-Forwarded-Method", Value: "GET"}, backendtest.Header{Name: "X-Forwarded-Port", Value: "443"}, backendtest.Header{Name: "X-Forwarded-Proto", Value: "https"},
				backendtest.Header{Name: "X-Forwarded-Server", Value: "tokens.example.com"}, backendtest.Header{Name: "X-Forwarded-Ssl", Value: "on"}, backendtest.Header{Name: "X-Forwarded-Uri", Value: uri},
				backendtest.Header{Name: "X-Original-Method", Value: "GET"}, backendtest.Header{Name: "X-Original-Url", Value: "https://tokens.example.com" + path}, backendtest.Header{Name: "X-Real-Ip", Value: "203.0.113.9"},
			)
			a.Want(t, path+" as "+uri+" at "+host, http.StatusOK)
		}
	}
}

func TestAGatewayOfAnotherSiteIsRefusedWithoutAPublicURLToo(t *testing.T) {
	p := backendtest.Start(t, smallPage)
	p.Found()
	own := strings.TrimPrefix(p.URL, "http://")
	name, _, _ := strings.Cut(own, ":")
	for host, want := range map[string]int{own: http.StatusOK, name: http.StatusOK, "app.example.com": http.StatusForbidden, name + ":1": http.StatusForbidden, "app.example.com, " + own: http.StatusForbidden} {
		for _, path := range []string{"/", "/docs", "/healthz"} {
			forwarded := []backendtest.Header{{Name: "X-Forwarded-Uri", Value: path}, {Name: "X-Forwarded-Host", Value: host}}
			p.Call(http.MethodGet, path, nil, forwarded...).Want(t, host+" at "+path, want)
			original := backendtest.Header{Name: "X-Original-Url", Value: "http://" + host + path}
			p.Call(http.MethodGet, path, nil, original).Want(t, host+" at "+path+", as a URL", want)
			// Such a header alone is a plain proxy's.
			p.Call(http.MethodGet, path, nil, forwarded[1]).Want(t, host+" at "+path+", alone", http.StatusOK)
		}
	}
}

func TestTheItemsOfABulkRequestPassAsItDoes(t *testing.T) {
	p := backendtest.Start(t, publicAt("https://tokens.example.com"), backendtest.Trusting(t, "127.0.0.1"))
	_, manager := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	a := p.Call(http.MethodPost, "/api/v1/bulk", `{"items":[{"method":"GET","path":"/environment"},{"method":"POST","path":"/agent","body":{"details":{"name":"Reader"}}}]}`,
		backendtest.Bearer(manager), backendtest.Header{Name: "X-Forwarded-Method", Value: "POST"}, backendtest.Header{Name: "X-Forwarded-Uri", Value: "/api/v1/bulk"},
		backendtest.Header{Name: "X-Original-Method", Value: "POST"}, backendtest.Header{Name: "X-Original-Url", Value: "https://tokens.example.com/api/v1/bulk"})
	items, _ := a.Get(t, "details", "items").([]any)
	if a.Status != http.StatusOK || len(items) != 2 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, item := range items {
		if item, _ := item.(map[string]any); item["status"] != float64(http.StatusOK) {
			t.Errorf("an item is answered %v", item)
		}
	}
}

func TestCookiesAreNeverWeakerThanTheAddressOfBrowsers(t *testing.T) {
	for public, cases := range map[string][]struct {
		protos []string
		want   bool
	}{
		"https://tokens.example.com": {{nil, true}, {[]string{"http"}, true}, {[]string{"http, https"}, true}, {[]string{"nonsense"}, true}},
		"": {
			{[]string{"https"}, true}, {[]string{"HTTPS"}, true}, {[]string{"https,http"}, true}, {[]string{" https , http"}, true},
			{[]string{"https", "http"}, true}, {[]string{"http"}, false}, {[]string{"http,https"}, false}, {nil, false},
		},
		"http://tokens.example.com": {{[]string{"https"}, true}, {nil, false}},
	} {
		p := backendtest.Start(t, publicAt(public), backendtest.Trusting(t, "127.0.0.1"))
		p.Found()
		for _, c := range cases {
			headers := []backendtest.Header{{Name: "Sec-Fetch-Site", Value: "same-origin"}}
			for _, proto := range c.protos {
				headers = append(headers, backendtest.Header{Name: "X-Forwarded-Proto", Value: proto})
			}
			a := p.SignIn(backendtest.Email, backendtest.Password, headers...)
			_, cookie := backendtest.Cookie(t, a, "session")
			if cookie.Secure != c.want || strings.HasPrefix(cookie.Name, "__Host-") != c.want || (a.Header.Get("Strict-Transport-Security") != "") != c.want {
				t.Errorf("%s, %q: Secure %v, named %s, HSTS %q", public, c.protos, cookie.Secure, cookie.Name, a.Header.Get("Strict-Transport-Security"))
			}
		}
	}
}

func TestARefusedOriginIsToldTheAddressThatWorks(t *testing.T) {
	p := backendtest.Start(t, publicAt("https://tokens.example.com"))
	p.Found()
	a := p.SignIn(backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: p.URL})
	if a.Status != http.StatusForbidden || a.Text(t, "code") != "not_permitted" || !strings.Contains(a.Text(t, "message"), "https://tokens.example.com") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	p.SignIn(backendtest.Email, backendtest.Password, backendtest.Header{Name: "Origin", Value: "https://tokens.example.com"}).Want(t, "at that address", http.StatusOK)
}

func TestAnOriginIsOwnHoweverTheAddressIsWritten(t *testing.T) {
	for public, cases := range map[string][]struct {
		host, origin string
		want         int
	}{
		"https://Tokens.Example.com:443": {{"", "https://tokens.example.com", http.StatusOK}, {"", "https://tokens.example.com:8443", http.StatusForbidden}, {"", "http://tokens.example.com", http.StatusForbidden}},
		"http://tokens.example.com:80":   {{"", "http://tokens.example.com", http.StatusOK}, {"", "https://tokens.example.com", http.StatusForbidden}},
		"https://bücher.example":         {{"", "https://xn--bcher-kva.example", http.StatusOK}, {"", "https://bucher.example", http.StatusForbidden}},
		"https://[2001:DB8::1]:443":      {{"", "https://[2001:db8::1]", http.StatusOK}, {"", "https://[2001:db8::2]", http.StatusForbidden}},
		"": { // as nginx sends $host:$server_port
			{"lan:80", "http://lan", http.StatusOK}, {"LAN", "http://lan", http.StatusOK}, {"lan:8080", "http://lan:8080", http.StatusOK}, {"[fe80::1]:80", "http://[fe80::1]", http.StatusOK},
			{"lan:8080", "http://lan", http.StatusForbidden}, {"lan:443", "http://lan", http.StatusForbidden}, {"lan", "null", http.StatusForbidden}, {"lan", "http://", http.StatusForbidden}, {"lan", "//lan", http.StatusForbidden},
		},
	} {
		p := backendtest.Start(t, publicAt(public), backendtest.Trusting(t, "127.0.0.1"))
		p.Found()
		for _, c := range cases {
			headers := []backendtest.Header{{Name: "Origin", Value: c.origin}}
			if c.host != "" {
				headers = append(headers, backendtest.Header{Name: "X-Forwarded-Host", Value: c.host})
			}
			p.SignIn(backendtest.Email, backendtest.Password, headers...).Want(t, fmt.Sprintf("%s at %q, host %q", c.origin, public, c.host), c.want)
		}
	}
}

func TestAPlainProxyMayNameTheHostAsBrowsersDo(t *testing.T) {
	for public, own := range map[string]string{"https://Bücher.example": "xn--bcher-kva.example", "https://tokens.example.com:443": "tokens.example.com"} {
		p := backendtest.Start(t, smallPage, publicAt(public))
		p.Found()
		for host, want := range map[string]int{own: http.StatusOK, own + ":443": http.StatusOK, own + ":8443": http.StatusForbidden, "app.example.com": http.StatusForbidden} {
			p.Call(http.MethodGet, "/docs", nil, backendtest.Header{Name: "X-Original-Url", Value: "https://" + host + "/docs"}).Want(t, host+" of "+public, want)
		}
	}
}

func TestTwoInstallationsOnOneHostDoNotSignEachOtherOut(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	call := func(p *backendtest.Program, method, body string) string {
		t.Helper()
		request, err := http.NewRequest(method, p.URL+"/api/v1/session", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		request.Header.Set("Content-Type", "application/json")
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	programs := []*backendtest.Program{backendtest.Start(t), backendtest.Start(t)}
	for _, p := range programs {
		p.Found()
		if a := call(p, http.MethodPost, `{"details":{"email":"`+backendtest.Email+`","password":"`+backendtest.Password+`"}}`); !strings.Contains(a, backendtest.Email) {
			t.Fatal(a)
		}
	}
	for _, p := range programs {
		if a := call(p, http.MethodGet, ""); !strings.Contains(a, backendtest.Email) {
			t.Errorf("signed out by the other: %s", a)
		}
	}
	call(programs[0], http.MethodDelete, "")
	if a := call(programs[1], http.MethodGet, ""); !strings.Contains(a, backendtest.Email) {
		t.Errorf("signing out of one signs out of the other: %s", a)
	}

	// An installation replaces its own cookie of an earlier version, and leaves another installation's cookie alone.
	call(programs[0], http.MethodPost, `{"details":{"email":"`+backendtest.Email+`","password":"`+backendtest.Password+`"}}`)
	at, err := url.Parse(programs[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	var former []*http.Cookie
	for _, cookie := range jar.Cookies(at) {
		if strings.HasPrefix(cookie.Name, "tokentab_session_") && call(programs[0], http.MethodGet, "") != "" {
			former = append(former, &http.Cookie{Name: "tokentab_session", Value: cookie.Value, Path: "/"})
		}
	}
	kept := 0
	for _, cookie := range former {
		if browser.Jar, err = cookiejar.New(nil); err != nil {
			t.Fatal(err)
		}
		browser.Jar.SetCookies(at, []*http.Cookie{cookie})
		was := strings.Contains(call(programs[0], http.MethodGet, ""), backendtest.Email)
		names := ""
		for _, now := range browser.Jar.Cookies(at) {
			names += now.Name + " "
		}
		if was {
			kept++
		}
		if is := strings.HasPrefix(names, "tokentab_session_"); is != was || (names == "tokentab_session ") == was {
			t.Errorf("signed in %v, and the cookies are %s", was, names)
		}
	}
	if len(former) != 2 || kept != 1 {
		t.Errorf("%d of %d sessions were taken over", kept, len(former))
	}
}

func TestHEADAnswersAsGETDoesWithoutTheBody(t *testing.T) {
	p := backendtest.Start(t, smallPage)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	for _, path := range append(openToStrangers, "/api/v1/agent", "/api/v1/api_token?limit=1", "/api/v1/agent/nothing", "/api/v1/nothing", "/api/v1/ping", "/nothing", "/setup/") {
		for _, headers := range [][]backendtest.Header{nil, {backendtest.Bearer(secret)}, {backendtest.Bearer("wrong")}} {
			get, head := unredirected(t, p, http.MethodGet, path, headers...), unredirected(t, p, http.MethodHead, path, headers...)
			for _, h := range []http.Header{get.Header, head.Header} {
				for _, changes := range []string{"Date", "X-Request-Id"} {
					h.Del(changes)
				}
			}
			if head.StatusCode != get.StatusCode || head.ContentLength != get.ContentLength || fmt.Sprint(head.Header) != fmt.Sprint(get.Header) {
				t.Errorf("%s: HEAD %d %d %v, GET %d %d %v", path, head.StatusCode, head.ContentLength, head.Header, get.StatusCode, get.ContentLength, get.Header)
			}
			if text, err := io.ReadAll(head.Body); err != nil || len(text) > 0 {
				t.Errorf("%s: a body of %d bytes, %v", path, len(text), err)
			}
		}
	}
}

func unredirected(t *testing.T, p *backendtest.Program, method, path string, headers ...backendtest.Header) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "identity")
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestASlashAtTheEndLeadsToThePage(t *testing.T) {
	p := backendtest.Start(t, smallPage)
	for path, want := range map[string]string{
		"/sign-in/": "/sign-in", "/setup/": "/setup", "/account/api-tokens/?status=active&x=%2F": "/account/api-tokens?status=active&x=%2F", "/sign-in//": "/sign-in", "/invite/abc/": "/invite/abc",
		"//evil.example/": "", "//sign-in/": "", "/assets/app-1a2b.js/": "", "/api/v1/nothing/": "", "/sign-in/..//": "",
	} {
		a := unredirected(t, p, http.MethodGet, path)
		if want == "" && (a.StatusCode < 400 || a.Header.Get("Location") != "") || want != "" && (a.StatusCode != http.StatusPermanentRedirect || !strings.HasSuffix(a.Header.Get("Location"), want) || strings.Contains(a.Header.Get("Location"), "evil")) {
			t.Errorf("%s: %d to %q, want %q", path, a.StatusCode, a.Header.Get("Location"), want)
		}
	}
}

func TestTrailersDecideNothing(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	details := `{"details":{"email":"` + backendtest.Email + `","password":"` + backendtest.Password + `"}}`
	for _, c := range []struct{ lines, trailers, want string }{
		{"Origin: https://evil.example", "Sec-Fetch-Site: same-origin", "HTTP/1.1 403 "},
		{"Origin: https://evil.example\r\nTrailer: Sec-Fetch-Site", "Sec-Fetch-Site: same-origin", "HTTP/1.1 403 "},
		{"Origin: https://evil.example", "Origin: " + p.URL, "HTTP/1.1 403 "},
		{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site\r\nUser-Agent: trailer", "HTTP/1.1 200 "},
		{"Sec-Fetch-Site: same-origin\r\nUser-Agent: header\r\nTrailer: User-Agent", "User-Agent: trailer", "HTTP/1.1 200 "},
	} {
		all := p.UntilClosed(fmt.Sprintf("POST /api/v1/session HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			strings.TrimPrefix(p.URL, "http://"), c.lines, len(details), details, c.trailers))
		if !strings.HasPrefix(all, c.want) {
			t.Errorf("%q with the trailers %q: answered\n%s", c.lines, c.trailers, all)
		}
		if strings.HasPrefix(c.want, "HTTP/1.1 200") && strings.Count(all, "HTTP/1.1 ") != 1 {
			t.Errorf("after the trailers %q the connection goes on", c.trailers)
		}
	}
}
