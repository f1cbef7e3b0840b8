package validation

import (
	"bytes"
	"log/slog"
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/text"
)

// requirements are the keys of a requirement, with other names that are mistaken for them. The first entry is empty.
var requirements = [...]struct{ key, letters string }{
	{}, {"account_id", "accountid"}, {"scope", "scope"}, {"environment_id", "environmentid"}, {"agent_id", "agentid"},
	{"scope", "tokenscope"}, {"agent_id and environment_id", "agentdeploymentid"},
}

// misspeltIn returns the index of the requirement that a query key misspells, or 0.
func misspeltIn(query *fasthttp.Args) int {
	for key := range query.All() {
		switch string(key) {
		case "account_id", "scope", "environment_id", "agent_id":
		default:
			if i := nearly(key); i > 0 {
				return i
			}
		}
	}
	return 0
}

// longestLetters is how many letters of a key are compared: enough to see that it is too long.
const longestLetters = len("agentdeploymentid") + 2

// nearly returns the index of the requirement that a key misspells, or 0: it differs in case, encoding or separators,
// or by one letter that is wrong, missing, extra or swapped with the next.
func nearly(key []byte) int {
	key = bytes.TrimPrefix(key, []byte("amp;")) // & as HTML and XML write it
	var room [longestLetters]byte
	letters := room[:0]
	for i := 0; i < len(key) && len(letters) < len(room); i++ {
		c := key[i]
		if c == '%' && i+2 < len(key) { // encoded twice
			if hi, lo := unhex(key[i+1]), unhex(key[i+2]); hi < 16 && lo < 16 {
				c = hi<<4 | lo
				i += 2
			}
		}
		if c == '=' || c == ':' || c == '&' { // a value follows
			break
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if 'a' <= c && c <= 'z' {
			letters = append(letters, c)
		}
	}
	for i := 1; i < len(requirements); i++ {
		if text.WithinOne(letters, requirements[i].letters) {
			return i
		}
	}
	return 0
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// misspellings logs each misspelt requirement once. It logs nothing of the query, which may hold a client's secret.
type misspellings [len(requirements)]sync.Once

func (m *misspellings) log(log *slog.Logger, requirement int) {
	m[requirement].Do(func() {
		log.Warn("a gateway's query has a misspelt requirement, so its requests are refused; correct the key, or move the requirements to the header X-Token-Need if the key belongs to an application",
			"requirement", requirements[requirement].key)
	})
}
