package validation

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"tokentab/backend/answer"
	"tokentab/backend/fault"
	"tokentab/backend/signer"
)

// Caching of published responses.
const (
	keptFiveMinutes = "public, max-age=300" // they rarely change and are published before they take effect
	revalidated     = "no-cache"            // a change is in them at once
)

// metadata is the metadata of this server for OAuth clients (RFC 8414, section 2).
type metadata struct {
	Issuer                   string   `json:"issuer"`
	JWKSURI                  string   `json:"jwks_uri"`
	ScopesSupported          []string `json:"scopes_supported"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	// StatusLists is the address of the list of status lists (draft-ietf-oauth-status-list-20, section 9.1).
	StatusLists string `json:"status_list_aggregation_endpoint"`
	// Both lists are empty, since the page and the API create tokens, not a grant. The first is required. Without the
	// second, clients assume the authorization code grant (section 2), although section 3.2 says to omit empty lists.
	ResponseTypesSupported []string `json:"response_types_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	ServiceDocumentation   string   `json:"service_documentation"`
}

// Metadata publishes where the OAuth endpoints are (RFC 8414, section 3).
func (e *Endpoints) Metadata(c *fasthttp.RequestCtx) error {
	return publishJSON(c, keptFiveMinutes, "application/json", metadata{
		Issuer:                   e.Issuer,
		JWKSURI:                  e.Issuer + "/.well-known/jwks.json",
		ScopesSupported:          []string{"account", "environment", "agent_deployment"},
		IntrospectionEndpoint:    e.Issuer + pathIntrospect,
		IntrospectionAuthMethods: []string{"client_secret_basic", "client_secret_post", "Bearer"},
		RevocationEndpoint:       e.Issuer + pathRevoke,
		RevocationAuthMethods:    []string{"none"},
		StatusLists:              e.Issuer + "/status-lists",
		ResponseTypesSupported:   []string{},
		GrantTypesSupported:      []string{},
		ServiceDocumentation:     e.Issuer + "/docs",
	})
}

// JWKS publishes the public keys (RFC 7517, section 5).
func (e *Endpoints) JWKS(c *fasthttp.RequestCtx) error {
	keys, err := e.Keys.PublicKeys(e.Running)
	if err != nil {
		return err
	}
	return publishJSON(c, keptFiveMinutes, "application/jwk-set+json", struct {
		Keys []signer.JWK `json:"keys"`
	}{keys})
}

// StatusLists publishes the addresses of all status lists (draft-ietf-oauth-status-list-20, section 9.3).
func (e *Endpoints) StatusLists(c *fasthttp.RequestCtx) error {
	uris, err := e.Tokens.StatusLists(e.Running)
	if err != nil {
		return err
	}
	return publishJSON(c, revalidated, "application/json", struct {
		StatusLists []string `json:"status_lists"`
	}{uris})
}

// onlyNow refuses a request for a past status list. Past states are not kept, and the present one would mislead
// (section 8.4).
var onlyNow = answer.NewErrorBody(http.StatusNotImplemented, "not_implemented", "This server keeps only the current list. Omit time.")

// StatusList publishes a status list for offline verifiers (section 8.1). It is a JWT whatever the request accepts,
// since there is no other form. It returns fault.NotFound unless the path is the one address of a list.
func (e *Endpoints) StatusList(c *fasthttp.RequestCtx) error {
	text := strings.TrimPrefix(string(c.URI().PathOriginal()), "/status-lists/")
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || text != strconv.Itoa(number) {
		return fault.New(fault.NotFound, "There is nothing at this URL.")
	}
	if c.QueryArgs().Has("time") {
		c.Response.Header.Set("Cache-Control", "no-store")
		return onlyNow.Send(c)
	}
	list, err := e.Tokens.StatusList(e.Running, number)
	if err != nil {
		return err
	}
	publish(c, revalidated)
	answer.File{ContentType: "application/statuslist+jwt", Digest: list.Digest, Plain: list.JWT, Encoded: map[string][]byte{"gzip": list.Gzip}}.Send(c, true)
	return nil
}

// publish lets pages of every origin read the response.
func publish(c *fasthttp.RequestCtx, caching string) {
	c.Response.Header.Set("Cache-Control", caching)
	c.Response.Header.Set("Access-Control-Allow-Origin", "*")
	c.Response.Header.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

func publishJSON(c *fasthttp.RequestCtx, caching, contentType string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	publish(c, caching)
	c.SetContentType(contentType)
	c.SetBody(body)
	return nil
}
