package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// describeEndpoints adds the validation endpoints to the OpenAPI document. They are not routes:
// Server.gate in package web serves them.
func (s *Service) describeEndpoints() {
	security := []map[string][]string{{"token": {}}}
	s.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "ping", Method: http.MethodGet, Path: "/ping", Security: security,
		Summary: "Check a token and return its identity",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is accepted; details hold its identity"},
			"400": {Description: "The request can't be read, or its query has more than 1,000 parameters"},
			"401": {Description: "The token is missing or not accepted"},
			"403": {Description: "A gateway asked about another request; it must use /validate"},
			"503": {Description: "The token could not be checked"},
		},
	})
	s.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "validate", Method: http.MethodGet, Path: "/validate", Security: security,
		Summary:     "Check a token for a gateway: any method, any path below, the identity in headers",
		Description: "Takes Authorization: Bearer, else X-API-Key. The query keys account_id, scope, environment_id and agent_id are requirements. A token must satisfy every key; repeat a key to accept any of its values. The header X-Token-Need takes the same keys; if both are sent, a token must satisfy both.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is accepted; its identity is in the X-Token-…, X-Account-Id, X-Environment-Id, X-Agent-Id and X-Agent-Deployment-Id headers"},
			"401": {Description: "The token is missing or not accepted"},
			"403": {Description: "The token does not satisfy the requirements"},
			"503": {Description: "The token could not be checked"},
		},
	})
}
