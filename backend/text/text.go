// Package text holds the rules for text that people type and the program keeps: one form for each text, and no
// invisible characters. The API and the command line both use it.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tokentab/backend/fault"
)

// Composed returns text in Unicode's form NFC. Some systems send "é" as one character, some as two; both become one.
func Composed(text string) string { return norm.NFC.String(text) }

// Line returns a single line of text in the form to keep, trimmed and composed, and adds complaints to wrong. Lengths
// are in characters.
func Line(wrong fault.Fields, name, text string, shortest, longest int) string {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\n\r\u2028\u2029") {
		wrong.Add(name, "must be a single line")
		return text
	}
	return check(wrong, name, text, shortest, longest, "")
}

// Lines is like Line, but allows line feeds and tabs.
func Lines(wrong fault.Fields, name, text string, shortest, longest int) string {
	return check(wrong, name, strings.ReplaceAll(text, "\r\n", "\n"), shortest, longest, Breaks)
}

// Tidied returns what Line accepts of a text that a program has sent, or Lines with their breaks: without the characters that
// they refuse. If it has more than longest, it returns as many whole ones as fit before an ellipsis: a letter keeps its marks, an
// emoji its parts.
func Tidied(text string, longest int, breaks string) string {
	runes := []rune(Composed(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n")))
	kept := make([]rune, 0, longest+2)
	for i, r := range runes {
		if len(kept) > longest {
			break
		}
		switch {
		case strings.ContainsRune(breaks, r):
		case unicode.IsSpace(r) && (unicode.IsControl(r) || isInvisible(r)):
			r = ' '
		case r == utf8.RuneError, unicode.IsControl(r), isInvisible(r) && !isNeeded(append(kept, r, at(runes, i+1)), len(kept)), marksAtEnd(append(kept, r)) > maxMarks:
			continue
		}
		if len(kept) > 0 || !unicode.IsSpace(r) {
			kept = append(kept, r)
		}
	}
	end := len(kept)
	if end > longest {
		for end = longest - 1; end > 0 && (isInside(kept, end) || unicode.IsSpace(kept[end-1])); {
			end--
		}
		kept = append(kept[:end], '…')
	}
	tidy := Composed(strings.TrimSpace(string(kept)))
	if end == 0 || complaintAbout(tidy, breaks) != "" { // such as more marks than a letter can have
		return ""
	}
	return tidy
}

// Breaks are the characters that Lines accepts and Line does not.
const Breaks = "\n\t"

// isInside reports whether the character at index i belongs to what is seen as one character with the one before, nearly as
// Unicode's UAX 29 says.
func isInside(runes []rune, i int) bool {
	switch r := runes[i]; {
	case unicode.IsMark(r), isInvisible(r), isSkinTone(r), runes[i-1] == zeroWidthJoiner, runes[i-1] == zeroWidthNonJoiner:
		return true
	case isRegional(r): // two are a flag
		first := i
		for first > 0 && isRegional(runes[first-1]) {
			first--
		}
		return (i-first)%2 == 1
	}
	return false
}

func isRegional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

func isSkinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// Complaint returns what is wrong with the characters of a line that is kept as it was sent; empty if nothing is.
func Complaint(text string) string { return complaintAbout(text, "") }

func check(wrong fault.Fields, name, text string, shortest, longest int, breaks string) string {
	text = Composed(strings.TrimSpace(text))
	switch n := utf8.RuneCountInString(text); {
	case n < shortest:
		wrong.Add(name, "is required")
	case n > longest:
		wrong.Add(name, "must have at most %d characters", longest)
	}
	if complaint := complaintAbout(text, breaks); complaint != "" {
		wrong.Add(name, "%s", complaint)
	}
	return text
}

// complaintAbout returns what is wrong with the characters of text; empty if nothing is. It allows the characters in
// breaks.
func complaintAbout(text, breaks string) string {
	runes := []rune(text)
	seen := len(runes) == 0
	for i, r := range runes {
		if strings.ContainsRune(breaks, r) {
			continue
		}
		switch {
		case r == utf8.RuneError:
			return "must be valid Unicode text"
		case unicode.IsControl(r):
			return fmt.Sprintf("must not contain control characters, such as U+%04X", r)
		case isInvisible(r) && !isNeeded(runes, i):
			return fmt.Sprintf("must not contain invisible characters or ones that change the direction of text, such as U+%04X", r)
		case marksAtEnd(runes[:i+1]) > maxMarks:
			return fmt.Sprintf("must not have more than %d accents or other marks on one character", maxMarks)
		}
		seen = seen || isSeenAlone(r)
	}
	if !seen {
		return "must hold something that can be seen"
	}
	return ""
}

// maxMarks is how many marks may follow a character. Tibetan syllables have up to eight. More cover the lines above and below.
const maxMarks = 8

// marksAtEnd returns how many marks are at the end of a text, up to one more than are allowed.
func marksAtEnd(runes []rune) (n int) {
	for n <= maxMarks && n < len(runes) && unicode.IsMark(runes[len(runes)-1-n]) {
		n++
	}
	return n
}

// blanks are symbols and letters that show nothing: Braille without dots, a note without a head, two spaces among hieroglyphs, and
// the place of an object that is not there.
const blanks = "\u2800\U0001d159\U00013441\U00013442\ufffc"

func isBlank(r rune) bool { return strings.ContainsRune(blanks, r) }

func isSeenAlone(r rune) bool {
	return !isBlank(r) && !isInvisible(r) && (unicode.IsGraphic(r) || unicode.Is(unicode.Co, r) || !unicode.IsOneOf(assigned, r)) && !unicode.IsSpace(r) && !unicode.IsMark(r)
}

// assigned lists all categories of assigned code points. Others may be characters newer than our tables.
var assigned = []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C}

// isInvisible reports whether a character has no shape of its own: format characters, which join, hide or turn
// others; variation selectors; fillers; line and paragraph separators; and noncharacters.
func isInvisible(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // signs that enclose numbers, in Arabic and other scripts
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// isNeeded reports whether an invisible character stands where a script or an emoji requires it.
func isNeeded(runes []rune, i int) bool {
	before, after := at(runes, i-1), at(runes, i+1)
	switch r := runes[i]; {
	case r == zeroWidthJoiner && isPictograph(pictureBefore(runes, i)):
		return isPictograph(after)
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
		// Between letters of a script that joins them, as in Persian; after a virama also at the end, as in
		// Malayalam.
		return joins(before) && (joins(after) || norm.NFC.PropertiesString(string(before)).CCC() == virama)
	case r == textStyle || r == emojiStyle:
		return isPictograph(before) || unicode.IsDigit(before) || unicode.IsPunct(before) && before != 0
	case unicode.In(r, unicode.Mongolian) || r == mongolianVowelSeparator:
		return unicode.Is(unicode.Mongolian, before)
	case r >= 0xFE00 && r <= 0xFE02 || r >= 0xE0100 && r <= 0xE01EF: // variants of ideographs
		return unicode.Is(unicode.Han, before)
	case r >= 0xE0020 && r <= 0xE007F: // tags, as in the flag of Scotland
		return before == blackFlag || before >= 0xE0020 && before < 0xE007F
	}
	return false
}

const (
	zeroWidthNonJoiner      = 0x200C
	zeroWidthJoiner         = 0x200D
	textStyle               = 0xFE0E
	emojiStyle              = 0xFE0F
	mongolianVowelSeparator = 0x180E
	blackFlag               = 0x1F3F4
	virama                  = 9 // canonical combining class
)

// at returns the character at index i; 0 if there is none.
func at(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

// pictureBefore returns the pictograph before index i, skipping style and skin tone.
func pictureBefore(runes []rune, i int) rune {
	for i--; i > 0 && (runes[i] == emojiStyle || isSkinTone(runes[i])); i-- {
	}
	return at(runes, i)
}

func isPictograph(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sm) && !isBlank(r) || isSkinTone(r) || r >= 0x1F000 && r <= 0x1FAFF
}

// joining lists the scripts whose letters take joiners.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mandaic, unicode.Mongolian, unicode.Phags_Pa, unicode.Manichaean, unicode.Hanifi_Rohingya, unicode.Adlam,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
	unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Balinese, unicode.Javanese,
}

func joins(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r)) && unicode.In(r, joining...)
}

// Folded returns text composed and in lower case, for searching and sorting.
func Folded(text string) string { return strings.ToLower(Composed(text)) }

// Needle returns a searched text folded, without outer spaces and without the ellipsis before the last characters of a token
// or id.
func Needle(search string) string {
	return strings.TrimSpace(strings.TrimPrefix(Folded(strings.TrimSpace(search)), "…"))
}
