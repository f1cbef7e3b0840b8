package signer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"tokentab/backend/token"
)

// secretOf looks like the secret of a token that has the given payload.
func secretOf(payload string) []byte {
	return []byte("h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s")
}

func TestASecretNamesAStatusEntryOnlyIfItIsComplete(t *testing.T) {
	naming := func(index, list int) []byte {
		return secretOf(fmt.Sprintf(`{"status":{"status_list":{"idx":%d,"uri":"https://old.example.com/status-lists/%d"}}}`, index, list))
	}
	for name, c := range map[string]struct {
		secret []byte
		want   token.StatusEntry
	}{
		"an entry":         {naming(70_000, 3), token.StatusEntry{List: 3, Index: 70_000}},
		"the first entry":  {naming(0, 1), token.StatusEntry{List: 1}},
		"no entry":         {secretOf(`{}`), token.StatusEntry{}},
		"no index":         {secretOf(`{"status":{"status_list":{"uri":"/1"}}}`), token.StatusEntry{}},
		"no address":       {secretOf(`{"status":{"status_list":{"idx":1}}}`), token.StatusEntry{}},
		"no number":        {secretOf(`{"status":{"status_list":{"idx":1,"uri":"/x"}}}`), token.StatusEntry{}},
		"list 0":           {naming(1, 0), token.StatusEntry{}},
		"an index too far": {naming(token.StatusListSize, 3), token.StatusEntry{}},
		"an index below 0": {naming(-1, 3), token.StatusEntry{}},
		"no JWT":           {[]byte("x"), token.StatusEntry{}},
	} {
		if got := new(Signer).StatusEntry(c.secret); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// FuzzClaims guarantees that whatever a secret holds, a status entry is one of a list's, and that what an introspection
// takes from it is an issuer and an audience and nothing else.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"https://a.example","sub":"013xrzp12g3nqk8n9205sg2saed3z4m7","aud":["b"],"iat":1,"status":{"status_list":{"idx":7,"uri":"https://a.example/status-lists/2"}}}`))
	f.Add([]byte(`{"iss":"https://a.example","sub":"\",\"active\":true,\"x\":\"zzzzzzzz","aud":["b"],"exp":1}`))
	f.Add([]byte(`{"iss":"\u2028\"","aud":["\u0000"],"status":{"status_list":{"idx":-1,"uri":"/9223372036854775808"}}}`))
	f.Add([]byte(`{"iss":1,"aud":"b","iat":1e99}`))
	now, err := newIssuedBy("https://a.example", "b")
	if err != nil {
		f.Fatal(err)
	}
	s := &Signer{issuedBy: now}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, secret := range [][]byte{payload, secretOf(string(payload))} {
			entry := s.StatusEntry(secret)
			if entry != (token.StatusEntry{}) && (entry.List < 1 || entry.Index < 0 || entry.Index >= token.StatusListSize) {
				t.Errorf("%q names the entry %v", payload, entry)
			}
			s.IssuedAt(secret)
			members := s.AppendIssuer(nil, secret)
			if len(members) == 0 {
				continue
			}
			var object map[string]string
			err := json.Unmarshal([]byte(`{"active":"true"`+string(members)+`}`), &object)
			_, iss := object["iss"]
			_, aud := object["aud"]
			if err != nil || !iss || !aud || len(object) != 3 || object["active"] != "true" {
				t.Errorf("%q adds %q: %v", payload, members, err)
			}
		}
	})
}
