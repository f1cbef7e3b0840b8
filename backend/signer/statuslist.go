package signer

import (
	"context"
	"strconv"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend/token"
)

// statusListClaims are the claims of a signed list on the wire (section 5.1).
type statusListClaims struct {
	jwt.RegisteredClaims
	TTL        int64      `json:"ttl"` // seconds
	StatusList statusList `json:"status_list"`
}

type statusList struct {
	Bits int    `json:"bits"`
	List string `json:"lst"`
}

// StatusListURI implements token.Signer.
func (s *Signer) StatusListURI(number int) string {
	return s.issuer + "/status-lists/" + strconv.Itoa(number)
}

// SignStatusList implements token.Signer.
func (s *Signer) SignStatusList(ctx context.Context, c token.StatusListClaims) (string, error) {
	signed, _, err := s.sign(ctx, "statuslist+jwt", statusListClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: s.StatusListURI(c.Number),
			IssuedAt: jwt.NewNumericDate(c.IssuedAt), ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		TTL: int64(c.TTL.Seconds()), StatusList: statusList{Bits: c.Bits, List: c.List},
	})
	return signed, err
}
