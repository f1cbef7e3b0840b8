package api

// deletion is a request to delete a resource that may have live API tokens. They are revoked with it.
type deletion struct {
	PathID
	IfUnused bool `query:"if_unused" doc:"Answer 409 and change nothing if it has live API tokens; for an environment also if it has agent deployments"`
}

// deleted is the response to a deletion.
type deleted[T any] struct {
	Status               string `json:"status" enum:"success"`
	Details              T      `json:"details"`
	RevokedAPITokenCount int    `json:"revoked_api_token_count" doc:"Number of its API tokens that were revoked"`
}

// gone returns a function that responds with a resource as it was and the number of its revoked tokens, or with the error
// of the deletion.
func gone[From, To any](convert func(From) To) func(From, int, error) (*whole[deleted[To]], error) {
	return func(item From, revoked int, err error) (*whole[deleted[To]], error) {
		if err != nil {
			return nil, err
		}
		return &whole[deleted[To]]{Body: deleted[To]{Status: "success", Details: convert(item), RevokedAPITokenCount: revoked}}, nil
	}
}
