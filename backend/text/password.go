package text

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tokentab/backend/fault"
)

// NewPassword adds a complaint to wrong if a new password is too short, too long or not valid Unicode. Lengths are in
// characters of the composed form. Any characters are allowed, and none are trimmed.
func NewPassword(wrong fault.Fields, name, password string, shortest, longest int) {
	switch n := utf8.RuneCountInString(Composed(password)); {
	case n < shortest:
		wrong.Add(name, "must have at least %d characters", shortest)
	case n > longest:
		wrong.Add(name, "must have at most %d characters", longest)
	}
	for _, r := range password {
		if r == utf8.RuneError {
			wrong.Add(name, "must be valid Unicode text")
			return
		}
	}
}

// Spellings returns the Unicode forms in which clients may send the same password. The first is the form to keep.
func Spellings(password string) []string {
	forms := []string{Composed(password)}
	for _, form := range []string{password, norm.NFD.String(password)} {
		if form != forms[0] && form != forms[len(forms)-1] {
			forms = append(forms, form)
		}
	}
	return forms
}
