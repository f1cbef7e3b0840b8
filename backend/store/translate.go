package store

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Statements are written once, in SQL that both SQLite and Postgres understand, with SQLite's placeholders. Where the two have
// no common form, they have SQLite's, and forms holds what it becomes for Postgres.

// Parts of statements that differ between the dialects.
const (
	// eachValue is the elements of a JSON array: one value of a statement, however many there are. Row j has the key, from 0
	// or 1, and the value, a text in Postgres.
	eachValue = "json_each(?) j"
	// eachPair is the members of a JSON object. Row p has the key and the value.
	eachPair = "json_each(?) p"
	// byKey orders rows by j.key. SQLite already reads them in this order if the joins after eachValue are CROSS JOINs.
	byKey = "/* ORDER BY j.key */"
	// anyOf selects the texts of a JSON array, and anyNumberOf its numbers.
	anyOf       = "(SELECT value FROM " + eachValue + ")"
	anyNumberOf = "(SELECT CAST(value AS BIGINT) FROM " + eachValue + ")"

	// firstID is an id that a recursion begins with.
	firstID = "SELECT CAST(? AS TEXT)"
	// madeByMade selects the tokens that those of made have created. Each of SQLite's selects uses an index.
	madeByMade = `SELECT t.id FROM made JOIN api_tokens t ON t.created_by_api_token_id = made.id
	UNION SELECT d.id FROM made JOIN deleted_creators d ON d.created_by_api_token_id = made.id`
	// makerOfUp selects the tokens that created those of up.
	makerOfUp = `SELECT t.created_by_api_token_id FROM up JOIN api_tokens t ON t.id = up.id WHERE t.created_by_api_token_id IS NOT NULL
			UNION SELECT d.created_by_api_token_id FROM up JOIN deleted_creators d ON d.id = up.id`
)

// eachValueThere is eachValue in Postgres.
const eachValueThere = "json_array_elements_text(CAST(COALESCE(NULLIF(?, 'null'), '[]') AS JSON)) WITH ORDINALITY AS j (value, key)"

// forms are pairs of a form of SQLite and the same in Postgres.
var forms = strings.NewReplacer(
	// Above eight joins, Postgres would join all rows of a table before it looks for the ids.
	"t.id IN "+anyOf, "t.id = ANY(ARRAY(SELECT value FROM "+eachValueThere+"))",
	eachValue, eachValueThere,
	eachPair, "json_each_text(CAST(? AS JSON)) AS p (key, value)",
	byKey, "ORDER BY j.key",
	firstID, `SELECT CAST(? AS TEXT) COLLATE "C"`,
	// A recursion may refer to itself only once.
	madeByMade, `SELECT c.id FROM made CROSS JOIN LATERAL (
		SELECT t.id FROM api_tokens t WHERE t.created_by_api_token_id = made.id
		UNION ALL SELECT d.id FROM deleted_creators d WHERE d.created_by_api_token_id = made.id) c`,
	makerOfUp, `SELECT c.maker FROM up CROSS JOIN LATERAL (
		SELECT t.created_by_api_token_id AS maker FROM api_tokens t WHERE t.id = up.id AND t.created_by_api_token_id IS NOT NULL
		UNION ALL SELECT d.created_by_api_token_id FROM deleted_creators d WHERE d.id = up.id) c`,

	"instr(", "strpos(",
	"MAX(t.updated_at, ", "GREATEST(t.updated_at, ",
	"registered = 1", "registered", // a BOOLEAN there, in columns that SQLite has indexes of numbers on
	"+t.account_id", "t.account_id", // keeps SQLite from an index
	"+t.action", "t.action",
)

var (
	crossJoin = regexp.MustCompile(`CROSS JOIN (\w+ \w+) ON `) // an inner join, in this order
	jsonArray = regexp.MustCompile(`json_group_array\(([^()]*)\)`)
)

// translate returns a statement in Postgres' dialect.
func translate(statement string) string {
	statement = forms.Replace(statement)
	statement = crossJoin.ReplaceAllString(statement, "JOIN $1 ON ")
	statement = jsonArray.ReplaceAllString(statement, "CAST(COALESCE(json_agg($1), '[]') AS TEXT)")
	return numbered(statement)
}

// numbered turns the placeholders ? and ?1 outside quotes into $1. As in SQLite, a ? is the one after the highest before it.
func numbered(statement string) string {
	var b strings.Builder
	highest := 0
	for i := 0; i < len(statement); i++ {
		switch c := statement[i]; c {
		case '\'', '"':
			end := strings.IndexByte(statement[i+1:], c)
			if end < 0 {
				end = len(statement) - i - 2
			}
			b.WriteString(statement[i : i+end+2])
			i += end + 1
		case '?':
			digits := i + 1
			for digits < len(statement) && '0' <= statement[digits] && statement[digits] <= '9' {
				digits++
			}
			n, err := strconv.Atoi(statement[i+1 : digits])
			if err != nil { // no number
				n = highest + 1
			}
			highest = max(highest, n)
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			i = digits - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// maxTranslated is how many translations are kept. Filters can be combined in ever new ways.
const maxTranslated = 1000

// translations keeps what statements become.
type translations struct {
	mu   sync.RWMutex
	kept map[string]string
}

func (t *translations) of(statement string) string {
	t.mu.RLock()
	translated, ok := t.kept[statement]
	t.mu.RUnlock()
	if ok {
		return translated
	}
	translated = translate(statement)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= maxTranslated {
		t.kept = map[string]string{}
	}
	t.kept[statement] = translated
	return translated
}
