package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"tokentab/backend/backendtest"
)

// An endpoint asks the server whether a token is good.
type endpoint struct {
	name string
	ask  func(c *http.Client, h *hammered) (good bool, err error)

	accepted, refused atomic.Int64
}

// endpoints are all ways to ask whether a token is good.
func (h *hammering) endpoints() []*endpoint {
	status := func(c *http.Client, method, path, header, value string) (bool, error) {
		code, _, err := h.send(c, method, path, header, value, nil)
		if err == nil && code != http.StatusOK && code != http.StatusUnauthorized {
			err = fmt.Errorf("%s answered %d", path, code)
		}
		return code == http.StatusOK, err
	}
	introspect := func(path string, forms ...string) func(*http.Client, *hammered) (bool, error) {
		return func(c *http.Client, token *hammered) (bool, error) {
			form := url.Values{"token": append([]string{token.secret}, forms...)}
			code, body, err := h.send(c, http.MethodPost, path, "Authorization", "Bearer "+h.manager, form)
			if err == nil && code != http.StatusOK {
				err = fmt.Errorf("%s answered %d: %s", path, code, body)
			}
			return strings.Contains(string(body), `"active":true`), err
		}
	}
	return []*endpoint{
		{name: "ping", ask: func(c *http.Client, token *hammered) (bool, error) {
			return status(c, http.MethodGet, "/api/v1/ping", "Authorization", "Bearer "+token.secret)
		}},
		{name: "validate", ask: func(c *http.Client, token *hammered) (bool, error) {
			return status(c, http.MethodGet, "/api/v1/validate?scope=account", "Authorization", "Bearer "+token.secret)
		}},
		{name: "validate below, X-API-Key", ask: func(c *http.Client, token *hammered) (bool, error) {
			return status(c, http.MethodPut, "/api/v1/validate/some/path", "X-Api-Key", token.secret)
		}},
		{name: "bearer of the API", ask: func(c *http.Client, token *hammered) (bool, error) {
			return status(c, http.MethodGet, "/api/v1/account", "Authorization", "Bearer "+token.secret)
		}},
		{name: "introspect", ask: introspect("/oauth/introspect")},
		{name: "introspect as the caller", ask: func(c *http.Client, token *hammered) (bool, error) {
			code, body, err := h.send(c, http.MethodPost, "/oauth/introspect", "Authorization", "Bearer "+token.secret, url.Values{"token": {token.secret}})
			if err == nil && code != http.StatusOK && code != http.StatusUnauthorized {
				err = fmt.Errorf("answered %d: %s", code, body)
			}
			return strings.Contains(string(body), `"active":true`), err
		}},
		{name: "introspect a batch", ask: introspect("/oauth/introspect/batch", "unknown", "too")},
		{name: "status list", ask: func(c *http.Client, token *hammered) (bool, error) {
			path := strings.TrimPrefix(token.entry.URI, h.address)
			code, body, err := h.send(c, http.MethodGet, path, "Accept", "*/*", nil)
			if err != nil || code != http.StatusOK {
				return false, fmt.Errorf("%s answered %d: %w", path, code, err)
			}
			return backendtest.ValueOf(h.t, string(body), token.entry) == 0, nil
		}},
	}
}

func (h *hammering) send(c *http.Client, method, path, header, value string, form url.Values) (int, []byte, error) {
	var content io.Reader
	if form != nil {
		content = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, h.address+path, content)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set(header, value)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}
