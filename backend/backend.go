// Package backend builds the whole program: Open wires it up, in order, and Close undoes it. It is the only wiring,
// shared by the commands and the tests.
package backend

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/config"
	"tokentab/backend/idempotency"
	"tokentab/backend/mail"
	"tokentab/backend/password"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/token"
	"tokentab/backend/web"
)

// flushEvery is how often last uses are written. With the second that a token's next use may go unrecorded, what a crash
// leaves is true to under five seconds.
const flushEvery = 3 * time.Second

// The writer of uses rests after each few of them for as long as they took and, where the processors are busy, for so
// many times longer: on one core all validations wait for it. Within these bounds.
const (
	restBusy  = 18
	restLeast = time.Millisecond
	restMost  = time.Second
)

// movesEvery is how often it is looked whether tokens move that are very many. Verdicts do not wait for that.
const movesEvery = time.Second

// restBusyMoves is restBusy for moves of many tokens, which should come to an end.
const restBusyMoves = 4

// A stop takes stopTime at the most, whatever clients do: service managers kill what takes longer, often after ten
// seconds. Requests under way have requestTime of it, in which last uses are already written. The rest is for those that are
// left and for closing the database.
const (
	stopTime    = 7500 * time.Millisecond
	requestTime = 5 * time.Second
	closeTime   = 500 * time.Millisecond
)

// World is what the program takes from outside. Tests bring their own clock and randomness.
type World struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	UI     fs.FS // the built page; may be empty

	// Version is that of this program. A command works beside a server of the same version only.
	Version string
	// PasswordCosts are those of new hashes; zero for the usual ones.
	PasswordCosts password.Costs
	// MayCreate lets a command make a database where there is none.
	MayCreate bool
}

// Backend is the open program.
type Backend struct {
	Accounts *account.Accounts
	Agents   *agent.Agents
	Tokens   *token.Tokens
	Signer   *signer.Signer
	Web      *web.Server

	store   *store.Store
	now     func() time.Time
	random  io.Reader
	log     *slog.Logger
	working context.Context // what is repeated goes on until it ends
	stop    context.CancelFunc
	done    sync.WaitGroup
	until   time.Time // a stop has to be done; zero before there is one
}

// Settings that a server keeps when it starts, so that the same rules hold for tokens made on the command line.
const (
	publicURLSetting = "public_url"
	audienceSetting  = "audience"
	lifetimeSetting  = "max_token_lifetime"
)

// Open opens the database and builds everything on it: for a server, which claims the database, if the configuration
// says where to listen, else for a command. The configuration has to be checked.
func Open(ctx context.Context, c config.Config, world World) (*Backend, error) {
	if c.Listen == "" {
		db, err := store.Join(ctx, c.Data, world.Version, world.MayCreate, world.Now)
		if err != nil {
			return nil, err
		}
		return on(ctx, db, c, world)
	}
	claim, err := Claim(ctx, c, world)
	if err != nil {
		return nil, err
	}
	return OpenClaimed(ctx, claim, c, world)
}

// Claim claims the database for a server, before it listens: a server that is stopping holds both, and is waited for.
func Claim(ctx context.Context, c config.Config, world World) (*store.Claim, error) {
	return store.Serve(ctx, c.Data, world.Version, world.Now, world.Log)
}

// OpenClaimed is Open for a server that has claimed the database.
func OpenClaimed(ctx context.Context, claim *store.Claim, c config.Config, world World) (*Backend, error) {
	db, err := claim.Open(ctx, world.Now)
	if err != nil {
		return nil, err
	}
	return on(ctx, db, c, world)
}

