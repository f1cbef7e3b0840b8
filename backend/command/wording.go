package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"tokentab/backend/config"
	"tokentab/backend/fault"
)

// flagsOf maps the API's fields to the flags that set them.
var flagsOf = map[string]string{
	"account_name": "--account", "account_id": "--account", "email": "--email", "name": "--name", "password": "the password on standard input",
	"token_scope": "--scope", "token_role": "--role", "agent_id": "--agent-id", "environment_id": "--environment-id", "expires_in": "--expires-in", "expires_at": "--expires-in",
}

// explained returns an error's message with flags in place of fields, and with the environment variables that set them.
// args are the arguments of the command line.
func explained(err error, args []string) string {
	lines := strings.Split(messageOf(err), "\n")
	for i, line := range lines {
		m := wrongFlag.FindStringSubmatch(line)
		if m == nil || strings.Contains(line, "(set by ") || slices.ContainsFunc(args, func(arg string) bool { return arg == m[1] || strings.HasPrefix(arg, m[1]+"=") }) {
			continue
		}
		variable := config.Prefix + "_" + strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(m[1], "--"), "-", "_"))
		if os.Getenv(variable) != "" {
			lines[i] += " (set by " + variable + ")"
		}
	}
	return strings.Join(lines, "\n")
}

var wrongFlag = regexp.MustCompile(`^(--[a-z-]+) must `)

func messageOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Validation {
		var all []string
		for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
			flag := flagsOf[field]
			name := cmp.Or(flag, field)
			for _, wrong := range f.Fields[field] {
				if flag != "" && wrong == "does not exist" { // the flag exists, but its value does not
					wrong = "does not exist in this account"
				}
				all = append(all, name+" "+wrong)
			}
		}
		return strings.Join(all, "; ")
	}
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		return parseError(p)
	}
	if errors.Is(err, context.Canceled) { // by a signal, so the store is well
		return interrupted(err)
	}
	return err.Error()
}

// interrupted returns the message of an error of a context that a signal has ended.
func interrupted(err error) string {
	message := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok && errors.Is(f, context.Canceled) {
		message = strings.ReplaceAll(message, f.Error(), "interrupted")
	}
	return strings.ReplaceAll(message, context.Canceled.Error(), "interrupted")
}

// parseErrors maps the library's messages about arguments to ours.
var parseErrors = []struct {
	library *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`^(--\S+): expected a valid \d+ bit u?int but got ("[^"]*")`), "$1 must be a whole number, not $2"},
	{regexp.MustCompile(`^(--\S+): bool value must be .* but got ("[^"]*")`), "$1 must be true or false, not $2"},
	{regexp.MustCompile(`^(--\S+): expected \w+ value but got "EOL" \(<EOL>\)`), "$1 needs a value"},
	{regexp.MustCompile(`^(--\S+): expected \w+ value but got ("[^"]*") .*`), "$1 needs a value; if it is $2, write $1=$2"},
	{regexp.MustCompile(`^unexpected argument (\S+), did you mean (".*")\?$`), "there is no command or argument $1; did you mean $2?"},
	{regexp.MustCompile(`^unexpected argument $`), "an argument is empty; see tokentab --help"},
	{regexp.MustCompile(`^unexpected argument (.*)$`), "there is no command or argument $1; see tokentab --help"},
	{regexp.MustCompile(`\(from envar (\w+)="[^"]*"\)`), "(set by $1)"},
}

var (
	notListed = regexp.MustCompile(`^(--\S+|<\w+>) must be one of (".*") but got (".*")$`)
	missing   = regexp.MustCompile(`^expected (?:one of )?(".*)$`)
	argument  = regexp.MustCompile(`<\w+>`)
)

// isUnexpected reports whether an argument is neither a command nor one that the command takes.
func isUnexpected(p *kong.ParseError) bool {
	return strings.HasPrefix(p.Error(), "unexpected argument ")
}

func parseError(p *kong.ParseError) string {
	message := p.Error()
	if m := notListed.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s must be one of %s, not %s", inCapitals(m[1]), strings.NewReplacer(`"`, "", ",", ", ").Replace(m[2]), m[3])
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		command := p.Context.Model.Name
		if selected := p.Context.Selected(); selected != nil {
			command = selected.FullPath()
		} else if path := p.Context.Path; len(path) > 0 && path[len(path)-1].Command != nil {
			command = path[len(path)-1].Command.FullPath()
		}
		return needs(command, inCapitals(strings.NewReplacer(`"`, "", ", ", " or ").Replace(m[1])))
	}
	if word, ok := strings.CutPrefix(message, "unexpected argument "); ok { // the parser knows no words like it, or they are of another command
		var commands []string
		for _, command := range p.Context.Model.Children {
			commands = append(commands, command.Name)
		}
		if near := config.Nearest(word, commands); near != "" {
			message += fmt.Sprintf(", did you mean %q?", near)
		}
	}
	for _, e := range parseErrors {
		message = e.library.ReplaceAllString(message, e.words)
	}
	return message
}

// inCapitals returns a message with its arguments as people write them: KID for <kid>.
func inCapitals(message string) string {
	return argument.ReplaceAllStringFunc(message, func(name string) string { return strings.ToUpper(strings.Trim(name, "<>")) })
}

// needs says what a command line lacks.
func needs(command, wanted string) string {
	return fmt.Sprintf("%s needs %s; see %s --help", strings.TrimPrefix(command, "tokentab "), wanted, command)
}

// flagHelp returns the help of a flag, with its default and its environment variables.
func flagHelp(value *kong.Value) string {
	if value.Flag == nil {
		return value.Help
	}
	var more []string
	if value.HasDefault {
		more = append(more, "default "+value.Default)
	}
	for _, variable := range value.Flag.Envs {
		more = append(more, "$"+variable)
	}
	if len(more) == 0 {
		return value.Help
	}
	return fmt.Sprintf("%s (%s).", strings.TrimSuffix(value.Help, "."), strings.Join(more, ", "))
}

// counted returns a number with the words for one thing or for several.
func counted[N int | int64](n N, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
