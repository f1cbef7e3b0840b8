package signer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// claims are the claims of a secret on the wire (RFC 9068, section 2.2).
type claims struct {
	jwt.RegisteredClaims
	ClientID          string `json:"client_id"`
	Scope             string `json:"scope"`
	AccountID         string `json:"account_id"`
	EnvironmentID     string `json:"environment_id,omitempty"`
	AgentID           string `json:"agent_id,omitempty"`
	AgentDeploymentID string `json:"agent_deployment_id,omitempty"`
	Status            status `json:"status,omitzero"`
}

// status is the status claim of a secret (draft-ietf-oauth-status-list-20, section 6.1).
type status struct {
	List reference `json:"status_list"`
}

// reference is the entry of a token in a status list (draft-ietf-oauth-status-list-20, section 6.2).
type reference struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

// Sign implements token.Signer.
func (s *Signer) Sign(ctx context.Context, c token.Claims) (secret, keyID string, err error) {
	all := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: c.Subject.String(), Audience: jwt.ClaimStrings{s.audience}, ID: c.ID,
			IssuedAt: jwt.NewNumericDate(c.IssuedAt), ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		ClientID: c.ClientID.String(), Scope: c.Scope.String(), AccountID: c.AccountID.String(),
		EnvironmentID: c.EnvironmentID.String(), AgentID: c.AgentID.String(), AgentDeploymentID: c.AgentDeploymentID.String(),
	}
	if !c.StatusEntry.IsZero() {
		all.Status.List = reference{Index: c.StatusEntry.Index, URI: s.StatusListURI(c.StatusEntry.List)}
	}
	return s.sign(ctx, "at+jwt", all)
}

// payloadOf returns the encoded claims in a secret, or the empty text.
func payloadOf(secret []byte) []byte {
	_, rest, _ := bytes.Cut(secret, []byte("."))
	payload, _, _ := bytes.Cut(rest, []byte("."))
	return payload
}

// read reads claims in a secret, whose signature it does not check, into a struct. Members that are absent keep their
// values.
func read(secret []byte, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(string(payloadOf(secret)))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// StatusEntry implements token.Signer. Of the list's address only the number counts, since the server may have had
// another public URL then.
func (s *Signer) StatusEntry(secret []byte) token.StatusEntry {
	c := claims{Status: status{List: reference{Index: -1}}}
	if read(secret, &c) != nil {
		return token.StatusEntry{}
	}
	index, uri := c.Status.List.Index, c.Status.List.URI
	number, err := strconv.Atoi(uri[strings.LastIndexByte(uri, '/')+1:])
	if err != nil || number < 1 || index < 0 || index >= token.StatusListSize {
		return token.StatusEntry{}
	}
	return token.StatusEntry{List: number, Index: index}
}

// IssuedAt returns the iat claim of a secret, in Unix seconds; 0 if it has none. It checks no signature.
func (s *Signer) IssuedAt(secret []byte) int64 {
	var c struct {
		IssuedAt int64 `json:"iat"`
	}
	_ = read(secret, &c) // 0 for a text that is no secret
	return c.IssuedAt
}

// issuedBy is an issuer and audience, encoded as JSON members and for comparison with the claims of a secret.
type issuedBy struct {
	members []byte
	// A token's claims begin with head, the subject and middle.
	head, middle []byte
}

func newIssuedBy(issuer, audience string) (issuedBy, error) {
	iss, err1 := json.Marshal(issuer)
	aud, err2 := json.Marshal(audience)
	return issuedBy{
		members: fmt.Appendf(nil, `,"iss":%s,"aud":%s`, iss, aud),
		head:    fmt.Appendf(nil, `{"iss":%s,"sub":"`, iss), middle: fmt.Appendf(nil, `","aud":[%s],`, aud),
	}, errors.Join(err1, err2)
}

// AppendIssuer appends the iss and aud of a secret as JSON members (RFC 7662, section 2.2), even if the public URL or
// audience has changed since it was issued. Offline verifiers see the same values. It appends nothing for a secret
// without them. Only the claims of known secrets are genuine: it checks no signature.
func (s *Signer) AppendIssuer(b, secret []byte) []byte {
	if s.issuedBy.begins(payloadOf(secret)) {
		return append(b, s.issuedBy.members...)
	}
	var c struct { // only these, because each further claim costs time
		Issuer   string   `json:"iss"`
		Audience []string `json:"aud"`
	}
	if read(secret, &c) != nil || len(c.Audience) != 1 {
		return b
	}
	then, err := newIssuedBy(c.Issuer, c.Audience[0])
	if err != nil {
		return b
	}
	return append(b, then.members...)
}

// begins reports whether a payload begins like those of tokens issued now. Nearly all do, which avoids parsing JSON.
func (now *issuedBy) begins(payload []byte) bool {
	var text [512]byte
	subject := len(now.head)
	middle := subject + pfid.TextSize
	whole := (middle + len(now.middle) + 2) / 3 * 4
	if whole > len(payload) || base64.RawURLEncoding.DecodedLen(whole) > len(text) {
		return false
	}
	n, err := base64.RawURLEncoding.Decode(text[:], payload[:whole])
	return err == nil && bytes.HasPrefix(text[:n], now.head) && bytes.HasPrefix(text[middle:n], now.middle)
}
