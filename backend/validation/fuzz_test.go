package validation_test

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"tokentab/backend/backendtest"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
	"tokentab/backend/validation"
)

// FuzzCredential guarantees that a request is accepted only if exactly one header has exactly the issued secret. $T in a
// value stands for the secret.
func FuzzCredential(f *testing.F) {
	p := backendtest.Start(f)
	_, _, secret := p.Deployed()
	f.Add("Bearer $T", "", "")
	f.Add("", "", "$T")
	f.Add("bEARER   $T", "Bearer $T", "$T")
	f.Add("Basic $T", "", "$T")
	f.Add("Bearer\n$T", "", "")
	ends := strings.NewReplacer("\r", " ", "\n", " ") // of lines, for which fasthttp adds spaces to a header
	f.Fuzz(func(t *testing.T, first, second, key string) {
		var h fasthttp.RequestHeader
		add := func(name, value string) string {
			value = ends.Replace(strings.ReplaceAll(value, "$T", secret))
			if value != "" {
				h.Add(name, value)
			}
			return value
		}
		first, second, key = add("Authorization", first), add("Authorization", second), add("X-API-Key", key)
		for _, keyHeader := range []bool{false, true} {
			presented, got := "", false
			switch {
			case first != "" && second != "": // two credentials
			case first+second != "":
				presented = afterScheme(first + second)
			case keyHeader:
				presented = key
			}
			value, isPresented := validation.Bearer(&h, keyHeader)
			if verdict, err := p.Tokens.Judge(t.Context(), value); err != nil {
				t.Fatal(err)
			} else {
				got = verdict.Reason == token.Good
			}
			if want := presented == secret; got != want {
				t.Fatalf("Authorization %q and %q, X-API-Key %q: accepted is %v", first, second, key, got)
			}
			if want := first+second != "" || keyHeader && key != ""; isPresented != want {
				t.Fatalf("Authorization %q and %q, X-API-Key %q: presented is %v", first, second, key, isPresented)
			}
		}
	})
}

// afterScheme returns what follows the scheme Bearer and its spaces, or the empty text.
func afterScheme(value string) string {
	scheme, rest, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || strings.ContainsFunc(scheme, func(r rune) bool { return r > 'z' }) {
		return ""
	}
	return strings.TrimLeft(rest, " ")
}

// FuzzRequirements guarantees that a client's query can't loosen the requirements in X-Token-Need, and that a token passes
// only if it has one of the values of every known key. $A, $E, $B and $X stand for the ids of the token's account,
// environment and agent, and for an id that is none of them.
func FuzzRequirements(f *testing.F) {
	p := backendtest.Start(f)
	_, made, secret := p.Deployed()
	other, err := pfid.New(p.Clock.Now(), made.AccountID.Partition(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	ids := strings.NewReplacer("$A", made.AccountID.String(), "$E", made.EnvironmentID.String(), "$B", made.AgentID.String(), "$X", other.String())
	own := map[string]string{
		"account_id": made.AccountID.String(), "scope": "agent_deployment", "environment_id": made.EnvironmentID.String(), "agent_id": made.AgentID.String(),
	}
	f.Add("environment_id=$X", "environment_id=$E")
	f.Add("agent_id=$B&agent_id=$X", "scope=account&page=2")
	f.Add("account_id=$A", "scope=agent_deployment&environment_id=$E")
	f.Add("", "scope=agent_deployment&scope=account")
	f.Add("scope", "Scope=account")
	f.Add("environment=$E", "")
	f.Add("account_id=$A;scope=account", "a%5fb=%zz&&=+")
	f.Fuzz(func(t *testing.T, header, query string) {
		header, query = ids.Replace(header), ids.Replace(query)
		if strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // the server refuses a target with a control character, which has no query then
		}
		passes := func(header, query string) bool {
			var c fasthttp.RequestCtx
			c.Request.SetRequestURI("/api/v1/validate?" + strings.ReplaceAll(query, "#", "%23")) // the server refuses a #
			if header != "" {
				c.Request.Header.Add("X-Token-Need", header)
			}
			verdict, err := p.Tokens.Judge(t.Context(), []byte(secret), validation.ReadNeeds(&c)...)
			if err != nil {
				t.Fatal(err)
			}
			return verdict.Reason == token.Good
		}
		both, alone := passes(header, query), passes(header, "")
		if both && !alone {
			t.Fatalf("the query %q loosens the requirements %q", query, header)
		}
		if both && header != "" && !isMet(own, query) {
			t.Fatalf("the header %q hides the requirements of the query %q", header, query)
		}
		if passes("", query) && !isMet(own, query) {
			t.Fatalf("the token passes without meeting the query %q", query)
		}
		if alone && header != "" && !(isMet(own, header) && isKnown(own, header)) {
			t.Fatalf("the token passes without meeting the header %q", header)
		}
	})
}

// isMet reports whether the values have one of those of each key that both have. It is true for a text that net/url can't read.
func isMet(own map[string]string, query string) bool {
	demands, err := url.ParseQuery(query)
	if err != nil {
		return true
	}
	for key, value := range own {
		if wanted := demands[key]; len(wanted) > 0 && !slices.Contains(wanted, value) {
			return false
		}
	}
	return true
}

// isKnown reports whether all keys are those of values. It is true for a text that net/url can't read.
func isKnown(own map[string]string, query string) bool {
	demands, err := url.ParseQuery(query)
	if err != nil {
		return true
	}
	for key := range demands {
		if _, known := own[key]; !known {
			return false
		}
	}
	return true
}
