package backendtest

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Entry is the status list entry that a secret refers to.
type Entry struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

// EntryOf reads the status claim of a secret.
func EntryOf(t testing.TB, secret string) Entry {
	t.Helper()
	var claims struct {
		Status struct {
			List Entry `json:"status_list"`
		} `json:"status"`
	}
	decodePayload(t, secret, &claims)
	if claims.Status.List.URI == "" {
		t.Fatal("the secret names no status list")
	}
	return claims.Status.List
}

// ValueOf returns the value of an entry in a signed status list. It does not verify the signature.
func ValueOf(t testing.TB, list string, entry Entry) byte {
	t.Helper()
	var claims struct {
		List struct {
			Bits int    `json:"bits"`
			Lst  string `json:"lst"`
		} `json:"status_list"`
	}
	decodePayload(t, list, &claims)
	if claims.List.Bits != 2 {
		t.Fatalf("an entry has %d bits", claims.List.Bits)
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.Lst)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	bits, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bits[entry.Index/4] >> (entry.Index % 4 * 2) & 3
}

func decodePayload(t testing.TB, signed string, claims any) {
	t.Helper()
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %s", signed)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, claims); err != nil {
		t.Fatal(err)
	}
}

// Listed returns the value of an entry in the list that the program serves now.
func (p *Program) Listed(entry Entry) byte {
	p.t.Helper()
	a := p.Call(http.MethodGet, strings.TrimPrefix(entry.URI, p.URL), nil)
	if a.Status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", entry.URI, a.Status, a.Body)
	}
	return ValueOf(p.t, a.Body, entry)
}
