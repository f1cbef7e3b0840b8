// Package command is the command line. Results go to standard output, everything else to standard error.
package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"tokentab/backend"
	"tokentab/backend/config"
)

// Version is the program's version, set by the build.
var Version = "development"

// IO is the input and output of a command.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	UI       fs.FS // the built page
}

type grammar struct {
	Config string `help:"File of settings: a line for each, such as TOKENTAB_LISTEN=127.0.0.1:8080. Flags and environment variables win over it." placeholder:"FILE"`

	Serve    serve      `cmd:"" default:"withargs" help:"Serve the page, the API and the validation endpoints (the default)."`
	Setup    setup      `cmd:"" help:"Create the first account and its admin user, without a browser."`
	Account  accounts   `cmd:"" help:"Manage accounts."`
	User     users      `cmd:"" help:"Manage admin users, also while the server runs."`
	Token    tokens     `cmd:"" help:"Manage API tokens."`
	Keys     keys       `cmd:"" help:"Manage signing keys."`
	Audit    audits     `cmd:"" help:"Verify the audit trail."`
	Backup   makeBackup `cmd:"" help:"Write a proven backup of the database to one file, while a server runs or not."`
	Restore  restore    `cmd:"" help:"Restore a backup. Stop the server first."`
	Database database   `cmd:"" help:"Move between SQLite and Postgres, and confirm a shared Postgres database after a failover or a restore."`
	Doctor   doctor     `cmd:"" help:"Check the installation and say what to do. Give it the flags or environment of serve. With a server, it measures how soon a revocation works, with a token that it deletes again."`
	Health   health     `cmd:"" help:"Exit with 0 if the server is ready, otherwise with 1 and the reason. For HEALTHCHECK in containers."`
	Version  version    `cmd:"" help:"Print the version and the commit."`

	// ignored are environment variables that look like settings and are none.
	ignored []string

	Completion completion `cmd:"" help:"Print a script by which a shell completes commands and flags."`
	Man        manPage    `cmd:"" help:"Print the manual page: tokentab man | man -l -."`
}

