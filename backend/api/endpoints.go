package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"tokentab/backend/answer"
)

// PingAnswer is the response of GET /ping to an accepted token.
type PingAnswer struct {
	Status  string        `json:"status" enum:"success"`
	Details TokenIdentity `json:"details"`
}

// TokenIdentity is whom a token stands for.
type TokenIdentity struct {
	TokenType         string    `json:"token_type" enum:"api"`
	TokenID           string    `json:"token_id"`
	TokenScope        string    `json:"token_scope" enum:"account,environment,agent_deployment"`
	AccountID         string    `json:"account_id"`
	EnvironmentID     *string   `json:"environment_id" doc:"null for an account token"`
	AgentID           *string   `json:"agent_id" doc:"null unless the scope is agent_deployment"`
	AgentDeploymentID *string   `json:"agent_deployment_id" doc:"null unless the scope is agent_deployment"`
	ExpiresAt         Timestamp `json:"expires_at"`
}

// describeEndpoints adds the validation endpoints to the OpenAPI document. They are not routes:
// Server.gate in package web serves them.
func (s *Service) describeEndpoints() {
	document := s.huma.OpenAPI()
	body := func(of reflect.Type, contentType string) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{contentType: {Schema: document.Components.Schemas.Schema(of, true, of.Name())}}
	}
	refusal := func(why string) *huma.Response {
		return &huma.Response{Description: why, Content: body(reflect.TypeFor[answer.ErrorBody](), string(answer.TypeJSON))}
	}
	identity := map[string]*huma.Header{}
	for _, name := range []string{"X-Token-Id", "X-Token-Scope", "X-Account-Id", "X-Environment-Id", "X-Agent-Id", "X-Agent-Deployment-Id", "X-Token-Expires-At"} {
		identity[name] = &huma.Header{Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	security := []map[string][]string{{"token": {}}}
	document.AddOperation(&huma.Operation{
		OperationID: "ping", Method: http.MethodGet, Path: "/ping", Security: security, DefaultStatus: http.StatusOK,
		Summary: "Check a token and return its identity",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is accepted; details hold its identity", Content: body(reflect.TypeFor[PingAnswer](), "application/json")},
			"400": refusal("The request can't be read, or its query has more than 1,000 parameters"),
			"401": refusal("The token is missing or not accepted"),
			"403": refusal("A gateway asked about another request; it must use /validate"),
			"503": refusal("The token could not be checked"),
		},
	})
	document.AddOperation(&huma.Operation{
		OperationID: "validate", Method: http.MethodGet, Path: "/validate", Security: security, DefaultStatus: http.StatusOK,
		Summary:     "Check a token for a gateway: any method, any path below, the identity in headers",
		Description: "Takes Authorization: Bearer, else X-API-Key. The query keys account_id, scope, environment_id and agent_id are requirements. A token must satisfy every key; repeat a key to accept any of its values. The header X-Token-Need takes the same keys; if both are sent, a token must satisfy both.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The token is accepted; its identity is in the headers, empty where one does not apply", Headers: identity},
			"401": refusal("The token is missing or not accepted"),
			"403": refusal("The token does not satisfy the requirements"),
			"503": refusal("The token could not be checked"),
		},
	})
}
