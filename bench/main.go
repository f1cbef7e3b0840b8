// Bench measures the validation of tokens against a bare Fiber server that gets the very same requests and answers as
// many bytes, behind a proxy, and beside other programs that check tokens. All servers run pinned to one core; wrk
// drives them in turn from another. It runs in the root of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// cacheTokens is how many tokens tokentab keeps in memory unless told otherwise.
const cacheTokens = 1_000_000

// settings are what the command line says.
type settings struct {
	tokens  int
	seconds int
	rounds  int
	only    string
	profile bool   // show where the time goes and measure nothing else
	write   string // folder for the results as a page; empty for none

	// What follows is for the processes that bench starts.
	isBare    bool
	bare      bareSettings
	isOurs    bool
	arguments []string // of tokentab
	profileTo string   // file of this process's profile; empty for none
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := readArgs(args)
	if err != nil {
		return err
	}
	if s.isBare {
		return profiled(s.profileTo, func() error { return serveBare(ctx, s.bare) })
	}
	if s.isOurs {
		return profiled(s.profileTo, func() error { return serveOurs(ctx, s.arguments) })
	}
	// Told by the signal, not by the child that it ended: a run that is stopped half-way says only that.
	if err := measure(ctx, s, out); err != nil && ctx.Err() != nil {
		return errors.New("stopped before the end")
	} else if err != nil {
		return err
	}
	return nil
}

func readArgs(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.tokens, "tokens", 1_000_000, "tokens in the database")
	flags.IntVar(&s.seconds, "seconds", 5, "seconds of each measurement")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; every row is measured once in each")
	flags.StringVar(&s.only, "only", "", "measure only rows whose names match this regular expression, and what they are compared with")
	flags.BoolVar(&s.profile, "profile", false, "show where the time of a validation goes, and measure nothing else")
	flags.StringVar(&s.write, "write", "", "folder in which to write the results into performance.md, with a picture")
	flags.BoolVar(&s.isBare, "bare", false, "be the bare server; bench starts it by itself")
	flags.StringVar(&s.bare.address, "bare-address", "", "where the bare server listens")
	flags.StringVar(&s.bare.bodies, "bare-bodies", "", "bytes of body that the bare server answers at each door")
	flags.BoolVar(&s.isOurs, "tokentab", false, "be tokentab with the arguments that follow; bench starts it by itself")
	flags.StringVar(&s.profileTo, "profile-to", "", "file for a profile of the server that this process is")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.arguments = flags.Args()
	if s.tokens < 2*hotTokens || s.seconds < 1 || s.rounds < 1 {
		return s, fmt.Errorf("-tokens must be at least %d, -seconds and -rounds at least 1", 2*hotTokens)
	}
	if s.write != "" && (s.rounds < 3 || s.only != "") {
		return s, errors.New("-write takes at least 3 rounds of all rows: the page is for results that can be relied on")
	}
	return s, nil
}

// measure does everything, and leaves neither files nor processes behind.
func measure(ctx context.Context, s settings, out io.Writer) (err error) {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	rows := selected(rows(s.tokens), only)
	if s.profile {
		rows = nil
	} else if len(rows) == 0 {
		return fmt.Errorf("-only: no row has a name like %q", s.only)
	}
	generator, err := need(ctx, out, "wrk", "The load comes from wrk.", "wrk")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "tokentab-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := os.Chmod(folder, 0o711); err != nil { // nginx's workers, which do not run as root, reach the socket in it
		return err
	}
	stage := &stage{
		folder: folder, binary: filepath.Join(folder, "tokentab"), data: filepath.Join(folder, "data"), tokens: s.tokens,
		cores: pinning(), out: out, running: map[string]*process{},
	}
	stage.facts = machineFacts(ctx, generator, stage.cores)
	fmt.Fprintf(out, "%s.\n%s\n", stage.facts.machine, stage.facts.pinned)
	if err := stage.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	if err := stage.open(ctx, rows); err != nil {
		return err
	}
	load := &load{generator: generator, cores: stage.cores, folder: folder, out: out}
	var measured []line
	if !s.profile {
		results, err := load.run(ctx, s, rows, stage.running, func() { stage.facts.memoryLoaded = stage.running[ours].memory() })
		if err != nil {
			return err
		}
		stage.facts.memoryAtEnd = stage.running[ours].memory()
		measured = lines(results)
		printTable(out, measured)
		printFacts(out, stage.facts)
	}
	if !s.profile && s.write == "" {
		return nil
	}
	// A server that ends badly fails the run, but what was measured before that is still worth its minutes.
	ended := stage.close()
	profiles, err := stage.profile(ctx, load, s)
	if err == nil {
		err = printProfiles(ctx, out, profiles)
	}
	if err == nil && s.write != "" {
		err = write(s, stage.facts, measured, profiles)
	}
	return errors.Join(ended, err)
}

// prepare builds the program and fills its database.
func (s *stage) prepare(ctx context.Context) error {
	fmt.Fprintln(s.out, "Building the program and filling its database.")
	if err := command(ctx, nil, "go", "build", "-o", s.binary, "tokentab"); err != nil {
		return err
	}
	const setup = "setup --account Bench --email bench@example.com --password-stdin --data"
	if err := command(ctx, []byte("a password for the bench\n"), s.binary, append(words(setup), s.data)...); err != nil {
		return err
	}
	began, path := time.Now(), filepath.Join(s.data, "tokentab.db")
	if err := fill(ctx, path, s.tokens); err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	s.facts.tokens, s.facts.fill, s.facts.database = s.tokens, time.Since(began), info.Size()
	fmt.Fprintf(s.out, "%s tokens are in the database, %d MiB, after %.1f s.\n", thousands(s.tokens), info.Size()>>20, s.facts.fill.Seconds())
	return nil
}
