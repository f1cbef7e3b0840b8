package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type manPage struct{}

// Run prints the manual page, in the macros of man(7). It is made from the grammar, so it knows every command.
func (manPage) Run(std IO, parsed *kong.Context) error {
	app := parsed.Model.Node
	var b strings.Builder
	fmt.Fprintf(&b, ".TH TOKENTAB 1 \"\" \"tokentab\" \"User commands\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n", app.Name, roff("issues, shows and validates API tokens"))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.RI [ command ]\n.RI [ flags ]\n.SH DESCRIPTION\n%s\n.SH COMMANDS\n", app.Name, roff(app.Help))
	for _, command := range app.Leaves(true) {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(summary(command)), roff(command.Help))
		flags := slices.Concat(command.AllFlags(true)...)
		for _, flag := range flags {
			if flag.Name == "help" {
				continue
			}
			fmt.Fprintf(&b, ".TP\n.B %s\n%s", roff(flag.String()), roff(flag.Help))
			if flag.HasDefault {
				b.WriteString(roff(" Default: " + flag.Default + "."))
			}
			if len(flag.Envs) > 0 {
				fmt.Fprintf(&b, " Variable: %s.", roff(strings.Join(flag.Envs, ", ")))
			}
			b.WriteString("\n")
		}
	}
	b.WriteString(".SH EXIT STATUS\n0 for success, 1 for a failure, 2 for wrong arguments, 78 for wrong arguments or settings of serve.\n")
	_, err := io.WriteString(std.Out, b.String())
	return err
}

// summary returns how a command is called, without its optional flags.
func summary(command *kong.Node) string {
	text := command.FullPath()
	if flags := command.FlagSummary(true); flags != "" {
		text += " " + flags
	}
	for _, argument := range command.Positional {
		text += " " + argument.Summary()
	}
	return text
}

// roff escapes what the formatter would take for a command.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
