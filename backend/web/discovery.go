package web

import (
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/signer"
)

// keptFiveMinutes is for what hardly ever changes, and tells of its changes in advance.
const keptFiveMinutes = "public, max-age=300"

// oauthMetadata is what OAuth clients have to know of this server (RFC 8414, section 2).
type oauthMetadata struct {
	Issuer                   string   `json:"issuer"`
	JWKSURI                  string   `json:"jwks_uri"`
	ScopesSupported          []string `json:"scopes_supported"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	// Where the status lists are named (draft-ietf-oauth-status-list-20, section 9.1).
	StatusLists string `json:"status_list_aggregation_endpoint"`
	// Tokens are made on the page and by the API, not by a grant. Both lists are there although they are empty: the
	// first has to be, and without the second clients assume the authorization code (section 2; section 3.2 would leave
	// empty ones out).
	ResponseTypesSupported []string `json:"response_types_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	ServiceDocumentation   string   `json:"service_documentation"`
}

// oauthMetadata publishes where the OAuth endpoints are (RFC 8414, section 3).
func (s *Server) oauthMetadata(c *fiber.Ctx) error {
	issuer := s.Config.Origin()
	publish(c)
	c.Set(fiber.HeaderCacheControl, keptFiveMinutes)
	return c.JSON(oauthMetadata{
		Issuer:                   issuer,
		JWKSURI:                  issuer + "/.well-known/jwks.json",
		ScopesSupported:          []string{"account", "environment", "agent_deployment"},
		IntrospectionEndpoint:    issuer + pathIntrospect,
		IntrospectionAuthMethods: []string{"client_secret_basic", "client_secret_post", "Bearer"},
		RevocationEndpoint:       issuer + pathRevoke,
		RevocationAuthMethods:    []string{"none"},
		StatusLists:              issuer + "/status-lists",
		ResponseTypesSupported:   []string{},
		GrantTypesSupported:      []string{},
		ServiceDocumentation:     issuer + "/docs",
	})
}

// jwks publishes the public keys (RFC 7517, section 5).
func (s *Server) jwks(c *fiber.Ctx) error {
	keys, err := s.Keys.PublicKeys(c.UserContext())
	if err != nil {
		return err
	}
	publish(c)
	c.Set(fiber.HeaderCacheControl, keptFiveMinutes)
	return c.JSON(struct {
		Keys []signer.JWK `json:"keys"`
	}{keys}, "application/jwk-set+json")
}
