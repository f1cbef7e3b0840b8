package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tokentab/backend/fault"
)

func lineOf(text string) (kept string, wrong fault.Fields) {
	wrong = fault.Fields{}
	return Line(wrong, "name", text, 1, 100), wrong
}

func TestALineRefusesInvisibleAndDirectionChangingCharacters(t *testing.T) {
	for what, text := range map[string]string{
		"only a zero width space": "\u200b", "a zero width space inside": "Ad\u200ba", "line separator": "A\u2028b", "paragraph separator": "A\u2029b",
		"tab": "A\tb", "line feed": "A\nb", "carriage return": "A\rb", "NUL": "A\x00b", "C1 control": "A\u0085b", "DEL": "A\x7fb",
		"embedding": "A\u202ab", "override": "A\u202eb", "isolate": "A\u2066b", "pop isolate": "A\u2069b", "left-to-right mark": "A\u200eb", "arabic letter mark": "A\u061cb",
		"byte order mark": "\ufeffAda", "soft hyphen": "A\u00adb", "word joiner": "A\u2060b", "invisible plus": "A\u2064b", "interlinear": "A\ufff9b",
		"a selector alone": "\ufe0f", "a selector after a letter": "a\ufe0f", "a supplementary selector after a letter": "a\U000e0100", "Hangul filler": "\u3164", "jamo filler": "A\u115f", "half-width filler": "A\uffa0",
		"grapheme joiner": "a\u034f", "Khmer inherent vowel": "\u1780\u17b4", "a lone surrogate": "A\ufffd", "invalid UTF-8": "A\xffb", "a noncharacter": "A\ufffe", "tags without a flag": "A\U000e0041",
		"a joiner between Latin letters": "a\u200db", "a joiner at the start": "\u200dک", "a non-joiner at the end": "می\u200c", "two joiners": "ک\u200d\u200dک", "an emoji and a joiner": "👩\u200d",
		"blank braille": "\u2800", "a null notehead": "\U0001d159", "a full blank": "\U00013441", "a half blank": "\U00013442", "a place for an object": "\ufffc", "blanks": "\u2800 \U0001d159", "a blank with a style": "\U0001d159\ufe0f", "a mark alone": "\u0301", "only spaces": " \u00a0\u3000 ", "nine marks": "x" + strings.Repeat("\u0323", 9) + "e", "marks that NFC divides": "Z" + strings.Repeat("\u0489", 40), "marks after a cedilla": "\u0327" + strings.Repeat("\u0e47", 8), "nothing": "",
	} {
		if kept, wrong := lineOf(text); len(wrong["name"]) == 0 {
			t.Errorf("%s: kept %q", what, kept)
		}
	}
}

func TestLanguagesAndEmojiAreKept(t *testing.T) {
	for _, text := range []string{
		"Ada Lovelace", "Zoë O’Brien-Núñez", "می\u200cخواهم", "محمد", "שָׁלוֹם", "नमस्ते", "क्\u200dष", "ശ്രീ", "അവന്\u200d", "ශ්\u200dරී", "বাংলা", "ខ្មែរ", "ไทย", "한국어", "日本語", "葛\U000e0100城", "中文", "ᠮᠣᠩᠭᠣᠯ",
		"👩‍💻", "🏳️‍🌈", "👨‍👩‍👧‍👦", "👍🏽", "👩🏽‍🚀", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "1️⃣ first", "❤️", "©️", "‼️", "🇳🇿", "∑ test", "€5", "ཧྐྵྨླྺྼྻྂ", "וְהִנֵּ֥ה", "x\u0327\u0328\u0323\u0324\u0325\u0326\u032d\u032e", "A/B_c.d+e@f#g",
	} {
		if kept, wrong := lineOf(text); len(wrong) != 0 || kept != text {
			t.Errorf("%q: %q %v", text, kept, wrong)
		}
	}
}

func TestALineIsTrimmedAndComposed(t *testing.T) {
	for text, want := range map[string]string{" \u00a0Ada\n": "Ada", "Zoe\u0308": "Zoë", "\u1112\u1161\u11ab": "한", "Å": "Å"} {
		if kept, wrong := lineOf(text); kept != want || len(wrong) != 0 {
			t.Errorf("%q: %q %v", text, kept, wrong)
		}
	}
	for length, wants := range map[int]int{100: 0, 101: 1} {
		if _, wrong := lineOf(strings.Repeat("e\u0301", length)); len(wrong) != wants { // characters are counted in the composed form
			t.Errorf("%d characters: %v", length, wrong)
		}
	}
}

