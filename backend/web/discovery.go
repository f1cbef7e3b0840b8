package web

import (
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/signer"
)

// keptFiveMinutes is for responses that rarely change and are published before they take effect.
const keptFiveMinutes = "public, max-age=300"

// oauthMetadata is the metadata of this server for OAuth clients (RFC 8414, section 2).
type oauthMetadata struct {
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
