// Command demo fills a data folder with an account as it is after a month of use: sixty tokens, twelve agents, four
// environments, five people, and the runs of a day. It writes through the program's own code, with a clock that runs
// through the month.
//
//	go run ./demo FOLDER PASSWORD
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"tokentab/backend"
	"tokentab/backend/config"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./demo FOLDER PASSWORD")
		os.Exit(2)
	}
	if err := fill(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// fill fills an empty data folder. The password is that of all five people.
func fill(ctx context.Context, folder, password string) (err error) {
	c := config.Config{
		Storage:  config.Storage{Data: folder},
		Issuing:  config.Issuing{MaxTokenLifetime: config.Lifetime(400 * 24 * time.Hour)},
		Serving:  config.Serving{Listen: "127.0.0.1:8080", LogFormat: "text", CacheTokens: 10_000},
		Activity: config.Activity{ActivityRetention: config.Lifetime(400 * 24 * time.Hour), ActivityMax: 1 << 30},
	}
	if err := c.Check(); err != nil {
		return err
	}
	now := time.Now().UTC()
	clock := &clock{now.AddDate(0, 0, -200)}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := backend.Open(ctx, c, backend.World{Now: clock.now, Random: rand.Reader, Log: log, Version: "demo", MayCreate: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	set, err := b.Accounts.IsSetUp(ctx)
	if err != nil || set {
		return errors.Join(err, errorIf(set, "this folder has an account already"))
	}
	m := &month{Backend: b, clock: clock, now: now}
	if err := m.people(ctx, password); err != nil {
		return err
	}
	if err := m.agents(ctx); err != nil {
		return err
	}
	if err := m.issue(ctx); err != nil {
		return err
	}
	if err := m.use(ctx); err != nil {
		return err
	}
	return m.runs(ctx)
}

func errorIf(is bool, text string) error {
	if is {
		return errors.New(text)
	}
	return nil
}

// clock is a clock that only moves when told to.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }
