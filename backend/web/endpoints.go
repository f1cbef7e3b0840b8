package web

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// describeEndpoints puts the validation endpoints into the OpenAPI document. They are answered before the router, see gate.
func (s *Server) describeEndpoints() {
	security := []map[string][]string{{"token": {}}}
	s.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "ping", Method: http.MethodGet, Path: "/ping", Security: security,
		Summary: "Is this token good, and whose is it?",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is good; the identity is in details"},
			"401": {Description: "There is no token, or it is not good"},
			"403": {Description: "A gateway asked about another request, which it has to do at /validate"},
			"503": {Description: "It could not be found out"},
		},
	})
	s.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "validate", Method: http.MethodGet, Path: "/validate", Security: security,
		Summary:     "Is this token good? For gateways: any method, any path below it, the identity in headers",
		Description: "Takes Authorization: Bearer, else X-API-Key. The query keys account_id, scope, environment_id and agent_id say what is needed; each may be repeated, and any of its values will do. X-Token-Need takes the same in a header; both have to be met.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is good; the identity is in the X-Token-…, X-Account-Id, X-Environment-Id, X-Agent-Id and X-Agent-Deployment-Id headers"},
			"401": {Description: "There is no token, or it is not good"},
			"403": {Description: "The token is good, but not for what is needed"},
			"503": {Description: "It could not be found out"},
		},
	})
}
