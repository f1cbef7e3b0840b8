package validation

import (
	"bytes"
	"cmp"
	"log/slog"
	"sync"

	"github.com/valyala/fasthttp"

	"tokentab/backend/text"
)

// requirements are the keys of a requirement, with other names that are mistaken for them. The first entry is empty.
var requirements = [...]struct{ key, letters string }{
	{}, {"account_id", "accountid"}, {"scope", "scope"}, {"environment_id", "environmentid"}, {"agent_id", "agentid"},
	{"scope", "tokenscope"}, {"agent_id and environment_id", "agentdeploymentid"}, {headerNeed, needLetters},
}

// misspeltIn returns the index of the requirement that a query names by an unknown key, or 0. The key may contain the name or
// misspell it, and the value may hide another key.
func misspeltIn(query *fasthttp.Args) int {
	for key, value := range query.All() {
		switch string(key) {
		case "account_id", "scope", "environment_id", "agent_id":
			continue
		}
		plain := unescaped(key)
		i := cmp.Or(nearly(plain), contained(plain))
		for _, part := range bytes.FieldsFunc(plain, endsName) {
			i = cmp.Or(i, nearly(part))
		}
		if len(key) == 0 { // an extra =
			value = append([]byte{'?'}, value...)
		}
		if i = cmp.Or(i, hidden(value, "&;?")); i > 0 {
			return i
		}
	}
	return 0
}

// hidden returns the index of the requirement that a value, or the path below the endpoint, has before an equals sign, or 0. A
// wrong or encoded separator makes a requirement a part of them.
func hidden(text []byte, separators string) int {
	if bytes.IndexByte(text, '=') < 0 && bytes.IndexByte(text, '%') < 0 {
		return 0
	}
	name, rest, isKey := bytes.Cut(unescaped(text), []byte{'='})
	for ; isKey; name, rest, isKey = bytes.Cut(rest, []byte{'='}) {
		if start := bytes.LastIndexAny(name, separators); start >= 0 {
			if i := nearly(name[start+1:]); i > 0 {
				return i
			}
		}
	}
	return 0
}

// unescaped returns a text without percent-encodings, however often it was encoded.
func unescaped(text []byte) []byte {
	plain := make([]byte, 0, len(text))
	for _, c := range text {
		plain = append(plain, c)
		for n := len(plain); n >= 3 && plain[n-3] == '%'; n = len(plain) {
			hi, lo := unhex(plain[n-2]), unhex(plain[n-1])
			if hi > 15 || lo > 15 {
				break
			}
			plain = append(plain[:n-3], hi<<4|lo)
		}
	}
	return plain
}

// endsName reports whether a character can't be part of a name.
func endsName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// nearly returns the index of the requirement that a key misspells, or 0: it differs in case or separators, or by one letter
// that is wrong, missing, extra or swapped with the next.
func nearly(key []byte) int {
	if end := bytes.IndexAny(key, "=:&"); end >= 0 { // a value follows
		key = key[:end]
	}
	letters := appendLetters(make([]byte, 0, longestLetters), key)
	for i := 1; i < len(requirements); i++ {
		if text.WithinOne(letters, requirements[i].letters) {
			return i
		}
	}
	return 0
}

// appendLetters appends the letters of a name in lower case, as far as there is room.
func appendLetters(letters, name []byte) []byte {
	for _, c := range name {
		if c |= 0x20; 'a' <= c && c <= 'z' && len(letters) < cap(letters) {
			letters = append(letters, c)
		}
	}
	return letters
}

// longestLetters is how many letters of a key are compared: enough to see that it is too long.
const longestLetters = len("agentdeploymentid") + 2

// contained returns the index of the requirement whose words a key contains in a row, or 0: those of filter[agent_id] and
// requiredScope, and not those of telescope.
func contained(key []byte) int {
	words := []byte{'_'}
	for i, c := range key {
		lower := c | 0x20
		isLetter := 'a' <= lower && lower <= 'z'
		if ends := !isLetter || c < 'a' && i > 0 && 'a' <= key[i-1] && key[i-1] <= 'z'; ends && words[len(words)-1] != '_' {
			words = append(words, '_')
		}
		if isLetter {
			words = append(words, lower)
		}
	}
	words = append(words, '_')
	for i := 1; i < len(requirements); i++ {
		if bytes.Contains(words, []byte("_"+requirements[i].key+"_")) {
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
		log.Warn("the query or path of a gateway's request has a misspelt requirement, so such requests are refused; correct the key, or move the requirements to the header X-Token-Need if the key belongs to an application",
			"requirement", requirements[requirement].key)
	})
}
