package signer

import (
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// privateKeyInfo is a private key in PKCS #8 (RFC 5208, section 5), whose attributes crypto/x509 passes over.
type privateKeyInfo struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
	Attributes []attribute `asn1:"optional,set,tag:0"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []string `asn1:"set"`
}

// chained is the attribute of a private key that was sealed after the audit events were chained: a description (X.520). It
// is under the seal, so no one without the master key can begin the chains again unnoticed.
var chained = attribute{Type: asn1.ObjectIdentifier{2, 5, 4, 13}, Values: []string{"audit events are chained"}}

// markChained adds the attribute to a private key. It returns the key as it is if it has that.
func markChained(private []byte) ([]byte, error) {
	var info privateKeyInfo
	if _, err := asn1.Unmarshal(private, &info); err != nil {
		return nil, fmt.Errorf("signer: decode a key: %w", err)
	}
	if isChained(info) {
		return private, nil
	}
	info.Attributes = append(info.Attributes, chained)
	marked, err := asn1.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("signer: encode a key: %w", err)
	}
	return marked, nil
}

func isChained(info privateKeyInfo) bool {
	return slices.ContainsFunc(info.Attributes, func(a attribute) bool {
		return a.Type.Equal(chained.Type) && slices.Equal(a.Values, chained.Values)
	})
}

// MayBeginChains reports whether the keys show that audit events were not chained before: the master key opens one that is
// not withdrawn and does not say otherwise.
func (k MasterKey) MayBeginChains(keys []StoredKey) bool {
	return slices.ContainsFunc(keys, func(key StoredKey) bool {
		plain, err := k.open(key.Sealed, key.ID)
		var info privateKeyInfo
		if err == nil {
			_, err = asn1.Unmarshal(plain, &info)
		}
		return err == nil && !isChained(info)
	})
}

// NoteChains makes all keys that are not withdrawn say that audit events are chained. Keys that the master key can't open
// stay as they are.
func (s *Signer) NoteChains(ctx context.Context) error {
	keys, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		plain, err := s.master.open(key.Sealed, key.ID)
		if err != nil {
			continue
		}
		marked, err := markChained(plain)
		if err != nil {
			return err
		}
		if slices.Equal(marked, plain) {
			continue
		}
		sealed, err := s.master.seal(marked, key.ID, s.random)
		if err != nil {
			return err
		}
		if err := s.store.SealAgain(ctx, key, sealed); err != nil {
			return err
		}
	}
	return nil
}
