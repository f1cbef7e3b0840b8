// Package backend builds the whole program: Open wires it up, and Close takes it down. The commands and the tests
// share this one wiring.
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
	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/idempotency"
	"tokentab/backend/live"
	"tokentab/backend/mail"
	"tokentab/backend/metrics"
	"tokentab/backend/notice"
	"tokentab/backend/password"
	"tokentab/backend/people"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/token"
	"tokentab/backend/web"
	"tokentab/backend/webhook"
)

// flushEvery is how often uses are written: after a crash, counts and last uses are at most five seconds old.
const flushEvery = 3 * time.Second

// The writer of uses pauses after each batch for as long as the batch took, because on one core validations wait
// while it works. If the processors are busy it pauses restBusy times longer. A pause lasts from restLeast to
// restMost.
const (
	restBusy  = 18
	restLeast = time.Millisecond
	restMost  = time.Second
)

// movesEvery is how often the program looks for large token moves to finish. Verdicts already follow the move and
// don't wait for this.
const movesEvery = time.Second

// restBusyMoves is restBusy for large token moves, which must make progress on a busy machine.
const restBusyMoves = 4

// noticesEvery is how often the program looks for notices to write and to send.
const noticesEvery = 10 * time.Second

// trimEvery is how often the program looks for what has ended, and for activity of agents that is too old or too much.
const trimEvery = 5 * time.Second

// auditEvery is how often the program looks for audit events that are too old.
const auditEvery = 10 * time.Second

// A stop takes at most stopTime, whatever clients do, because service managers often kill a program after ten
// seconds. Requests under way get requestTime of it, during which uses are already written. The rest is for
// remaining uses and for closing the database, which gets closeTime.
const (
	stopTime    = 7500 * time.Millisecond
	requestTime = 5 * time.Second
	closeTime   = 500 * time.Millisecond
)

// World is everything that the program takes from its surroundings. Tests bring their own clock and randomness.
type World struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	UI     fs.FS // the built page; may be empty

	// Version of this program. A command only works beside a server of the same version.
	Version string
	// PasswordCosts are the costs of new password hashes; zero for the defaults.
	PasswordCosts password.Costs
	// MayCreate lets a command create the database if there is none.
	MayCreate bool
	// ReadOnly lets a command open a database that can't be written.
	ReadOnly bool
}

// Backend is the wired program on an open database.
type Backend struct {
	Accounts *account.Accounts
	People   *people.People
	Agents   *agent.Agents
	Tokens   *token.Tokens
	Activity *activity.Activity
	Signer   *signer.Signer
	Audit    *audit.Trail
	Refusals *audit.Refusals
	Notices  *notice.Notices
	Live     *live.Hub
	Backups  *backup.Backups
	Web      *web.Server

	store    *store.Store
	master   signer.MasterKey
	auditKey audit.Sealer
	version  string
	// chainEvents prepares the audit trail for changes, see store.Events.ChainEvents.
	chainEvents func(context.Context) error
	now         func() time.Time
	random      io.Reader
	log         *slog.Logger
	working     context.Context // ends the work of repeat
	stop        context.CancelFunc
	done        sync.WaitGroup
	until       time.Time // the deadline of a stop; zero until a stop begins
}

// Settings that a server stores when it starts, so that tokens issued on the command line follow the same rules.
const (
	publicURLSetting = "public_url"
	audienceSetting  = "audience"
	lifetimeSetting  = "max_token_lifetime"
)