// ofKubernetes matches the variables that Kubernetes sets for a service named tokentab.
var ofKubernetes = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_\d+_.*)$`)

// BeforeReset reads the file of settings before the flags look into the environment. It returns an error for a variable with the
// name of a setting but for one letter. Others may be of another program.
func (g *grammar) BeforeReset(parsed *kong.Context) error {
	path := os.Getenv(config.Prefix + "_CONFIG")
	for _, step := range parsed.Path {
		if step.Flag != nil && step.Flag.Name == "config" {
			path, _ = parsed.FlagValue(step.Flag).(string)
		}
	}
	known := config.Variables()
	err := kong.Visit(parsed.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Name != "config" {
			known = append(known, flag.Envs...)
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	own := append([]string{config.Prefix + "_CONFIG"}, known...)
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		near := config.Nearest(name, own)
		if near != "" && !slices.Contains(own, name) {
			return fmt.Errorf("there is no setting %s; did you mean %s?", name, near)
		}
		if near == "" && strings.HasPrefix(name, config.Prefix+"_") && !ofKubernetes.MatchString(name) {
			g.ignored = append(g.ignored, name)
		}
	}
	if path == "" {
		return nil
	}
	return config.LoadFile(path, known)
}

// exitSettings is the exit code of a server with wrong settings, as in sysexits.h: another start would fail, too. Supervisors would
// take 2 for it, with which Go ends a program that crashed.
const exitSettings = 78

// wrongSettings is an error of the settings of a server.
type wrongSettings struct{ error }

// Unwrap is for errors.As.
func (w wrongSettings) Unwrap() error { return w.error }

// exitOf returns the exit code for arguments or settings that can't be read. Flags without a command are those of serve, the default;
// the parser also takes a word that is no command for an argument of serve.
func exitOf(err error, args []string) int {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context == nil || isUnexpected(wrong) && !slices.Contains(args, "serve") {
		return 2
	}
	isOther := func(n *kong.Node) bool { return n.Name != "serve" && slices.Contains(args, n.Name) }
	chosen := wrong.Context.Selected()
	if chosen != nil && chosen.Name == "serve" || chosen == nil && !slices.ContainsFunc(wrong.Context.Model.Children, isOther) {
		return exitSettings
	}
	return 2
}

// Run runs the command named by the arguments until it finishes or the context ends. It returns the exit code: 0, 1 for
// a failure, 2 for wrong arguments, exitSettings for wrong arguments or settings of a server.
func Run(ctx context.Context, args []string, std IO) int {
	forgetEmptySettings()
	switch { // what people try first
	case slices.Equal(args, []string{"--version"}):
		args = []string{"version"}
	case len(args) > 0 && args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}
	var g grammar
	exit := -1
	parser, err := kong.New(&g,
		kong.Name("tokentab"), kong.Description("Issues, shows and validates API tokens. Every flag can also be set in the environment: --data is TOKENTAB_DATA."),
		kong.Writers(std.Out, std.Err), kong.Exit(func(code int) { exit = code }),
		kong.DefaultEnvars(config.Prefix), kong.ValueFormatter(flagHelp), kong.KindMapper(reflect.String, kong.MapperFunc(unchanged)), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(std, &g), kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return fail(std, err.Error(), 1)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help was printed
		return exit
	}
	if err != nil {
		return fail(std, explained(err, args), exitOf(err, args))
	}
	if missing := emptyArgument(parsed); missing != "" {
		return fail(std, missing, 2)
	}
	if err := parsed.Run(); err != nil {
		if errors.As(err, new(wrongSettings)) {
			return fail(std, explained(err, args), exitSettings)
		}
		return fail(std, explained(err, args), 1)
	}
	return 0
}

// unchanged reads a text as it was typed. The library's own way replaces bytes that are not UTF-8, which paths may have, so it would
// lead to another file.
func unchanged(from *kong.DecodeContext, to reflect.Value) error {
	typed, err := from.Scan.PopValue("string")
	if err == nil {
		to.SetString(typed.String())
	}
	return err
}

// emptyArgument returns what is wrong if an argument is empty, as an unset variable of a script is; empty if none is.
func emptyArgument(parsed *kong.Context) string {
	command := parsed.Selected()
	for _, argument := range command.Positional {
		if argument.Target.Kind() == reflect.String && argument.Target.Len() == 0 {
			return needs(command.FullPath(), strings.ToUpper(argument.Name))
		}
	}
	return ""
}

// forgetEmptySettings unsets empty variables: compose files and unit files often pass on variables without a value.
func forgetEmptySettings() {
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" && strings.HasPrefix(name, config.Prefix+"_") {
			_ = os.Unsetenv(name)
		}
	}
}

func fail(std IO, message string, code int) int {
	_ = Say(std.Err, "tokentab: "+visible(message)+"\n")
	return code
}

// visible returns a message with escapes in place of characters that hide what is wrong with an argument: pages from which
// arguments are copied may hold them, and they could change the rest of the line.
func visible(message string) string {
	var shown strings.Builder
	for _, r := range message {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			shown.WriteRune(r)
		} else {
			shown.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return shown.String()
}

type version struct{}

// Run prints the version and its commit.
func (version) Run(std IO) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	if Commit != "" {
		commit = Commit
	}
	_, err := fmt.Fprintf(std.Out, "tokentab %s (%s)\n", Version, commit)
	return err
}

// Commit is the program's commit, set by the build. If it is empty, the commit that Go recorded is printed.
var Commit string

// open opens the program for a command other than serve.
func open(ctx context.Context, std IO, storage config.Storage, issuing config.Issuing, options ...func(*backend.World)) (*backend.Backend, error) {
	c, err := settings(storage, issuing)
	if err != nil {
		return nil, err
	}
	w := world(std, slog.New(slog.NewTextHandler(std.Err, nil)))
	for _, option := range options {
		option(&w)
	}
	return backend.Open(ctx, c, w)
}

// with opens the program for a command other than serve, calls f, and closes it.
func with(ctx context.Context, std IO, storage config.Storage, issuing config.Issuing, f func(*backend.Backend) error, options ...func(*backend.World)) (err error) {
	b, err := open(ctx, std, storage, issuing, options...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return f(b)
}

// settings completes and checks the settings of a command other than serve.
func settings(storage config.Storage, issuing config.Issuing) (config.Config, error) {
	c := config.Config{Storage: storage, Issuing: issuing, Serving: config.Serving{CacheTokens: 1}}
	if err := fillDatabaseURL(&c.Storage); err != nil {
		return c, err
	}
	if c.MaxTokenLifetime == 0 {
		c.MaxTokenLifetime = config.Lifetime(400 * 24 * time.Hour)
	}
	return c, errors.Join(c.Storage.Check(), c.Issuing.Check())
}

func world(std IO, log *slog.Logger) backend.World {
	return backend.World{Now: now, Random: rand.Reader, Log: log, UI: std.UI, Version: Version}
}

// now returns the time in the precision that the store keeps, so that a printed time matches a later read.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func fillDatabaseURL(s *config.Storage) error {
	if s.DatabaseURL == "" {
		s.DatabaseURLAgain = config.DatabaseURLFromFile
	}
	return fillSecret(&s.DatabaseURL, config.DatabaseURLFromFile)
}

// fillSecret reads a secret setting from its file unless it is set already.
func fillSecret(value *config.Secret, fromFile func() (config.Secret, error)) (err error) {
	if *value == "" {
		*value, err = fromFile()
	}
	return err
}
