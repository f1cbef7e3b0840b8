package api

import (
	"context"

	"tokentab/backend/pfid"
)

type generateInput struct {
	Body struct {
		_         struct{} `additionalProperties:"true"`
		Count     int      `json:"count" required:"false" minimum:"1" maximum:"1000" default:"1"`
		AccountID *string  `json:"account_id,omitempty" nullable:"true" doc:"Id of the caller's account, which is the default. Any other account gets 404"`
	}
}

// PFIDs is a set of new ids.
type PFIDs struct {
	PFIDs []string `json:"pfids" nullable:"false"`
}

func (s *Service) generatePFIDs(_ context.Context, who *caller, in *generateInput) (*one[PFIDs], error) {
	ids := make([]string, in.Body.Count)
	for i := range ids {
		id, err := pfid.New(s.Now(), who.AccountID.Partition(), s.Random)
		if err != nil {
			return nil, err
		}
		ids[i] = id.String()
	}
	return details(PFIDs{PFIDs: ids}), nil
}