// Open opens the database and builds the program on it. If the configuration says where to listen, it claims the
// database for a server; otherwise it joins as a command. The caller has checked the configuration.
func Open(ctx context.Context, c config.Config, world World) (*Backend, error) {
	if c.Listen == "" {
		db, err := join(ctx, c, world)
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

func join(ctx context.Context, c config.Config, world World) (*store.Store, error) {
	may := store.Joining{Create: world.MayCreate, ReadOnly: world.ReadOnly}
	if c.DatabaseURL != "" {
		return store.JoinPostgres(ctx, postgres(c), may, world.Now)
	}
	return store.Join(ctx, c.Data, world.Version, may, world.Now)
}

func postgres(c config.Config) store.Postgres {
	return store.Postgres{URL: string(c.DatabaseURL), Readers: c.DatabaseReaders, Finders: c.DatabaseFinders}
}

// Claim claims the database for a server. Call it before listening: it waits for a server that is still stopping,
// which holds both the database and the port. On Postgres there is nothing to wait for, since several servers may run.
func Claim(ctx context.Context, c config.Config, world World) (*store.Claim, error) {
	if c.DatabaseURL != "" {
		return store.ServePostgres(postgres(c), world.Version, world.Log)
	}
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
	b := &Backend{store: db, version: world.Version, now: world.Now, random: world.Random, log: world.Log}
	b.working, b.stop = context.WithCancel(context.Background())
	if err := b.build(ctx, c, world); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

// Serving returns the server that runs on this database, which may be this process; running is false if there is
// none.
func (b *Backend) Serving(ctx context.Context) (server store.Server, running bool, err error) {
	return b.store.Serving(ctx)
}

func (b *Backend) build(ctx context.Context, c config.Config, world World) error {
	master, err := b.masterKey(ctx, c, world)
	if err != nil {
		return err
	}
	b.master = master
	b.Backups = backup.New(b.store, world.Now, world.Random)
	auditKey, err := master.MACKey("audit")
	if err != nil {
		return err
	}
	b.auditKey = auditKey
	b.Audit, b.chainEvents = audit.NewTrail(b.store.Events, auditKey), func(ctx context.Context) error {
		return b.store.Events.ChainEvents(ctx, auditKey, func(earlier int) (audit.Event, error) {
			return audit.New(world.Now().UTC(), audit.Actor{}, audit.ChainStarted, "", fmt.Sprintf("earlier events: %d", earlier), world.Random)
		})
	}
	b.Refusals = audit.NewRefusals(b.store.Events.WriteEvents, world.Now, world.Random)
	if err := b.chainEvents(ctx); err != nil {
		if c.Listen == "" {
			return err
		}
		b.log.Error("could not prepare the audit trail; changes are refused until that succeeds", "cause", err) // validations don't need it
	}
	if c.Listen == "" { // a command that does not serve
		if err := b.recallIssuing(ctx, &c); err != nil {
			return err
		}
	}
	if b.Signer, err = signer.New(ctx, b.store.Keys, master, c.Origin(), c.TokenAudience(), world.Now, world.Random); err != nil {
		return err
	}
	lifetimes := token.Lifetimes{Default: c.DefaultTokenLifetime(), Max: time.Duration(c.MaxTokenLifetime)}
	cache, err := token.NewCache(c.CacheTokens, world.Random)
	if err != nil {
		return err
	}
	b.Tokens = token.New(b.store.Tokens, b.Signer, cache, lifetimes, world.Now, world.Random)
	b.Tokens.HaltWhile(b.store.Replaced())
	setupCode := ""
	if copies := b.store.Copies(); copies != nil {
		b.Tokens.Follow(copies, c.DatabaseLookLimit)
		if setupCode, err = sharedSetupCode(ctx, copies, master); err != nil {
			return err
		}
	}
	inviteKey, err := master.MACKey("invite")
	if err != nil {
		return err
	}
	b.Accounts = account.New(b.store.Accounts, b.Tokens, world.Now, world.Random)
	b.People = people.New(people.Parts{
		Store: b.store.People, Accounts: b.Accounts, Passwords: password.New(world.Random, paced(), world.PasswordCosts), Verdicts: b.Tokens,
		InviteKey: inviteKey, Now: world.Now, Random: world.Random,
	})
	b.Agents = agent.New(b.store.Agents, b.Tokens, world.Now, world.Random)
	b.Activity = activity.New(b.store.Activity, world.Now, world.Random)
	cookieKey, err := master.MACKey("cookie")
	if err != nil {
		return err
	}
	mailer, err := newMailer(c)
	if err != nil {
		return err
	}
	b.Notices = notice.New(notice.Parts{
		Store: b.store.Notices, Vault: master.Vault(world.Random), Sender: webhook.New(c.AllowPrivateWebhooks), Mail: mailer,
		Origin: c.Origin(), Now: world.Now, Random: world.Random, Log: world.Log,
	})
	b.Live = live.NewHub(b.store, b.Tokens)
	numbers := metrics.New()
	b.Web, err = web.New(web.Parts{
		Accounts: b.Accounts, People: b.People, Agents: b.Agents, Tokens: b.Tokens, Activity: b.Activity, Audit: b.Audit, Refusals: b.Refusals, Keys: b.Signer, Store: b.store, Notices: b.Notices, Backups: b.Backups, Live: b.Live, Mail: mailer, Metrics: numbers,
		Once:         idempotency.New(b.store.Answers, world.Now),
		Installation: hex.EncodeToString(cookieKey.MAC([]byte(c.Origin()))[:4]), SetupCode: setupCode,
		Config: c, UI: world.UI, Now: world.Now, Random: world.Random, Log: world.Log,
	})
	if err == nil {
		b.measured(numbers, world.Version, c)
	}
	return err
}

// newMailer returns nil if no mail server is configured.
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
	if text == "" && c.DatabaseURL != "" {
		return signer.MasterKey{}, errors.New("TOKENTAB_MASTER_KEY must be set with --database-url, because all copies share the master key: set it, or name a file with TOKENTAB_MASTER_KEY_FILE. head -c 32 /dev/urandom | base64 prints a new key")
	}
	if text == "" {
		var key signer.MasterKey
		err := b.store.Exclusively(ctx, func() error {
			keys, err := b.store.Keys.SigningKeys(ctx)
			if err != nil {
				return err
			}
			// A new master key can't open keys sealed under another one, so only a new database gets one.
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

// recallIssuing completes a command's settings with those of the server that ran last. A command can lower the
// maximum lifetime of tokens, not raise it.
func (b *Backend) recallIssuing(ctx context.Context, c *config.Config) error {
	kept := map[string]string{}
	for _, name := range []string{publicURLSetting, audienceSetting, lifetimeSetting} {
		value, err := b.store.Setting(ctx, name)
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
		kept, err := b.store.Setting(ctx, name)
		if err == nil && kept != value { // each write waits for the disk, and requests wait for this
			err = b.store.SetSetting(ctx, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Serve answers on the listeners until the context ends, then gives requests under way requestTime to finish. It
// stores the settings that commands read; see recallIssuing.
func (b *Backend) Serve(ctx context.Context, c config.Config, listeners ...net.Listener) (err error) {
	if err := b.keepIssuing(context.WithoutCancel(ctx), c); err != nil { // validations don't need these settings
		b.log.Error("could not store the settings that commands need to create tokens", "cause", err)
	}
	b.seeOutsideChanges()
	b.repeat(flushEvery, "could not write the uses of tokens; will retry", func(ctx context.Context) error {
		return b.Tokens.FlushUses(ctx, resting(ctx, restBusy))
	})
	b.repeatAlone(movesEvery, "could not write the records of a large token move; will retry", func(ctx context.Context) error {
		return b.Tokens.FinishMoves(ctx, resting(ctx, restBusyMoves))
	})
	b.repeatAlone(noticesEvery, "could not write or settle notices of expiring tokens; will retry", b.Notices.Run)
	keep := activity.Keep{For: time.Duration(c.ActivityRetention), Most: int64(c.ActivityMax)}
	b.repeatAlone(trimEvery, "could not remove old activity of agents; will retry", func(ctx context.Context) error {
		return b.Activity.Trim(ctx, keep, resting(ctx, restBusyMoves))
	})
	b.repeatAlone(trimEvery, "could not remove ended sessions, invites and the like; will retry", b.RemoveEnded)
	b.scheduleBackups(c.Backups)
	b.repeatAlone(auditEvery, "could not keep the audit trail; will retry", func(ctx context.Context) error {
		if err := b.chainEvents(ctx); err != nil || c.AuditRetention == 0 {
			return err
		}
		return b.store.Events.RemoveEvents(ctx, b.now().Add(-time.Duration(c.AuditRetention)), resting(ctx, restBusyMoves))
	})
	if copies := b.store.Copies(); copies != nil {
		follow := func(ctx context.Context) error { return b.Tokens.FollowUses(ctx, copies) }
		_ = follow(b.working) // from now on; a failure is logged with the next one
		b.repeat(flushEvery, "could not read the uses that other copies have written; will retry", follow)
	}
	b.repeat(auditEvery, "could not write refusals to the audit trail; will retry", func(ctx context.Context) error { return b.Refusals.Flush(ctx, false) })
	b.repeat(live.LookEvery, "could not look for changes to tell open pages; will retry", b.Live.Look)
	failed := make(chan error, 1)
	go func() { failed <- b.Web.Serve(listeners...) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	b.log.Info("stopping")
	b.until = time.Now().Add(stopTime)
	b.Live.Close()
	b.flushWhile(func() { err = b.Web.Shutdown(requestTime) })
	return err
}

// RemoveEnded removes what has ended and only takes room. Serve calls it every few seconds.
func (b *Backend) RemoveEnded(ctx context.Context) error {
	return b.store.RemoveEnded(ctx, b.now().UTC(), resting(ctx, restBusyMoves))
}

// flushWhile writes uses while others finish, so that little is left to write at the end.
func (b *Backend) flushWhile(others func()) {
	b.stopRepeating()
	ctx, cancel := context.WithCancel(context.Background())
	var flushed sync.WaitGroup
	flushed.Go(func() { _ = b.Tokens.FlushUses(ctx, nil) }) // Close tries again
	others()
	cancel()
	flushed.Wait()
}

// repeat calls do at each interval until Close. It logs only the first of consecutive failures.
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

// resting returns a function that pauses for as long as the work since the last pause took, and for busy times longer
// if the processors are busy. The end of the context cuts a pause short.
func resting(ctx context.Context, busy time.Duration) func() {
	pause := func(d time.Duration) {
		select {
		case <-time.After(min(d, restMost)):
		case <-ctx.Done():
		}
	}
	working := time.Now()
	return func() {
		worked := time.Since(working)
		began, used := time.Now(), processorTime()
		pause(max(worked, restLeast))
		if processorTime()-used > time.Since(began)*time.Duration(runtime.GOMAXPROCS(0))/2 {
			pause(busy * worked)
		}
		working = time.Now()
	}
}

// stopRepeating ends the work of repeat and waits for it.
func (b *Backend) stopRepeating() {
	b.stop()
	b.done.Wait()
}

// Close writes the uses and closes the database. It stops waiting for other processes closeTime before the
// deadline of the stop, to have time left to close.
func (b *Backend) Close() error {
	b.stopRepeating()
	if b.until.IsZero() {
		b.until = time.Now().Add(stopTime)
	}
	ctx, cancel := context.WithDeadline(context.Background(), b.until.Add(-closeTime))
	defer cancel()
	err := b.Tokens.FlushUses(ctx, nil)
	if err != nil {
		err = fmt.Errorf("could not write all uses of tokens: %w", err)
	}
	if failed := b.Refusals.Flush(ctx, true); failed != nil {
		err = errors.Join(err, fmt.Errorf("could not write all refusals to the audit trail: %w", failed))
	}
	return errors.Join(err, b.store.CloseWithin(ctx))
}
