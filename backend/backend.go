// Package backend builds the whole program: Open wires it up, in order, and Close undoes it. It is the only wiring,
// shared by the commands and the tests.
package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"sync"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/config"
	"tokentab/backend/idempotency"
	"tokentab/backend/password"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/token"
	"tokentab/backend/web"
)

// flushEvery is how often counted uses are written. With the second that a use may wait to be counted again, a last
// use is true to well under five seconds.
const flushEvery = 2 * time.Second

// World is what the program takes from outside. Tests bring their own clock and randomness.
type World struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	UI     fs.FS // the built page; may be empty
}

// Backend is the open program.
type Backend struct {
	Accounts *account.Accounts
	Agents   *agent.Agents
	Tokens   *token.Tokens
	Signer   *signer.Signer
	Web      *web.Server

	store *store.Store
	log   *slog.Logger
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// publicURLSetting keeps the address that the server was last started with, so that tokens made on the command line
// name the same issuer.
const publicURLSetting = "public_url"

// Open opens the database and builds everything on it. The configuration has to be checked.
func Open(ctx context.Context, c config.Config, world World) (*Backend, error) {
	db, err := store.Open(ctx, c.Data, world.Now)
	if err != nil {
		return nil, err
	}
	b := &Backend{store: db, log: world.Log}
	if err := b.build(ctx, c, world); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func (b *Backend) build(ctx context.Context, c config.Config, world World) error {
	master, err := masterKey(c, world)
	if err != nil {
		return err
	}
	issuer, err := b.issuer(ctx, c)
	if err != nil {
		return err
	}
	audience := c.Audience
	if audience == "" {
		audience = issuer
	}
	if b.Signer, err = signer.New(ctx, b.store, master, issuer, audience, world.Now, world.Random); err != nil {
		return err
	}
	lifetimes := token.Lifetimes{Default: c.DefaultTokenLifetime(), Max: time.Duration(c.MaxTokenLifetime)}
	b.Tokens = token.New(b.store, b.Signer, token.NewCache(c.CacheTokens), lifetimes, world.Now, world.Random)
	b.Accounts = account.New(b.store, password.New(), world.Now, world.Random)
	b.Agents = agent.New(b.store, world.Now, world.Random)
	b.Web, err = web.New(web.Parts{
		Accounts: b.Accounts, Agents: b.Agents, Tokens: b.Tokens, Keys: b.Signer, Store: b.store,
		Once:   idempotency.New(b.store, world.Now),
		Config: c, UI: world.UI, Now: world.Now, Random: world.Random, Log: world.Log,
	})
	return err
}

func masterKey(c config.Config, world World) (signer.MasterKey, error) {
	text, err := config.MasterKey()
	if err != nil {
		return signer.MasterKey{}, err
	}
	if text == "" {
		return signer.LoadMasterKey(c.Data, world.Random)
	}
	key, err := signer.ParseMasterKey(string(text))
	if err != nil {
		return signer.MasterKey{}, fmt.Errorf("TOKENTAB_MASTER_KEY: %w", err)
	}
	return key, nil
}

func (b *Backend) issuer(ctx context.Context, c config.Config) (string, error) {
	if c.PublicURL != "" {
		return c.PublicURL, nil
	}
	if c.Listen == "" { // a command that does not serve
		if url, ok, err := b.store.Setting(ctx, publicURLSetting); ok || err != nil {
			return url, err
		}
		c.Listen = "127.0.0.1:8080"
	}
	return c.Origin(), nil
}

// Serve answers on the listener until the context ends, then finishes what runs, for ten seconds at the most.
func (b *Backend) Serve(ctx context.Context, c config.Config, listener net.Listener) error {
	if err := b.store.SetSetting(context.WithoutCancel(ctx), publicURLSetting, c.Origin()); err != nil {
		return err
	}
	b.keepUses()
	failed := make(chan error, 1)
	go func() { failed <- b.Web.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	b.log.Info("stopping")
	return b.Web.Shutdown(10 * time.Second)
}

// keepUses writes counted uses every now and then until Close.
func (b *Backend) keepUses() {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.done.Go(func() {
		ticker := time.NewTicker(flushEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := b.Tokens.FlushUses(ctx); err != nil && ctx.Err() == nil {
					b.log.Error("could not write the last uses of tokens; they are kept for the next try", "cause", err)
				}
			}
		}
	})
}

// Close writes what was counted and closes the database.
func (b *Backend) Close() error {
	if b.stop != nil {
		b.stop()
		b.done.Wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(b.Tokens.FlushUses(ctx), b.store.Close())
}