func on(ctx context.Context, db *store.Store, c config.Config, world World) (*Backend, error) {
	b := &Backend{store: db, now: world.Now, random: world.Random, log: world.Log}
	b.working, b.stop = context.WithCancel(context.Background())
	if err := b.build(ctx, c, world); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

// Serving returns the server that runs on this database, if one runs; that may be this process.
func (b *Backend) Serving(ctx context.Context) (server store.Server, running bool, err error) {
	return b.store.Serving(ctx)
}

func (b *Backend) build(ctx context.Context, c config.Config, world World) error {
	master, err := b.masterKey(ctx, c, world)
	if err != nil {
		return err
	}
	if c.Listen == "" { // a command that does not serve
		if err := b.recallIssuing(ctx, &c); err != nil {
			return err
		}
	}
	if b.Signer, err = signer.New(ctx, b.store, master, c.Origin(), c.TokenAudience(), world.Now, world.Random); err != nil {
		return err
	}
	lifetimes := token.Lifetimes{Default: c.DefaultTokenLifetime(), Max: time.Duration(c.MaxTokenLifetime)}
	cache, err := token.NewCache(c.CacheTokens, world.Random)
	if err != nil {
		return err
	}
	b.Tokens = token.New(b.store, b.Signer, cache, lifetimes, world.Now, world.Random)
	b.Tokens.HaltWhile(b.store.Replaced())
	inviteKey, err := master.MACKey("invite")
	if err != nil {
		return err
	}
	b.Accounts = account.New(account.Parts{
		Store: b.store, Passwords: password.New(world.Random, paced(), world.PasswordCosts), Verdicts: verdicts{b.Tokens}, InviteKey: inviteKey, Now: world.Now, Random: world.Random,
	})
	b.Agents = agent.New(b.store, b.Tokens, world.Now, world.Random)
	cookieKey, err := master.MACKey("cookie")
	if err != nil {
		return err
	}
	mailer, err := newMailer(c)
	if err != nil {
		return err
	}
	b.Web, err = web.New(web.Parts{
		Accounts: b.Accounts, Agents: b.Agents, Tokens: b.Tokens, Keys: b.Signer, Store: b.store, Mail: mailer,
		Once:         idempotency.New(b.store, world.Now),
		Installation: hex.EncodeToString(cookieKey.MAC([]byte(c.Origin()))[:4]),
		Config:       c, UI: world.UI, Now: world.Now, Random: world.Random, Log: world.Log,
	})
	return err
}

// newMailer returns nil where no mail server is set up.
func newMailer(c config.Config) (web.Mailer, error) {
	server, ok, err := c.SMTP()
	if err != nil || !ok {
		return nil, err
	}
	return mail.New(server), nil
}

func (b *Backend) masterKey(ctx context.Context, c config.Config, world World) (signer.MasterKey, error) {
	text, err := config.MasterKey()
	if err != nil {
		return signer.MasterKey{}, err
	}
	if text == "" {
		var key signer.MasterKey
		err := b.store.Exclusively(ctx, func() error {
			keys, err := b.store.SigningKeys(ctx)
			if err != nil {
				return err
			}
			// A new master key opens no key that was sealed before, so it is made for a new database only.
			key, err = signer.LoadMasterKey(c.Data, len(keys) == 0, world.Random)
			return err
		})
		return key, err
	}
	key, err := signer.ParseMasterKey(string(text))
	if err != nil {
		return signer.MasterKey{}, fmt.Errorf("TOKENTAB_MASTER_KEY: %w", err)
	}
	return key, nil
}

// recallIssuing completes the settings of a command with those of the server that ran last. A ceiling can only be
// lowered.
func (b *Backend) recallIssuing(ctx context.Context, c *config.Config) error {
	kept := map[string]string{}
	for _, name := range []string{publicURLSetting, audienceSetting, lifetimeSetting} {
		value, _, err := b.store.Setting(ctx, name)
		if err != nil {
			return err
		}
		kept[name] = value
	}
	c.Listen = "127.0.0.1:8080"
	c.PublicURL = cmp.Or(c.PublicURL, kept[publicURLSetting])
	c.Audience = cmp.Or(c.Audience, kept[audienceSetting])
	if ceiling, err := time.ParseDuration(kept[lifetimeSetting]); err == nil {
		c.MaxTokenLifetime = min(c.MaxTokenLifetime, config.Lifetime(ceiling))
	}
	return nil
}

func (b *Backend) keepIssuing(ctx context.Context, c config.Config) error {
	for name, value := range map[string]string{
		publicURLSetting: c.Origin(), audienceSetting: c.Audience, lifetimeSetting: time.Duration(c.MaxTokenLifetime).String(),
	} {
		if err := b.store.SetSetting(ctx, name, value); err != nil {
			return err
		}
	}
	return nil
}

// Serve answers on the listeners until the context ends, then finishes what runs, for requestTime at the most.
func (b *Backend) Serve(ctx context.Context, c config.Config, listeners ...net.Listener) (err error) {
	if err := b.keepIssuing(context.WithoutCancel(ctx), c); err != nil { // validations can go on without it
		b.log.Error("could not keep the settings with which commands create tokens", "cause", err)
	}
	b.seeOutsideChanges()
	b.repeat(flushEvery, "could not write the last uses of tokens; they are kept for the next try", func(ctx context.Context) error {
		rest := resting(ctx, restBusy)
		return b.Tokens.FlushUses(ctx, func() { rest() })
	})
	b.repeat(movesEvery, "could not write the records of tokens that were revoked, suspended or activated together; the next try goes on", func(ctx context.Context) error {
		return b.Tokens.FinishMoves(ctx, resting(ctx, restBusyMoves))
	})
	failed := make(chan error, 1)
	go func() { failed <- b.Web.Serve(listeners...) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	b.log.Info("stopping")
	b.until = time.Now().Add(stopTime)
	b.flushWhile(func() { err = b.Web.Shutdown(requestTime) })
	return err
}

// flushWhile writes last uses while others still finish, so that few are left for the end.
func (b *Backend) flushWhile(others func()) {
	b.stopRepeating()
	ctx, cancel := context.WithCancel(context.Background())
	var flushed sync.WaitGroup
	flushed.Go(func() { _ = b.Tokens.FlushUses(ctx, nil) }) // Close does what fails here again
	others()
	cancel()
	flushed.Wait()
}

// repeat does something every now and then until Close.
func (b *Backend) repeat(every time.Duration, failed string, do func(context.Context) error) {
	b.done.Go(func() {
		ticker, fails := time.NewTicker(every), false
		defer ticker.Stop()
		for {
			select {
			case <-b.working.Done():
				return
			case <-ticker.C:
				err := do(b.working)
				isNews := err != nil && !fails && b.working.Err() == nil
				if fails = err != nil; isNews {
					b.log.Error(failed, "cause", err)
				}
			}
		}
	})
}

// resting returns what rests until the context ends, and for busy times longer if the processors are busy. It says how
// long was worked since the last rest.
func resting(ctx context.Context, busy time.Duration) func() (worked time.Duration) {
	pause := func(d time.Duration) {
		select {
		case <-time.After(min(d, restMost)):
		case <-ctx.Done():
		}
	}
	working := time.Now()
	return func() time.Duration {
		worked := time.Since(working)
		began, used := time.Now(), processorTime()
		pause(max(worked, restLeast))
		if processorTime()-used > time.Since(began)*time.Duration(runtime.GOMAXPROCS(0))/2 {
			pause(busy * worked)
		}
		working = time.Now()
		return worked
	}
}

// stopRepeating ends what repeat began.
func (b *Backend) stopRepeating() {
	b.stop()
	b.done.Wait()
}

// Close writes the last uses and closes the database. closeTime is left for closing when it waits for another process no
// longer.
func (b *Backend) Close() error {
	b.stopRepeating()
	if b.until.IsZero() {
		b.until = time.Now().Add(stopTime)
	}
	ctx, cancel := context.WithDeadline(context.Background(), b.until.Add(-closeTime))
	defer cancel()
	err := b.Tokens.FlushUses(ctx, nil)
	if err != nil {
		err = fmt.Errorf("not all last uses of tokens could be written: %w", err)
	}
	return errors.Join(err, b.store.CloseWithin(ctx))
}
