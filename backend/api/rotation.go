package api

import (
	"context"
	"time"

	"tokentab/backend/fault"
	"tokentab/backend/token"
)

// OldSecret is the secret that a rotation replaced and that is still valid.
type OldSecret struct {
	Hint   string    `json:"hint" doc:"The last four characters of the old secret"`
	EndsAt Timestamp `json:"ends_at" doc:"Every validation refuses the old secret from then on"`
}

func oldSecret(old token.OldSecret) *OldSecret {
	if old.EndsAt.IsZero() {
		return nil
	}
	return &OldSecret{Hint: old.Hint, EndsAt: Timestamp(old.EndsAt)}
}

// RotateAPIToken is a request to replace the secret of a token.
type RotateAPIToken struct {
	_              struct{}   `additionalProperties:"true"`
	OverlapSeconds int64      `json:"overlap_seconds" minimum:"0" maximum:"604800" doc:"How long the old secret stays valid beside the new one, at most until its own expiry; 0 ends it now"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"New expiry of the token, RFC 3339; unchanged if empty. A token that rotates itself gets at most the lifetime that its secret was issued with"`
	ExpiresIn      *int64     `json:"expires_in,omitempty" nullable:"true" minimum:"1" maximum:"1000000000" doc:"Seconds from now by the server's clock, instead of expires_at"`
}

func (s *Service) rotateToken(ctx context.Context, who *caller, in *changed[RotateAPIToken]) (*whole[CreatedAPIToken], error) {
	if err := s.mayGetSecret(who, in.id()); err != nil {
		return nil, err
	}
	asked := in.Body.Details
	expiry, lifetime, err := expiryAsked(asked.ExpiresAt, asked.ExpiresIn)
	if err != nil {
		return nil, err
	}
	rotated, secret, err := s.Tokens.Rotate(ctx, who.Actor, in.id(), token.Rotation{
		Overlap: time.Duration(asked.OverlapSeconds) * time.Second, ExpiresAt: expiry, Lifetime: lifetime,
	})
	if err != nil {
		return nil, err
	}
	return &whole[CreatedAPIToken]{Body: CreatedAPIToken{Status: "success", Details: apiToken(rotated), Token: secret}}, nil
}

func (s *Service) endOldSecret(ctx context.Context, who *caller, in *pathID) (*one[APIToken], error) {
	return tokenDetails(s.Tokens.EndOldSecret(ctx, who.Actor, in.id()))
}

// expiryAsked returns the expiry or the lifetime that a request asks for; zeros for neither.
func expiryAsked(at *time.Time, in *int64) (expiry time.Time, lifetime time.Duration, err error) {
	if at != nil {
		if at.IsZero() { // the zero time means none
			return expiry, 0, fault.Field("expires_at", "must be in the future")
		}
		expiry = *at
	}
	if in != nil {
		if at != nil {
			return expiry, 0, fault.Field("expires_in", "must be omitted if expires_at is sent")
		}
		lifetime = time.Duration(*in) * time.Second
	}
	return expiry, lifetime, nil
}