func TestATextOfAProgramIsTidiedInsteadOfRefused(t *testing.T) {
	for text, want := range map[string]string{
		"  abc ": "abc", "abcd": "abcd", "abcde": "abc…", "ab cde": "ab…", "e\u0301bcd": "ébcd", "": "", "\u200b\u200b\u200b\u200b\u200b": "",
		"abn\u0308c": "ab…", "ab👍🏽": "ab👍🏽", "a👍🏽cd": "a👍🏽…", "ab👍🏽cd": "ab…", "ab👩\u200d💻c": "ab…", "ab🇩🇪": "ab🇩🇪", "ab🇩🇪c": "ab…", "a🇩🇪🇫🇷": "a🇩🇪…",
		"ab1\ufe0f\u20e3": "ab…", "ab कि": "ab…", "a\u0315\u0316\u0317\u0318": "", "a\r\nb\r": "a b", "\ufeff a\x00\x1bb": "ab", "a\u202eb\u2028c": "ab c", "ab\u200dd": "abd", "a\ufffdb": "ab",
	} {
		if tidy := Tidied(text, 4, ""); tidy != want {
			t.Errorf("%q becomes %q, want %q", text, tidy, want)
		}
	}
	if tidy := Tidied("x"+strings.Repeat("\u0323", 50)+"b", 20, ""); tidy != "x"+strings.Repeat("\u0323", 8)+"b" {
		t.Errorf("%q", tidy)
	}
	if tidy := Tidied("a\r\nbcdef\t", 5, Breaks); tidy != "a\nbc…" {
		t.Errorf("%q", tidy)
	}
	for _, text := range []string{"می\u200cخواهم", "ക്\u200d ര്\u200c", "👩🏽\u200d💻❤\ufe0f🏴\U000e0067\U000e0062\U000e007f 🇩🇪🇫🇷", "한국어 हिन्दी ไทย", "a" + strings.Repeat("\u0301", 80), "\u200d👩\u200d\u200d👧\U000e0067"} {
		for longest := range utf8.RuneCountInString(text) {
			wrong := fault.Fields{}
			tidy := Tidied(text, longest+1, "")
			if kept := Line(wrong, "name", tidy, 0, longest+1); kept != tidy || tidy != "" && len(wrong) > 0 {
				t.Errorf("%q becomes %q, which %v", text, tidy, wrong)
			}
		}
	}
}

func TestLinesMayHoldBreaksAndTabsOnly(t *testing.T) {
	wrong := fault.Fields{}
	if kept := Lines(wrong, "description", "a\r\n\tb\nc ", 0, 100); kept != "a\n\tb\nc" || len(wrong) != 0 {
		t.Errorf("%q %v", kept, wrong)
	}
	for _, text := range []string{"a\rb", "a\u2028b", "a\u200bb", "a\vb"} {
		wrong := fault.Fields{}
		if Lines(wrong, "description", text, 0, 100); len(wrong) == 0 {
			t.Errorf("%q is kept", text)
		}
	}
}

func TestAMailboxHasOneForm(t *testing.T) {
	for _, spelling := range []string{"ada@bücher.example", "ada@bu\u0308cher.example", "ADA@BÜCHER.EXAMPLE", " ada@xn--bcher-kva.example ", "ada@XN--BCHER-KVA.example", "ada@bücher。example"} {
		wrong := fault.Fields{}
		if kept := Email(wrong, "email", spelling); kept != "ada@xn--bcher-kva.example" || len(wrong) != 0 {
			t.Errorf("%q: %q %v", spelling, kept, wrong)
		}
	}
	for spelling, want := range map[string]string{"Zoe\u0308@example.com": "zoë@example.com", "a.b+c@sub.example.co.nz": "a.b+c@sub.example.co.nz", "o'brien@example.com": "o'brien@example.com"} {
		wrong := fault.Fields{}
		if kept := Email(wrong, "email", spelling); kept != want || len(wrong) != 0 {
			t.Errorf("%q: %q %v", spelling, kept, wrong)
		}
	}
	for kept, want := range map[string]string{"ada@xn--bcher-kva.example": "ada@bücher.example", "ada@example.com": "ada@example.com", "ada@xn--80ak6aa92e.com": "ada@аррӏе.com", "ada@xn--pple-43d.com": "ada@xn--pple-43d.com", "ada@xn--!.com": "ada@xn--!.com", "no": "no"} {
		if shown := ShownEmail(kept); shown != want {
			t.Errorf("%s is shown as %q", kept, shown)
		}
	}
}

func TestInvalidMailboxesAreRefused(t *testing.T) {
	for _, email := range []string{
		"", "ada", "a@b", "user@localhost", "a@b.", "a@.b", "a@b..com", "a@-b.com", "a@b_c.com", "@example.com", "a@", "a@@example.com", "a@b@example.com",
		`"a b"@example.com`, `"a"@example.com`, "Ada <ada@example.com>", "ada@example.com, bob@example.com", "a@[127.0.0.1]", "a@127.0.0.1", "a@[IPv6:::1]", "a@example.c", "a@example.123",
		".a@example.com", "a.@example.com", "a..b@example.com", "a b@example.com", "a\u00a0b@example.com", "a\u202eb@example.com", "a\u200bb@example.com", "a@exam\u200bple.com", "a@exa\u00admple.com", "a\x00@example.com", "a\tb@example.com", "a\u3164@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat(strings.Repeat("b", 60)+".", 5) + "com", "a@xn--.com", "a@" + strings.Repeat("b", 64) + ".com",
	} {
		wrong := fault.Fields{}
		if kept := Email(wrong, "email", email); len(wrong["email"]) == 0 {
			t.Errorf("%q is kept as %q", email, kept)
		}
	}
}
