package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printed returns what a command prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, failures bytes.Buffer
	if code := Run(context.Background(), args, IO{In: strings.NewReader(""), Out: &out, Err: &failures}); code != 0 {
		t.Fatalf("%q exits with %d: %s", args, code, failures.String())
	}
	return out.String()
}

// How each shell is asked what may follow some words.
var shells = []struct{ name, ask string }{
	{"bash", `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tokentab; printf '%s\n' "${COMPREPLY[@]}"`},
	{"zsh", `compdef() { }; _describe() { print -l -- ${found%%:*} }; _files() { print -l -- $words[CURRENT]*(N) }; _message() { }
		compadd() { shift; print -l -- $@ }
		source "$0"; words=("$@"); CURRENT=$#; _tokentab`},
	{"fish", `source $argv[1]; complete -C (string join ' ' -- $argv[2..-1]) | string replace -r '\t.*' ''; true`},
}

func TestShellsCompleteCommandsFlagsAndValues(t *testing.T) {
	need, err := filepath.Abs("../../e2e/need.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("chain.pem", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		script := filepath.Join(t.TempDir(), "completion")
		if err := os.WriteFile(script, []byte(printed(t, "completion", shell.name)), 0o600); err != nil {
			t.Fatal(err)
		}
		path := found(t, need, shell.name)
		for _, c := range []struct {
			words string
			want  []string
			not   []string
		}{
			{"tokentab ", []string{"serve", "token", "completion"}, []string{"create"}},
			{"tokentab token ", []string{"create"}, []string{"serve"}},
			{"tokentab token create --", []string{"--scope", "--data"}, []string{"--listen"}},
			{"tokentab --", []string{"--listen", "--data"}, []string{"--scope"}}, // of serve, the default
			{"tokentab token create --scope ", []string{"account", "environment"}, []string{"--scope"}},
			{"tokentab completion ", []string{"zsh"}, nil},
			{"tokentab serve --tls-cert ch", []string{"chain.pem"}, []string{"--tls-key"}},
		} {
			words := strings.Split(c.words, " ")
			out, err := exec.Command(path, append([]string{"-c", shell.ask, script}, words...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%s, %q: %v\n%s", shell.name, c.words, err, out)
			}
			offered := strings.Split(strings.TrimSpace(string(out)), "\n")
			prefix := words[len(words)-1]
			for _, want := range c.want {
				if strings.HasPrefix(want, prefix) && !slices.Contains(offered, want) {
					t.Errorf("%s, %q: %q is not offered: %q", shell.name, c.words, want, offered)
				}
			}
			for _, not := range c.not {
				if slices.Contains(offered, not) {
					t.Errorf("%s, %q: %q is offered", shell.name, c.words, not)
				}
			}
		}
	}
}

// found returns the path of a shell, and installs it if it is missing.
func found(t *testing.T, need, shell string) string {
	t.Helper()
	out, err := exec.Command(need, shell, "The completion of "+shell+" is tested with the real shell.", shell).Output()
	if err != nil {
		t.Fatalf("%s: %v", shell, err)
	}
	return strings.TrimSpace(string(out))
}

func TestTheManualDescribesEveryCommandAndFlag(t *testing.T) {
	page := printed(t, "man")
	for _, want := range []string{".SS tokentab serve", ".SS tokentab token create", `\-\-max\-token\-lifetime=TIME`, "TOKENTAB_LISTEN"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "'") {
			t.Errorf("the formatter takes this line for a command: %s", line)
		}
	}
}

func TestHelpAndManualSayTheDefaultOfEachFlag(t *testing.T) {
	help := strings.Join(strings.Fields(printed(t, "serve", "--help")), " ")
	manual := strings.ReplaceAll(printed(t, "man"), `\-`, "-")
	for _, c := range []struct{ text, standard, variable string }{
		{"Address and port to listen on", "127.0.0.1:8080", "TOKENTAB_LISTEN"},
		{"created if missing", "./data", "TOKENTAB_DATA"},
		{"such as 90d or 12h", "400d", "TOKENTAB_MAX_TOKEN_LIFETIME"},
		{"Older ones are removed", "7", "TOKENTAB_BACKUP_KEEP"},
		{"each token can still rotate itself", "true", "TOKENTAB_TOKENS_MAY_CREATE_TOKENS"},
	} {
		if want := c.text + " (default " + c.standard + ", $" + c.variable + ")."; !strings.Contains(help, want) {
			t.Errorf("the help lacks %q", want)
		}
		if want := c.text + ". Default: " + c.standard + ". Variable: " + c.variable + "."; !strings.Contains(manual, want) {
			t.Errorf("the manual lacks %q", want)
		}
	}
	if want := "Requires --tls-key ($TOKENTAB_TLS_CERT)."; !strings.Contains(help, want) {
		t.Errorf("the help lacks %q", want)
	}
}
