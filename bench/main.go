// Bench measures the validation of tokens against a bare Fiber server that gets the very same requests and answers as
// many bytes. Both run pinned to one core; wrk drives them in turn from another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are what the command line says.
type settings struct {
	tokens  int
	seconds int
	rounds  int
	bare    bareSettings
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
	s, isBare, err := readArgs(args)
	if err != nil {
		return err
	}
	if isBare {
		return serveBare(ctx, s.bare)
	}
	// Told by the signal, not by the child that it ended: a run that is stopped half-way says only that.
	if err := measure(ctx, s, out); err != nil && ctx.Err() != nil {
		return errors.New("stopped before the end")
	} else if err != nil {
		return err
	}
	return nil
}

func readArgs(args []string) (s settings, isBare bool, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.tokens, "tokens", 100_000, "tokens in the database")
	flags.IntVar(&s.seconds, "seconds", 5, "seconds of each measurement")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; every target is measured once in each")
	flags.BoolVar(&isBare, "bare", false, "be the bare server; bench starts it by itself")
	flags.StringVar(&s.bare.address, "bare-address", "", "where the bare server listens")
	flags.IntVar(&s.bare.validateBody, "bare-validate", 0, "bytes of body that the bare server answers for a validation")
	flags.IntVar(&s.bare.pingBody, "bare-ping", 0, "bytes of body that the bare server answers for a ping")
	if err := flags.Parse(args); err != nil {
		return s, false, err
	}
	if !isBare && (s.tokens < 2*hotTokens || s.seconds < 1 || s.rounds < 1) {
		return s, false, fmt.Errorf("-tokens must be at least %d, -seconds and -rounds at least 1", 2*hotTokens)
	}
	return s, isBare, nil
}

// measure does everything, and leaves neither files nor processes behind.
func measure(ctx context.Context, s settings, out io.Writer) (err error) {
	generator, err := findGenerator(ctx, out)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "tokentab-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	cores := pinning()
	machineFacts(out, cores)

	fmt.Fprintln(out, "Building the program and filling its database.")
	binary, data := filepath.Join(folder, "tokentab"), filepath.Join(folder, "data")
	if err := command(ctx, nil, "go", "build", "-o", binary, "tokentab"); err != nil {
		return err
	}
	const setup = "setup --account Bench --email bench@example.com --password-stdin --data"
	if err := command(ctx, []byte("a password for the bench\n"), binary, append(words(setup), data)...); err != nil {
		return err
	}
	began := time.Now()
	filled, err := fill(ctx, filepath.Join(data, "tokentab.db"), s.tokens)
	if err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	fmt.Fprintf(out, "%d tokens are in the database after %.1f s.\n", s.tokens, time.Since(began).Seconds())

	servers, err := startServers(ctx, folder, binary, data, filled, cores, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.stop()) }()
	bench := &bench{settings: s, generator: generator, cores: cores, folder: folder, out: out}
	results, err := bench.run(ctx, cases(servers, filled))
	if err != nil {
		return err
	}
	printTable(out, results)
	memory, err := residentMemory(servers.ours.pid())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nResident memory of tokentab after the run: %s.\n", memory)
	return nil
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
