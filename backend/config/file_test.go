package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEverySecretSettingIsKnownToTheFileOfSettings(t *testing.T) {
	words := regexp.MustCompile(`[A-Z]+[a-z]*`)
	found := 0
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if field.Type != reflect.TypeFor[Secret]() {
			continue
		}
		found++
		name := strings.ReplaceAll(field.Tag.Get("name"), "-", "_")
		if name == "" {
			name = strings.Join(words.FindAllString(strings.Replace(field.Name, "URL", "Url", 1), -1), "_")
		}
		if variable := Prefix + "_" + strings.ToUpper(name); !slices.Contains(secrets, variable) {
			t.Errorf("a file that everyone can read may hold %s", variable)
		}
	}
	if found < 3 {
		t.Errorf("found only %d secret settings", found)
	}
}

func TestAFileOfSettingsIsReadAsSystemdReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"K=v":                   "v",
		"\ufeffK=v":             "v",
		"K = v":                 "", // no key has a space
		"K=  two words  ":       "two words",
		"K='it\\'":              `it\`,
		`K="a \"b\" \\ \$ c#d"`: `a "b" \ $ c#d`,
		"K=a#b":                 "a#b",
		"K=$HOME":               "$HOME",
		"K=":                    "",
		"K=a'b":                 "",
		`K=a\`:                  "",
		`K="a" b`:               "",
		`K="\n"`:                "",
		"1K=v":                  "",
		"export K=v":            "",
	} {
		all, err := parse(text)
		if want == "" && text != "K=" {
			if err == nil {
				t.Errorf("%s is read as %+v", text, all)
			}
			continue
		}
		if err != nil || len(all) != 1 || all[0].value != want {
			t.Errorf("%s is read as %+v, %v", text, all, err)
		}
	}
}

// FuzzFile reads files of settings. A value that was read and is written again between quotes stays itself, and an error
// never shows a value.
func FuzzFile(f *testing.F) {
	f.Add("TOKENTAB_LISTEN=127.0.0.1:8080\n# comment\n\n;\nTOKENTAB_DATA='a b'\n")
	f.Add(`A="a\"b\\c\$d"`)
	f.Add("A=\r\nB=\x00")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		for _, s := range all {
			if s.line < 1 || !isKey(s.key) {
				t.Errorf("%q is read as %+v", text, s)
			}
			quoted := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "$", `\$`, "`", "\\`").Replace(s.value)
			again, err := parse(s.key + `="` + quoted + `"`)
			if err != nil || len(again) != 1 || again[0].value != s.value {
				t.Errorf("%q comes back as %+v, %v", s.value, again, err)
			}
		}
	})
}
