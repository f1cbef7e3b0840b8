// Package config reads and checks the settings, from flags and environment variables.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"tokentab/backend/filemode"
	"tokentab/backend/text"
)

// Prefix starts each environment variable's name: --max-token-lifetime is TOKENTAB_MAX_TOKEN_LIFETIME.
const Prefix = "TOKENTAB"

// Storage is where the data is kept.
type Storage struct {
	Data        string `help:"Folder of the database and the master key, created if missing." default:"./data" placeholder:"FOLDER"`
	DatabaseURL Secret `help:"Postgres database for several copies of the server, such as postgres://user:password@db.example.com/tokentab?sslmode=verify-full. If empty, the data is in SQLite in the data folder. Also TOKENTAB_DATABASE_URL_FILE." placeholder:"URL"`

	// DatabaseURLAgain reads DatabaseURL again; nil if it came from no file.
	DatabaseURLAgain func() (Secret, error) `kong:"-"`
}

// Issuing is the content and lifetime of new tokens.
type Issuing struct {
	PublicURL        string   `help:"Address of this server for clients, such as https://tokens.example.com. It is the issuer of the tokens." placeholder:"URL"`
	Audience         string   `help:"Audience of the tokens; the public URL if empty." placeholder:"TEXT"`
	MaxTokenLifetime Lifetime `help:"Longest lifetime of a token, such as 90d or 12h." default:"400d" placeholder:"TIME"`
}

