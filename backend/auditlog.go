package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/metrics"
	"tokentab/backend/signer"
	"tokentab/backend/store"
)

func openAuditLog(c config.Config, events audit.LogStore, log *slog.Logger) (*audit.Log, error) {
	if err := CheckAuditLog(c); err != nil {
		return nil, fmt.Errorf("--audit-log: %w", err)
	}
	opened, err := audit.NewLog(c.AuditLog, events, log)
	if err != nil {
		return nil, fmt.Errorf("--audit-log: %w", err)
	}
	return opened, nil
}

// CheckAuditLog returns an error if the file that the setting names can't be the audit log. A missing one can.
func CheckAuditLog(c config.Config) error {
	if err := checkNotOurs(c.Data, c.AuditLog); err != nil {
		return err
	}
	return audit.CheckLog(c.AuditLog)
}

// checkNotOurs returns an error if a path, or one that it leads to as a symbolic link, has the name of one of our own files. The
// file itself may be missing: SQLite makes some of them later.
func checkNotOurs(data, path string) error {
	ours, noFolder := os.Stat(data) // on Postgres there is none
	named := path
	for range mostLinks {
		in, base := filepath.Split(path) // which, other than filepath.Dir, leaves .. to the system
		folder, err := os.Stat(cmp.Or(in, "."))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("create the folder first: %w", err)
		}
		if err != nil {
			return err
		}
		for _, name := range []string{store.FileName, signer.MasterKeyFile} {
			if noFolder == nil && os.SameFile(folder, ours) && strings.HasPrefix(strings.ToLower(base), name) {
				return fmt.Errorf("%s is a name of Tokentab's own files in the data folder: choose another", base)
			}
		}
		to, err := os.Readlink(path)
		if err != nil { // no link, or nothing there
			return nil
		}
		if !filepath.IsAbs(to) {
			to = in + to
		}
		path = to
	}
	return fmt.Errorf("%s leads through more than %d symbolic links", named, mostLinks)
}

// mostLinks is how many symbolic links may follow each other; Linux follows as many.
const mostLinks = 40

// ReopenAuditLog opens the audit log again, if there is one, before the next event.
func (b *Backend) ReopenAuditLog() {
	if b.AuditLog != nil {
		b.AuditLog.Reopen()
	}
}

// finishAuditLog writes the last events, and waits no longer than the context.
func (b *Backend) finishAuditLog(ctx context.Context) {
	if b.AuditLog == nil {
		return
	}
	finished := make(chan error, 1)
	go func() {
		b.logging.Wait()
		finished <- errors.Join(b.alone(b.AuditLog.Write)(ctx), b.AuditLog.Close())
	}()
	var err error
	select {
	case err = <-finished:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		b.log.Error("could not write all events to the audit log; the next start goes on where it stopped", "cause", err)
	}
}

func (b *Backend) measuredAuditLog(set *metrics.Set) {
	set.Gauge("tokentab_audit_log_pending", "Audit events that are not in the audit log yet. Only with --audit-log.", nil, func(ctx context.Context, add metrics.Add) {
		if b.AuditLog == nil {
			return
		}
		if n, _, err := audit.Unlogged(ctx, b.store.Events); err == nil {
			add(float64(n))
		}
	})
	set.Counter("tokentab_audit_log_failures_total", "Attempts to write the audit log that failed. Only with --audit-log.", nil, func(_ context.Context, add metrics.Add) {
		if b.AuditLog != nil {
			add(float64(b.AuditLog.Failures()))
		}
	})
}

// logLate is how long an event may wait before the doctor reports it.
const logLate = time.Minute

func (b *Backend) examineAuditLog(ctx context.Context, c config.Config) Finding {
	const what = "audit log"
	if c.AuditLog == "" {
		return Finding{Skipped, what, "none is set", ""}
	}
	if err := CheckAuditLog(c); err != nil {
		return Finding{Failure, what, err.Error(), "name a file that only the server's user can write, in a folder that exists"}
	}
	waiting, since, err := audit.Unlogged(ctx, b.store.Events)
	switch {
	case err != nil:
		return Finding{Failure, what, err.Error(), "run the command again"}
	case waiting > 0 && b.now().Sub(since) > logLate:
		return Finding{Failure, what, fmt.Sprintf("%d events are not in it yet, the first since %s", waiting, since.Format(time.RFC3339)), "start the server if it does not run; otherwise its log says why"}
	}
	return Finding{OK, what, fmt.Sprintf("%s has all events but %d of the last minute", c.AuditLog, waiting), ""}
}
