package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/filemode"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

type doctor struct {
	config.Config `embed:""`

	NoChanges bool   `help:"Don't create a token to measure how soon a revocation works."`
	Account   string `help:"ID of the account of that token; required if there are several." placeholder:"ID"`
}

// How the revocation is measured. If the command is killed, the token expires.
const (
	trialName     = "doctor"
	trialLifetime = 2 * time.Minute
	trialTimeout  = 10 * time.Second
)

// Run checks the installation and prints a line for each check. It returns an error if one failed.
func (d *doctor) Run(ctx context.Context, std IO) (err error) {
	if err := fillDatabaseURL(&d.Storage); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	found := d.examineSettings(ctx)
	b, err := open(ctx, std, d.Storage, d.Issuing)
	if err != nil {
		found = append(found, backend.Finding{Verdict: backend.Failure, What: "database", Found: err.Error(), Do: "do what the sentence says"})
	} else {
		defer func() { err = errors.Join(err, b.Close()) }()
		found = append(found, b.Examine(ctx, d.Config)...)
		found = append(found, d.examineServer(ctx, b)...)
	}
	if err := ctx.Err(); err != nil { // the checks that it ended say that the store fails, and what to restore
		return err
	}
	failed := 0
	for _, f := range found {
		if _, err := fmt.Fprintln(std.Out, lineOf(f)); err != nil {
			return err
		}
		if f.Verdict == backend.Failure {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(found))
	}
	return nil
}

func (d *doctor) examineSettings(ctx context.Context) []backend.Finding {
	list := []backend.Finding{d.examineFiles(), d.examineAddress(), d.examineProxies(), d.examineCertificate(), backend.ExamineConnections(d.Serving), d.examineMemory()}
	if f, ok := backend.ExamineMail(ctx, d.Config); ok {
		list = append(list, f)
	}
	if d.BackupDir != "" {
		list = append(list, backend.ExamineDisk("disk of the backups", d.BackupDir))
	}
	return list
}

// examineFiles checks who owns the files of the data folder, and who may read and write them, other files with secrets, and the
// folder of backups.
func (d *doctor) examineFiles() backend.Finding {
	const what = "file permissions"
	if runtime.GOOS == "windows" {
		return backend.Finding{Verdict: backend.Skipped, What: what, Found: "Windows has no modes"}
	}
	if d.BackupDir != "" {
		switch err := filemode.CheckFolder(d.BackupDir); {
		case errors.Is(err, fs.ErrNotExist):
			return backend.Finding{Verdict: backend.Failure, What: what, Found: "--backup-dir: " + err.Error(), Do: "make the folder, or name another"}
		case err != nil:
			return backend.Finding{Verdict: backend.Failure, What: what, Found: err.Error(), Do: "after the chmod, check that the backups are yours"}
		}
	}
	var found backend.Finding
	for _, file := range d.SecretFiles() {
		info, err := os.Stat(file.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // what reads it says so
		}
		if err != nil {
			return backend.Finding{Verdict: backend.Failure, What: what, Found: file.Setting + ": " + err.Error(), Do: "name a file that is there"}
		}
		switch err := filemode.CheckFile(file.Path, info); {
		case err != nil:
			return backend.Finding{Verdict: backend.Failure, What: what, Found: file.Setting + ": " + err.Error(), Do: "after the chmod, check that the secret is yours"}
		case filemode.IsReadable(info):
			found = backend.Finding{Verdict: backend.Warning, What: what, Found: fmt.Sprintf("everyone on this machine can read %s of %s (mode %#o)", file.Path, file.Setting, info.Mode().Perm()), Do: "run chmod 600 " + file.Path}
		}
	}
	if d.DatabaseURL != "" {
		return cmp.Or(found, backend.Finding{Verdict: backend.OK, What: what, Found: "not everyone on this machine can read the files with secrets"})
	}
	var owner uint32 // of the folder, which comes first
	for _, name := range []string{"", signer.MasterKeyFile, "tokentab.db", "tokentab.db-wal", "tokentab.db-shm"} {
		path := filepath.Join(d.Data, name)
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) && name != "" {
			continue
		}
		if err != nil {
			return backend.Finding{Verdict: backend.Failure, What: what, Found: err.Error(), Do: "name the folder of the server with --data"}
		}
		switch id, _, ok := filemode.OwnerOf(info); {
		case ok && name == "":
			owner = id
		case ok && id != owner:
			return backend.Finding{Verdict: backend.Warning, What: what, Found: fmt.Sprintf("%s belongs to user %d, the folder to user %d", path, id, owner), Do: fmt.Sprintf("run chown %d %s as root, and run commands as that user", owner, path)}
		}
		if err := filemode.CheckFile(path, info); err != nil && name == signer.MasterKeyFile {
			return backend.Finding{Verdict: backend.Failure, What: what, Found: err.Error(), Do: "run chmod 600 " + path}
		}
		if mode := info.Mode().Perm(); mode&0o007 != 0 {
			return backend.Finding{Verdict: backend.Warning, What: what, Found: fmt.Sprintf("everyone on this machine can reach %s (mode %#o)", path, mode), Do: "run chmod o= " + path}
		}
	}
	return cmp.Or(found, backend.Finding{Verdict: backend.OK, What: what, Found: "one user owns the data folder and its files, and only this user and the group can reach them"})
}