// Serving is how the server listens.
type Serving struct {
	Listen                   string        `help:"Address and port to listen on." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	Socket                   string        `help:"Unix socket to listen on too, for a proxy on this machine. Everyone with access to its folder can connect." placeholder:"FILE"`
	TrustedProxies           Networks      `help:"Comma-separated addresses or networks of reverse proxies whose X-Forwarded headers are trusted." placeholder:"LIST"`
	MaxConnections           int           `help:"Maximum number of open connections. At the limit, a new one closes the one idle longest. 0 follows the limits on open files and memory, up to 10000." default:"0" placeholder:"N"`
	MaxConnectionsPerAddress int           `help:"Maximum number of open connections from one address, or from one /64 network of IPv6. 0 is a quarter of --max-connections. Trusted proxies and this machine are exempt." default:"0" placeholder:"N"`
	LogFormat                string        `help:"Format of the log: text or json." enum:"text,json" default:"text" placeholder:"FORMAT"`
	TLSCert                  string        `help:"File of the TLS certificate chain, PEM. Requires --tls-key." placeholder:"FILE"`
	TLSKey                   string        `help:"File of the TLS key, PEM." placeholder:"FILE"`
	SMTPURL                  Secret        `name:"smtp-url" help:"Mail server that sends invites and notices of expiry, such as smtp://user:password@mail.example.com:587?from=tokens@example.com; use smtps for implicit TLS. If empty, nothing is mailed. Also TOKENTAB_SMTP_URL_FILE." placeholder:"URL"`
	AllowPrivateWebhooks     bool          `help:"Also send webhooks to loopback and private addresses, with or without TLS."`
	TokensMayCreateTokens    bool          `help:"Let API tokens create API tokens and replace the secrets of others, as the official command line needs. If off, only admins can; each token can still rotate itself." default:"true" negatable:""`
	MetricsListen            string        `help:"Address and port to serve only /metrics on, for Prometheus. If empty, /metrics is on --listen: for programs on this machine if there is no proxy, and with --metrics-token." placeholder:"ADDRESS"`
	MetricsToken             Secret        `help:"Bearer token that /metrics requires, at least 16 characters. Also TOKENTAB_METRICS_TOKEN_FILE." placeholder:"TEXT"`
	DatabaseReaders          int           `help:"Maximum number of connections to Postgres for reading, beside four others. 0 is twice the number of processors, from 4 to 8." default:"0" placeholder:"N"`
	DatabaseFinders          int           `help:"Maximum number of connections to Postgres for validations. 0 is the number of processors, from 2 to 4." default:"0" placeholder:"N"`
	DatabaseLookLimit        time.Duration `help:"Maximum time in which Postgres must say what other copies have changed. Validations that wait longer are answered with 503." default:"1s" placeholder:"DURATION"`
	CacheTokens              int           `help:"Maximum number of tokens kept in memory for validation. Each takes about 165 bytes." default:"1000000" placeholder:"N"`
}

// Activity is how long, and how much of, the activity of agents is kept. Whichever limit is reached first, the oldest
// goes.
type Activity struct {
	ActivityRetention Lifetime `help:"How long agent instances and spans are kept, such as 30d; at least a day." default:"30d" placeholder:"TIME"`
	ActivityMax       Size     `help:"How much agent instances and spans may take together, such as 1GiB; at least 16MiB. Beyond it the oldest of the account with the most are removed." default:"1GiB" placeholder:"SIZE"`
}

// Backups are the settings of scheduled backups.
type Backups struct {
	BackupDir   string   `help:"Folder for scheduled backups. If empty, none are made." placeholder:"FOLDER"`
	BackupEvery Lifetime `help:"How often a backup is made, such as 24h; at least a minute." default:"24h" placeholder:"TIME"`
	BackupKeep  int      `help:"How many scheduled backups are kept. Older ones are removed." default:"7" placeholder:"N"`
}

// Auditing is how long audit events are kept, and where else they are written.
type Auditing struct {
	AuditLog       string    `help:"File to append each audit event to, as a JSON line, for programs that ship logs. If empty, none is written." placeholder:"FILE"`
	AuditRetention Retention `help:"How long audit events are kept, such as 400d; at least a day. 0 keeps them forever." default:"400d" placeholder:"TIME"`
}

// Config is all settings. Call Check before using them.
type Config struct {
	Storage
	Issuing
	Serving
	Activity
	Backups
	Auditing
}

// leastMetricsToken is the shortest token for the metrics, in bytes: no one guesses it over a network.
const leastMetricsToken = 16

// The limits of --database-look-limit: a round trip takes milliseconds, and clients wait no longer than a minute.
const (
	leastLookLimit = 10 * time.Millisecond
	mostLookLimit  = time.Minute
)

// maxPool is the largest pool of connections to Postgres.
const maxPool = 1000

// Check returns an error that names the first invalid setting.
func (c *Config) Check() error {
	if err := c.Storage.Check(); err != nil {
		return err
	}
	if err := c.Issuing.Check(); err != nil {
		return err
	}
	for _, path := range []struct{ setting, value string }{
		{"--socket", c.Socket}, {"--tls-cert", c.TLSCert}, {"--tls-key", c.TLSKey}, {"--backup-dir", c.BackupDir}, {"--audit-log", c.AuditLog},
	} {
		if err := checkPath(path.setting, path.value); err != nil {
			return err
		}
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("--listen must be an address with a port, such as 127.0.0.1:8080, not %q", c.Listen)
	} else if _, err := net.LookupPort("tcp", port); err != nil || port == "" { // as of an unset variable: it would be any port
		return fmt.Errorf("--listen must have a port from 0 to 65535, not %q", port)
	}
	if c.MetricsListen != "" {
		if _, port, err := net.SplitHostPort(c.MetricsListen); err != nil {
			return fmt.Errorf("--metrics-listen must be an address with a port, such as 127.0.0.1:9090, not %q", c.MetricsListen)
		} else if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
			return fmt.Errorf("--metrics-listen must have a port from 0 to 65535, not %q", port)
		}
	}
	if n := len(c.MetricsToken); n > 0 && (n < leastMetricsToken || strings.ContainsAny(string(c.MetricsToken), " \t\r\n")) {
		return fmt.Errorf("--metrics-token must have at least %d characters and no white space", leastMetricsToken)
	}
	// Clients can't send control characters. A file in UTF-16, which Windows PowerShell writes, is full of them.
	if complaint := text.Complaint(string(c.MetricsToken)); complaint != "" {
		return fmt.Errorf("--metrics-token %s", complaint)
	}
	if longest := len(syscall.RawSockaddrUnix{}.Path) - 1; len(c.Socket) > longest {
		return fmt.Errorf("--socket must be a path of at most %d bytes, the system's limit; this one has %d", longest, len(c.Socket))
	}
	if strings.HasPrefix(c.Socket, "@") { // any local user could take the name
		return fmt.Errorf("--socket must be the path of a file, not the abstract name %q", c.Socket)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together: set both or neither")
	}
	if _, mails, err := c.SMTP(); err != nil {
		return err
	} else if mails && c.PublicURL == "" {
		return errors.New("--smtp-url requires --public-url, for the links in emails")
	}
	if c.MaxConnections < 0 || c.MaxConnections > 1_000_000 {
		return errors.New("--max-connections must be from 1 to 1000000, or 0 to follow the limits on open files and memory")
	}
	if c.MaxConnectionsPerAddress < 0 || c.MaxConnectionsPerAddress > 1_000_000 {
		return errors.New("--max-connections-per-address must be from 1 to 1000000, or 0 for a quarter of all")
	}
	if c.DatabaseReaders < 0 || c.DatabaseReaders > maxPool || c.DatabaseFinders < 0 || c.DatabaseFinders > maxPool {
		return fmt.Errorf("--database-readers and --database-finders must be from 1 to %d, or 0 to follow the number of processors", maxPool)
	}
	// Only what opens a folder without flags has none.
	if l := c.DatabaseLookLimit; (l != 0 || c.DatabaseURL != "") && (l < leastLookLimit || l > mostLookLimit) {
		return fmt.Errorf("--database-look-limit must be from %s to %s", leastLookLimit, mostLookLimit)
	}
	if (c.DatabaseReaders > 0 || c.DatabaseFinders > 0) && c.DatabaseURL == "" {
		return errors.New("--database-readers and --database-finders go together with --database-url")
	}
	if c.BackupDir != "" && c.DatabaseURL != "" {
		return errors.New("--backup-dir makes backups of SQLite; for the Postgres of --database-url use its own backups, such as pg_dump or continuous archiving")
	}
	if c.CacheTokens < 1 || c.CacheTokens > 100_000_000 {
		return errors.New("--cache-tokens must be from 1 to 100000000")
	}
	if err := c.Backups.Check(); err != nil {
		return err
	}
	if err := c.Auditing.Check(); err != nil {
		return err
	}
	return c.Activity.Check()
}

// checkPath returns an error for a path with white space at an end, or with characters that can't be seen. Variables from a file that
// was written on Windows end with a carriage return, pages from which paths are copied hide characters in them, and with another
// folder the server would begin a new installation.
func checkPath(setting, path string) error {
	if strings.TrimSpace(path) != path {
		return fmt.Errorf("%s must not begin or end with white space, as %q does", setting, path)
	}
	// Names of files need not be UTF-8.
	if complaint := text.Complaint(strings.ToValidUTF8(path, "x")); path != "" && complaint != "" {
		return fmt.Errorf("%s %s: it is %q", setting, complaint, path)
	}
	return nil
}

// Check returns an error for an unsupported database. It does not show the URL, which may hold a password.
func (s *Storage) Check() error {
	if s.Data == "" {
		return errors.New("--data must name a folder")
	}
	if err := checkPath("--data", s.Data); err != nil {
		return err
	}
	if url := string(s.DatabaseURL); url != "" && !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return errors.New("--database-url must be like postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	return nil
}

// The longest values that are in each token, in bytes: validation reads tokens up to 4 KiB.
const (
	maxAudience = 255
	maxHost     = 260 // a name of DNS and a port
)

// Check returns an error unless the public URL is the root of a host, as official clients drop any path from it, and unless it
// and the audience fit into tokens.
func (i *Issuing) Check() error {
	if i.MaxTokenLifetime < Lifetime(time.Minute) || i.MaxTokenLifetime > Lifetime(100*365*day) {
		return errors.New("--max-token-lifetime must be from 1m to 36500d")
	}
	if complaint := text.Complaint(i.Audience); i.Audience != "" && (complaint != "" || len(i.Audience) > maxAudience) {
		return fmt.Errorf("--audience %s", cmp.Or(complaint, fmt.Sprintf("must have at most %d bytes, since it is in each token", maxAudience)))
	}
	if i.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(i.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("--public-url must be like https://tokens.example.com, not %q", i.PublicURL)
	}
	if strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("--public-url must have no path, since clients reach the API at the root of the host; it is %q", i.PublicURL)
	}
	if port := u.Port(); u.Hostname() == "" || port != "" && !isPort(port) {
		return fmt.Errorf("--public-url must have a host, and no port or one from 1 to 65535; it is %q", i.PublicURL)
	}
	if !isHost(u.Hostname()) {
		return fmt.Errorf("--public-url must have the name or address of one host; it is %q", i.PublicURL)
	}
	if complaint := text.Complaint(u.Host); complaint != "" || len(u.Host) > maxHost {
		return fmt.Errorf("--public-url %s", cmp.Or(complaint, fmt.Sprintf("must have a host of at most %d bytes", maxHost)))
	}
	i.PublicURL = u.Scheme + "://" + u.Host
	return nil
}

// Check returns an error for limits below those that the program can keep.
func (a *Activity) Check() error {
	if a.ActivityRetention < Lifetime(day) || a.ActivityRetention > Lifetime(100*365*day) {
		return errors.New("--activity-retention must be from 1d to 36500d")
	}
	if a.ActivityMax < 16<<20 || a.ActivityMax > 1<<50 {
		return errors.New("--activity-max must be from 16MiB to 1024TiB")
	}
	return nil
}

// Check returns an error for a schedule that can't be kept.
func (b *Backups) Check() error {
	if b.BackupDir == "" {
		return nil
	}
	if b.BackupEvery < Lifetime(time.Minute) || b.BackupEvery > Lifetime(366*day) {
		return errors.New("--backup-every must be from 1m to 366d")
	}
	if b.BackupKeep < 1 || b.BackupKeep > 10_000 {
		return errors.New("--backup-keep must be from 1 to 10000")
	}
	return nil
}

// Check returns an error for a retention that is too short.
func (a *Auditing) Check() error {
	if r := a.AuditRetention; r != 0 && (r < Retention(day) || r > Retention(100*365*day)) {
		return errors.New("--audit-retention must be from 1d to 36500d, or 0 to keep audit events forever")
	}
	return nil
}

// NetworkOf returns the network of an address to listen on: tcp4 for an IPv4 address; tcp, which accepts both, for
// [::] and for an address without a host.
func NetworkOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().Is4() {
		return "tcp4"
	}
	return "tcp"
}

// TokenAudience returns the tokens' audience: the setting, or the public URL if none is set.
func (c *Config) TokenAudience() string { return cmp.Or(c.Audience, c.Origin()) }

// Origin returns the public URL or, if none is set, an address made from the listening address.
func (c *Config) Origin() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, port, _ := net.SplitHostPort(c.Listen)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// DefaultTokenLifetime returns a token's lifetime if none is requested: 365 days, or the longest allowed if that is
// shorter.
func (i Issuing) DefaultTokenLifetime() time.Duration {
	return min(365*day, time.Duration(i.MaxTokenLifetime))
}

// MasterKey returns the master key from TOKENTAB_MASTER_KEY, or from the file that TOKENTAB_MASTER_KEY_FILE names;
// empty if neither is set. It has no flag, since every local user can see command lines.
func MasterKey() (Secret, error) { return secretFromEnvironment(Prefix + "_MASTER_KEY") }

// MasterKeySetting returns the name of the setting that MasterKey takes the key from.
func MasterKeySetting() string {
	if os.Getenv(Prefix+"_MASTER_KEY") == "" {
		return Prefix + "_MASTER_KEY_FILE"
	}
	return Prefix + "_MASTER_KEY"
}

// byteOrderMark is how some editors on Windows begin a file.
const byteOrderMark = "\ufeff"

// Passphrase returns the passphrase of the master key in a backup: the content of the file, if one is named, or
// TOKENTAB_PASSPHRASE; empty if neither is set. It has no flag, as MasterKey.
func Passphrase(file string) (Secret, error) {
	if file == "" {
		return Secret(os.Getenv(Prefix + "_PASSPHRASE")), nil
	}
	if os.Getenv(Prefix+"_PASSPHRASE") != "" {
		return "", fmt.Errorf("%s_PASSPHRASE and --passphrase-file are both set: set one of them", Prefix)
	}
	text, err := filemode.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--passphrase-file: %w", err)
	}
	return Secret(strings.TrimRight(strings.TrimPrefix(string(text), byteOrderMark), "\r\n")), nil
}

// DatabaseURLFromFile returns the database URL from the file that TOKENTAB_DATABASE_URL_FILE names; empty if not set.
func DatabaseURLFromFile() (Secret, error) { return secretFromFile(Prefix + "_DATABASE_URL") }

// ToDatabaseURLFromFile returns the target of a copy from the file that TOKENTAB_TO_DATABASE_URL_FILE names; empty if not set.
func ToDatabaseURLFromFile() (Secret, error) { return secretFromFile(Prefix + "_TO_DATABASE_URL") }

// MetricsTokenFromFile returns the token from the file that TOKENTAB_METRICS_TOKEN_FILE names; empty if not set.
func MetricsTokenFromFile() (Secret, error) { return secretFromFile(Prefix + "_METRICS_TOKEN") }

// SMTPURLFromFile returns the mail server's URL from the file that TOKENTAB_SMTP_URL_FILE names; empty if not set.
func SMTPURLFromFile() (Secret, error) { return secretFromFile(Prefix + "_SMTP_URL") }

// secretFromFile reads a secret from its file, unless its variable is set: the flag's parser reads that.
func secretFromFile(name string) (Secret, error) {
	if os.Getenv(name) != "" {
		return "", nil
	}
	return secretFromEnvironment(name)
}

func secretFromEnvironment(name string) (Secret, error) {
	value, file := os.Getenv(name), os.Getenv(name+"_FILE")
	if value != "" && file != "" {
		return "", fmt.Errorf("%s and %s_FILE are both set: set one of them", name, name)
	}
	if file == "" {
		return Secret(value), nil
	}
	text, err := filemode.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	secret := Secret(strings.TrimSpace(strings.TrimPrefix(string(text), byteOrderMark)))
	if secret == "" { // without the URL of its database, a server would begin a new installation
		return "", fmt.Errorf("%s_FILE: %s is empty", name, file)
	}
	return secret, nil
}

// SecretFile is a file with a secret, and the setting that names it.
type SecretFile struct{ Setting, Path string }

// SecretFiles returns the files with secrets that flags and the environment name.
func (c *Config) SecretFiles() (files []SecretFile) {
	if c.TLSKey != "" {
		files = append(files, SecretFile{"--tls-key", c.TLSKey})
	}
	for _, name := range secrets {
		if path := os.Getenv(name + "_FILE"); path != "" {
			files = append(files, SecretFile{name + "_FILE", path})
		}
	}
	return files
}
