package command

import (
	"strings"
	"testing"
)

func TestAPasswordOnStandardInputIsWhatPeopleType(t *testing.T) {
	for sent, want := range map[string]string{
		"a long password": "a long password", "a long password\n": "a long password", "a long password\r\n": "a long password", " a  b \nnext line": " a  b ",
		"\ufeffa long password\r\n": "a long password", "\ufeff\n": "", "\n": "", "": "",
	} {
		got, err := readPassword(t.Context(), strings.NewReader(sent))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is read as %q, %v", sent, got, err)
		}
	}
}