func (d *doctor) examineAddress() backend.Finding {
	f := backend.Finding{Verdict: backend.OK, What: "address", Found: d.Listen}
	host, _, _ := net.SplitHostPort(d.Listen)
	if !config.IsLoopback(host) && d.TLSCert == "" {
		f.Found += ", without TLS"
		if strings.HasPrefix(d.PublicURL, "https://") && len(d.TrustedProxies) > 0 {
			f.Found += ", behind a proxy"
			return f
		}
		f.Verdict, f.Do = backend.Warning, "set --tls-cert, or listen on a loopback address behind a proxy with TLS, because anyone on the way can read tokens"
	}
	return f
}

func (d *doctor) examineProxies() backend.Finding {
	f := backend.Finding{Verdict: backend.OK, What: "trusted proxies", Found: fmt.Sprintf("%d networks", len(d.TrustedProxies))}
	all := func(n netip.Prefix) bool { return n.Bits() == 0 }
	switch {
	case slices.ContainsFunc(d.TrustedProxies, all):
		f.Verdict, f.Found, f.Do = backend.Failure, "every address is trusted, so clients can choose their own", "name only the proxies in --trusted-proxies"
	case len(d.TrustedProxies) > 0 && d.PublicURL == "":
		f.Verdict, f.Found, f.Do = backend.Warning, "there is a proxy and no public URL, so links and issuers name the inner address", "set --public-url"
	}
	return f
}

func (d *doctor) examineCertificate() backend.Finding {
	f := backend.Finding{Verdict: backend.Skipped, What: "TLS certificate", Found: "none is set"}
	if d.TLSCert == "" {
		return f
	}
	chain, unreadChain := filemode.ReadAny(d.TLSCert)
	key, unreadKey := filemode.ReadAny(d.TLSKey)
	pair, unfit := config.KeyPair(chain, key)
	if err := cmp.Or(unreadChain, unreadKey, unfit); err != nil {
		f.Verdict, f.Found, f.Do = backend.Failure, err.Error(), "put a certificate and its key there"
		return f
	}
	now := time.Now()
	f.Verdict, f.Found = backend.OK, "expires at "+pair.Leaf.NotAfter.Format(time.RFC3339)
	if config.ExpiresSoon(pair.Leaf, now) {
		f.Verdict, f.Do = backend.Warning, "renew it"
	}
	if now.After(pair.Leaf.NotAfter) {
		f.Verdict, f.Found = backend.Failure, "expired at "+pair.Leaf.NotAfter.Format(time.RFC3339)
	}
	if from := pair.Leaf.NotBefore; now.Before(from) {
		f.Verdict, f.Found, f.Do = backend.Failure, "is not valid before "+from.Format(time.RFC3339), "use one that is valid now, or correct the clock; a running server keeps the one that it has as long as that is valid, so don't restart it before"
	}
	return f
}

// examineMemory compares the cache of validations with the container's memory limit, as this command sees it.
func (d *doctor) examineMemory() backend.Finding {
	const what = "memory"
	limit, err := memlimit.FromCgroup()
	if err != nil || limit == 0 || limit > 1<<50 {
		return backend.Finding{Verdict: backend.OK, What: what, Found: "no limit on this command"}
	}
	f := backend.Finding{Verdict: backend.OK, What: what, Found: fmt.Sprintf("the limit is %d MiB, and a server with a full cache takes up to %d MiB", limit>>20, memoryFor(d.CacheTokens)>>20)}
	if memoryFor(d.CacheTokens) > limit {
		f.Verdict, f.Do = backend.Warning, "lower --cache-tokens, or raise the limit"
	}
	return f
}

// memoryFor returns how many bytes a server takes at most that validates this many tokens; docs/settings.md states it.
func memoryFor(tokens int) uint64 { return 128<<20 + 500*uint64(tokens) }

func lineOf(f backend.Finding) string {
	line := fmt.Sprintf("%-4s  %s: %s", f.Verdict, f.What, f.Found)
	if f.Do != "" { // what a server says is a sentence
		line = strings.TrimSuffix(line, ".") + ". " + strings.ToUpper(f.Do[:1]) + f.Do[1:] + "."
	}
	return line
}

