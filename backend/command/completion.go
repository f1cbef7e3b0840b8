package command

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that completes commands and flags. It is made from the grammar, so it knows every command.
func (c completion) Run(std IO, parsed *kong.Context) error {
	write := map[string]func([]place) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell]
	_, err := io.WriteString(std.Out, write(places(parsed.Model.Node)))
	return err
}

// place is a point in the grammar: the program, or a command.
type place struct {
	path     string // such as "tokentab token create"
	commands []word
	flags    []word
	values   []string // of its argument
}

// word is a command or, with its dashes, a flag.
type word struct {
	text, help string
	takesValue bool
	isFile     bool
	values     []string
}

// places lists node and the commands below it. Like the parser, a node accepts the flags of its default command.
func places(node *kong.Node) []place {
	p := place{path: node.FullPath()}
	seen := map[string]bool{}
	for _, from := range []*kong.Node{node, node.DefaultCmd} {
		if from == nil {
			continue
		}
		for _, flag := range slices.Concat(from.AllFlags(true)...) {
			if !seen[flag.Name] {
				seen[flag.Name] = true
				p.flags = append(p.flags, flagWord(flag))
			}
		}
	}
	slices.SortFunc(p.flags, func(a, b word) int { return cmp.Compare(a.text, b.text) })
	for _, argument := range node.Positional {
		p.values = append(p.values, choices(argument)...)
	}
	below := []place{}
	for _, child := range node.Children {
		if !child.Hidden {
			p.commands = append(p.commands, word{text: child.Name, help: child.Help})
			below = append(below, places(child)...)
		}
	}
	return append([]place{p}, below...)
}

func flagWord(flag *kong.Flag) word {
	return word{
		text: "--" + flag.Name, help: flag.Help, takesValue: !flag.IsBool() && !flag.IsCounter(),
		isFile: flag.PlaceHolder == "FILE" || flag.PlaceHolder == "FOLDER", values: choices(flag.Value),
	}
}

func choices(value *kong.Value) []string {
	if value.Enum == "" {
		return nil
	}
	return strings.Split(value.Enum, ",")
}

func bashCompletion(all []place) string {
	var b strings.Builder
	b.WriteString("# Completion of tokentab for bash: source this file, or put it into bash-completion's folder.\n_tokentab() {\n" +
		"\tlocal at=tokentab word current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n" +
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$at $word\" in\n" + deeper(all, "at=\"$at $word\"") +
		"\t\tesac\n\tdone\n\tcase \"$at $before\" in\n")
	eachValue(all, func(pattern string, flag word) {
		fmt.Fprintf(&b, "\t%s) %s; return;;\n", pattern, choose(flag, "COMPREPLY=($(compgen -f -- \"$current\"))", "COMPREPLY=($(compgen -W %[1]s -- \"$current\"))", "COMPREPLY=()"))
	})
	b.WriteString("\tesac\n\tcase \"$at\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\t%s) COMPREPLY=($(compgen -W %s -- \"$current\"));;\n", quoted(p.path), quoted(strings.Join(p.words(), " ")))
	}
	b.WriteString("\tesac\n}\ncomplete -F _tokentab tokentab\n")
	return b.String()
}

func zshCompletion(all []place) string {
	var b strings.Builder
	b.WriteString("#compdef tokentab\n# Completion of tokentab for zsh: put this file, as _tokentab, into a folder of $fpath.\n_tokentab() {\n" +
		"\tlocal at=tokentab word before=${words[CURRENT-1]}\n\tlocal -a found\n" +
		"\tfor word in \"${(@)words[2,CURRENT-1]}\"; do\n\t\tcase \"$at $word\" in\n" + deeper(all, "at=\"$at $word\"") +
		"\t\tesac\n\tdone\n\tcase \"$at $before\" in\n")
	eachValue(all, func(pattern string, flag word) {
		fmt.Fprintf(&b, "\t%s) %s; return;;\n", pattern, choose(flag, "_files", "compadd -- %[2]s", "_message value"))
	})
	b.WriteString("\tesac\n\tcase \"$at\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\t%s) found=(", quoted(p.path))
		for _, w := range p.described() {
			b.WriteString("\n\t\t" + quoted(strings.ReplaceAll(w.text, ":", `\:`)+":"+w.help))
		}
		b.WriteString(");;\n")
	}
	b.WriteString("\tesac\n\t_describe tokentab found\n}\n" +
		"if [ \"$funcstack[1]\" = _tokentab ]; then _tokentab \"$@\"; else compdef _tokentab tokentab; fi\n")
	return b.String()
}

func fishCompletion(all []place) string {
	var b strings.Builder
	b.WriteString("# Completion of tokentab for fish: put this file into ~/.config/fish/completions.\n" +
		"function __tokentab_at\n\tset -l at tokentab\n\tfor word in (commandline -opc)[2..-1]\n\t\tswitch \"$at $word\"\n")
	for _, p := range all[1:] {
		fmt.Fprintf(&b, "\t\t\tcase %s\n\t\t\t\tset at \"$at $word\"\n", quoted(p.path))
	}
	b.WriteString("\t\tend\n\tend\n\ttest \"$at\" = \"$argv[1]\"\nend\ncomplete -c tokentab -f\n")
	for _, p := range all {
		line := func(rest string) {
			fmt.Fprintf(&b, "complete -c tokentab -n %s %s\n", quoted("__tokentab_at "+quoted(p.path)), rest)
		}
		for _, w := range p.described() {
			name, isFlag := strings.CutPrefix(w.text, "--")
			rest := "-a " + quoted(w.text)
			if isFlag {
				rest = "-l " + name
			}
			if w.takesValue {
				rest += choose(w, " -r -F", " -x -a %[1]s", " -x")
			}
			if w.help != "" {
				rest += " -d " + quoted(w.help)
			}
			line(rest)
		}
	}
	return b.String()
}

// described returns the commands, the values of the argument, and the flags.
func (p place) described() []word {
	all := slices.Clone(p.commands)
	for _, value := range p.values {
		all = append(all, word{text: value})
	}
	return append(all, p.flags...)
}

func (p place) words() []string {
	var texts []string
	for _, w := range p.described() {
		texts = append(texts, w.text)
	}
	return texts
}

// deeper returns the branches of a shell's case by which a word leads to a command.
func deeper(all []place, then string) string {
	var b strings.Builder
	for _, p := range all[1:] {
		fmt.Fprintf(&b, "\t\t%s) %s;;\n", quoted(p.path), then)
	}
	return b.String()
}

// eachValue calls do for each flag that takes a value, with the place and the flag as a shell's pattern.
func eachValue(all []place, do func(pattern string, flag word)) {
	for _, p := range all {
		for _, flag := range p.flags {
			if flag.takesValue {
				do(quoted(p.path+" "+flag.text), flag)
			}
		}
	}
}

// choose returns the text for a flag whose value is a file, one of some words, or anything else. The words replace
// %[1]s as one word of the shell, and %[2]s as many.
func choose(flag word, file, words, other string) string {
	switch {
	case flag.isFile:
		return file
	case len(flag.values) > 0:
		all := strings.Join(flag.values, " ")
		return fmt.Sprintf(words, quoted(all), all)
	}
	return other
}

// quoted returns a text as one word of bash, zsh or fish.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
