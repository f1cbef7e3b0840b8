package store

import (
	"strings"
	"testing"
)

func TestPlaceholdersBecomeThoseOfPostgres(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT ?, ?":                       "SELECT $1, $2",
		"SELECT ?2, ?1, ?":                  "SELECT $2, $1, $3",
		"SELECT '?', \"?\", ?":              "SELECT '?', \"?\", $1",
		"SELECT 'it''s ?', ?":               "SELECT 'it''s ?', $1",
		"SELECT 'open ?":                    "SELECT 'open ?",
		"SELECT a FROM b CROSS JOIN c":      "SELECT a FROM b CROSS JOIN c",
		"SELECT a FROM b CROSS JOIN c d ON": "SELECT a FROM b CROSS JOIN c d ON",
	} {
		if got := translate(statement); got != want {
			t.Errorf("%s becomes %s, want %s", statement, got, want)
		}
	}
}

func TestNoFormOfSQLiteIsLeftInATranslation(t *testing.T) {
	for _, statement := range []string{
		descendantsOf, "SELECT json_group_array(id) FROM a", "SELECT 1 FROM " + eachValue + " CROSS JOIN b t ON t.id = j.value " + byKey, "SELECT " + updatedNowOfT,
	} {
		got := translate(statement)
		for _, form := range []string{"json_each(", "json_group_array", "CROSS JOIN b", "MAX(t.", "/*", "?"} {
			if strings.Contains(strings.ReplaceAll(got, "NULLIF($1", ""), form) {
				t.Errorf("%s is left in %s", form, got)
			}
		}
	}
}

func TestTranslationsAreKeptToALimit(t *testing.T) {
	var all translations
	for i := range 2*maxTranslated + 7 {
		statement := "SELECT ? + " + strings.Repeat("1", i%1500)
		if got, again := all.of(statement), all.of(statement); got != again || !strings.Contains(got, "$1") {
			t.Fatalf("%s, then %s", got, again)
		}
	}
	if len(all.kept) > maxTranslated {
		t.Errorf("%d translations are kept", len(all.kept))
	}
}
