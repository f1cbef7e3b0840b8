package signer

import (
	"encoding/base64"
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