// examineServer asks the running server, if there is one.
func (d *doctor) examineServer(ctx context.Context, b *backend.Backend) []backend.Finding {
	const what, revocation = "server", "revocation"
	_, running, err := b.Serving(ctx)
	if err != nil || !running {
		return []backend.Finding{{Verdict: backend.Skipped, What: what, Found: "none runs on this data"}, {Verdict: backend.Skipped, What: revocation, Found: "not measured without a server"}}
	}
	ask := health{Listen: d.Listen, Socket: d.Socket, TLSCert: d.TLSCert}
	if err := ask.Run(ctx); err != nil {
		return []backend.Finding{{Verdict: backend.Failure, What: what, Found: err.Error(), Do: "see its log; if it listens elsewhere, give the doctor its --listen"}}
	}
	list := []backend.Finding{{Verdict: backend.OK, What: what, Found: "ready"}, ask.examineClock(ctx)}
	if d.NoChanges {
		return append(list, backend.Finding{Verdict: backend.Skipped, What: revocation, Found: "not measured, because of --no-changes"})
	}
	if d.examineCertificate().Verdict == backend.Failure { // the server may use another one than that of the files
		return append(list, backend.Finding{Verdict: backend.Skipped, What: revocation, Found: "not measured with this TLS certificate"})
	}
	account, err := chooseAccount(ctx, b, d.Account)
	if err != nil {
		return append(list, backend.Finding{Verdict: backend.Skipped, What: revocation, Found: "not measured: " + strings.Split(err.Error(), "\n")[0]})
	}
	took, err := d.measureRevocation(ctx, b, audit.Actor{AccountID: account})
	if err != nil {
		return append(list, backend.Finding{Verdict: backend.Failure, What: revocation, Found: err.Error(), Do: "restart the server, and run the command again"})
	}
	return append(list, backend.Finding{Verdict: backend.OK, What: revocation, Found: fmt.Sprintf("the token was refused %.1f ms after it was revoked, with the time of the request", took.Seconds()*1000)})
}

// serverClockOff is how far the clocks of the server and of the doctor may differ. The server tells whole seconds.
const serverClockOff = 10 * time.Second

// examineClock compares the server's clock with this one: the server may run on another machine or in a guest.
func (h *health) examineClock(ctx context.Context) backend.Finding {
	f := backend.Finding{Verdict: backend.Skipped, What: "clock of the server", Found: "the server does not tell"}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	response, err := h.ask(ctx)
	if err != nil {
		return f
	}
	defer response.Body.Close()
	told, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return f
	}
	off := time.Until(told)
	f.Verdict, f.Found = backend.OK, "like that of this command"
	if off.Abs() > serverClockOff {
		f.Verdict, f.Found, f.Do = backend.Failure, fmt.Sprintf("it differs from this one by %s", off.Round(time.Second)), "set both clocks (NTP)"
	}
	return f
}

// measureRevocation returns the time from the end of a revocation to the end of the first request that is refused for it.
// The token revokes itself (RFC 7009), so the server does what it does for clients.
func (d *doctor) measureRevocation(ctx context.Context, b *backend.Backend, actor audit.Actor) (took time.Duration, err error) {
	made, secret, err := b.Tokens.Issue(ctx, actor, token.Order{Scope: token.ScopeAccount, Role: token.Read, Name: trialName, Lifetime: trialLifetime})
	if err != nil {
		return 0, err
	}
	took, failed := d.timeRevocation(ctx, secret)
	if failed != nil { // it may still be active
		_, err := b.Tokens.Revoke(ctx, actor, made.ID)
		return 0, errors.Join(failed, err)
	}
	_, err = b.Tokens.Delete(ctx, actor, made.ID)
	return took, err
}

func (d *doctor) timeRevocation(ctx context.Context, secret string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	client, address, err := (&health{Listen: d.Listen, Socket: d.Socket, TLSCert: d.TLSCert}).pinnedClient()
	if err != nil {
		return 0, err
	}
	send := func(method, path, body string) (int, error) {
		request, err := http.NewRequestWithContext(ctx, method, address+path, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+secret)
		if body != "" {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, fmt.Errorf("the server does not answer: %w", err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, errors.Join(err, response.Body.Close())
	}
	const check = "/api/v1/validate"
	status, err := send(http.MethodGet, check, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the server answers %d to a new token", status)
	}
	if err != nil {
		return 0, err
	}
	status, err = send(http.MethodPost, "/oauth/revoke", url.Values{"token": {secret}}.Encode())
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the server answers %d to a revocation", status)
	}
	for began := time.Now(); err == nil && status != http.StatusUnauthorized; took = time.Since(began) {
		status, err = send(http.MethodGet, check, "")
	}
	return took, err
}
