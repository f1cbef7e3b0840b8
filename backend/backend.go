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
	"os"
	"sync"
	"time"

	"tokentab/backend/account"
	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/filemode"
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

// World is everything that the program takes from its surroundings. Tests bring their own clock and randomness.
type World struct {
	Now func() time.Time
	// Passed returns the time that has passed since some instant, whatever the clock said; nil for the system's.
	Passed func() time.Duration
	// Shared returns the time of a Postgres that copies share; nil to ask Postgres.
	Shared func() time.Time
	// MasterKey is the setting, if it was read already: its file may be a pipe. If empty, it is read.
	MasterKey config.Secret
	Random    io.Reader
	Log       *slog.Logger
	UI        fs.FS // the built page; may be empty

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
	AuditLog *audit.Log // nil if none is set
	Notices  *notice.Notices
	Live     *live.Hub
	Backups  *backup.Backups
	Web      *web.Server

	store    *store.Store
	master   signer.MasterKey
	auditKey audit.Sealer
	version  string
	data     string // the data folder; unused on Postgres
	// chainEvents prepares the audit trail for changes, see store.Events.ChainEvents.
	chainEvents func(context.Context) error
	removal     *removalClock
	now         func() time.Time
	random      io.Reader
	log         *slog.Logger
	working     context.Context // ends the work of repeat
	stop        context.CancelFunc
	done        sync.WaitGroup
	logging     sync.WaitGroup // apart from done: a file may hang where no database does
	until       time.Time      // the deadline of a stop; zero until a stop begins
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
	at := store.Postgres{URL: string(c.DatabaseURL), Readers: c.DatabaseReaders, Finders: c.DatabaseFinders}
	if c.DatabaseURLAgain != nil {
		at.Again = func() (string, error) {
			url, err := c.DatabaseURLAgain()
			return string(url), err
		}
	}
	return at
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
	b := &Backend{store: db, version: world.Version, data: c.Data, now: world.Now, random: world.Random, log: world.Log}
	if world.Passed == nil {
		started := time.Now()
		world.Passed = func() time.Duration { return time.Since(started) } // by the system's monotonic clock
	}
	b.removal = &removalClock{store: db, now: world.Now, passed: world.Passed, log: world.Log}
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
	if c.Listen != "" {
		if err := checkFiles(c, world.Log); err != nil {
			return err
		}
	}
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
		return b.store.Events.ChainEvents(ctx, auditKey, master.MayBeginChains, func(earlier int) (audit.Event, error) {
			return audit.New(world.Now().UTC(), audit.Actor{}, audit.ChainStarted, "", fmt.Sprintf("earlier events: %d", earlier), world.Random)
		})
	}
	b.Refusals = audit.NewRefusals(b.store.Events.WriteEvents, world.Now, world.Random)
	if err := b.chainEvents(ctx); err != nil {
		if c.Listen == "" || ctx.Err() != nil {
			return err
		}
		b.log.Error("could not prepare the audit trail; changes are refused until that succeeds", "cause", err) // validations don't need it
	}
	if c.AuditLog != "" && c.Listen != "" {
		if b.AuditLog, err = openAuditLog(c, b.store.Events, world.Log); err != nil {
			return err
		}
	}
	if c.Listen == "" { // a command that does not serve
		if err := b.recallIssuing(ctx, &c); err != nil {
			return err
		}
	}
	if b.Signer, err = signer.New(ctx, b.store.Keys, master, c.Origin(), c.TokenAudience(), world.Now, world.Random); err != nil {
		return err
	}
	if c.Listen != "" {
		if err := b.removal.start(ctx); ctx.Err() != nil { // a stop during the start is no failure
			return errors.Join(ctx.Err(), err)
		} else if err != nil { // each removal tries again
			b.log.Error("could not read the time that removal by age goes by; will retry", "cause", err)
		}
		if err := b.Signer.NoteChains(ctx); ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		} else if err != nil { // Serve tries again
			b.log.Error("could not note in the signing keys that audit events are chained; will retry", "cause", err)
		}
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
		b.Tokens.Follow(copies, c.DatabaseLookLimit, b.tellLooks)
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
		InviteKey: inviteKey, Now: world.Now, Shared: b.sharedTime(world), Random: world.Random,
	})
	b.Agents = agent.New(b.store.Agents, b.Tokens, world.Now, world.Random)
	b.Activity = activity.New(b.store.Activity, b.Tokens.SawAgent, world.Now, world.Random)
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

// checkFiles refuses a folder of backups in which others can replace files, and warns of secrets that they can read. What reads
// a secret refuses a file that others can write.
func checkFiles(c config.Config, log *slog.Logger) error {
	if c.BackupDir != "" {
		// A missing folder may come back, and each backup says that it is missing.
		if err := filemode.CheckFolder(c.BackupDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--backup-dir: %w", err)
		}
	}
	for _, file := range c.SecretFiles() {
		if info, err := os.Stat(file.Path); err == nil && filemode.IsReadable(info) {
			log.Warn("everyone on this machine can read a file with a secret", "setting", file.Setting, "file", file.Path, "mode", fmt.Sprintf("%#o", info.Mode().Perm()), "do", "restrict it to its owner with chmod 600")
		}
	}
	return nil
}

// newMailer returns nil if no mail server is configured.
func newMailer(c config.Config) (web.Mailer, error) {
	server, ok, err := mailServer(c)
	if err != nil || !ok {
		return nil, err
	}
	return mail.New(server), nil
}

func mailServer(c config.Config) (server config.SMTP, ok bool, err error) {
	server, ok, err = c.SMTP()
	server.Greeting = c.Greeting()
	return server, ok, err
}

// ParseMasterKey returns the master key of the setting; isSet is false if the setting is empty and the data folder has the key.
func ParseMasterKey(c config.Config, setting config.Secret) (key signer.MasterKey, isSet bool, err error) {
	switch {
	case setting == "" && c.DatabaseURL != "":
		return key, false, errors.New("TOKENTAB_MASTER_KEY must be set with --database-url, because all copies share the master key: set it, or name a file with TOKENTAB_MASTER_KEY_FILE. head -c 32 /dev/urandom | base64 prints a new key")
	case setting == "":
		return key, false, nil
	}
	if key, err = signer.ParseMasterKey(string(setting)); err != nil {
		err = fmt.Errorf("%s: %w", config.MasterKeySetting(), err)
	}
	return key, true, err
}

// masterKey returns the master key, and an error if it opens none of the signing keys, before it seals anything.
func (b *Backend) masterKey(ctx context.Context, c config.Config, world World) (key signer.MasterKey, err error) {
	setting := world.MasterKey
	if setting == "" {
		if setting, err = config.MasterKey(); err != nil {
			return key, err
		}
	}
	key, isSet, err := ParseMasterKey(c, setting)
	if err != nil {
		return key, err
	}
	var keys []signer.StoredKey
	if !isSet {
		err = b.store.Exclusively(ctx, func() (err error) {
			if keys, err = b.store.Keys.SigningKeys(ctx); err != nil {
				return err
			}
			// A new master key can't open keys sealed under another one, so only a new database gets one.
			key, err = signer.LoadMasterKey(c.Data, len(keys) == 0, world.Random)
			return err
		})
	} else {
		keys, err = b.store.Keys.SigningKeys(ctx)
	}
	if err != nil {
		return key, err
	}
	if err = key.Check(keys); err != nil && isSet {
		err = WrongMasterKey{err}
	}
	return key, err
}

// WrongMasterKey is the error of a master key that is set and opens none of the signing keys.
type WrongMasterKey struct{ error }

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
