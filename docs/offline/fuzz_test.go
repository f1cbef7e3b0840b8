package main

import (
	"strings"
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/token"
)

// FuzzVerify guarantees that the verifier accepts no claims that Tokentab did not sign. $H, $P and $S stand for the header,
// the payload and the signature of an issued token.
func FuzzVerify(f *testing.F) {
	p := backendtest.Start(f)
	_, secret := p.Issue(p.Found(), token.Order{Scope: token.ScopeAccount})
	v, _ := verifierOf(p)
	if _, err := v.Verify(f.Context(), secret); err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(secret, ".")
	issued := strings.NewReplacer("$H", parts[0], "$P", parts[1], "$S", parts[2])
	f.Add("$H.$P.$S")
	f.Add("$H.$P.")
	f.Add("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.$P.")
	f.Add("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.$P.$S")
	f.Add("$H.$PQ.$S")
	f.Add("$H.$P.$S.$S")
	f.Add(" $H.$P.$S=")
	f.Fuzz(func(t *testing.T, text string) {
		text = issued.Replace(text)
		_, err := v.Verify(t.Context(), text)
		// Anyone can write a signature in a second way, but not make one for other claims.
		if err == nil && !strings.HasPrefix(text, parts[0]+"."+parts[1]+".") {
			t.Fatalf("%q is accepted", text)
		}
	})
}
