package backend

import (
	"context"
	"fmt"
	"time"

	"tokentab/backend/config"
	"tokentab/backend/mail"
	"tokentab/backend/signer"
	"tokentab/backend/store"
	"tokentab/backend/web"
)

// ExamineMail connects to the mail server and authenticates, without sending a mail. ok is false if none is configured.
func ExamineMail(ctx context.Context, c config.Config) (f Finding, ok bool) {
	const what = "mail server"
	server, ok, err := mailServer(c)
	if err != nil || !ok { // Config.Check has refused a wrong one
		return Finding{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	if err := mail.New(server).Check(ctx); err != nil {
		return Finding{Failure, what, err.Error(), "correct --smtp-url, or the mail server"}, true
	}
	return Finding{Verdict: OK, What: what, Found: "accepts the connection of --smtp-url"}, true
}

// Verdict is how bad a Finding is.
type Verdict string

// The verdicts. Skipped means that a check could not run.
const (
	OK      Verdict = "ok"
	Skipped Verdict = "skip"
	Warning Verdict = "warn"
	Failure Verdict = "fail"
)

// Finding is what a check of an installation found.
type Finding struct {
	Verdict Verdict
	What    string
	Found   string
	Do      string // what to do; empty if there is nothing
}

// Limits of the checks.
const (
	leastFree   = 256 << 20 // bytes on the disk
	largeWAL    = 256 << 20 // bytes, several times what a server lets it grow to
	oldKey      = 400 * 24 * time.Hour
	clockAhead  = time.Minute
	oldBackup   = 48 * time.Hour // without a schedule
	freePercent = 5
	mailTimeout = 10 * time.Second // for the mail server
)

// Examine checks the data of the installation. It changes nothing.
func (b *Backend) Examine(ctx context.Context, c config.Config) []Finding {
	if c.DatabaseURL != "" {
		return []Finding{b.examinePostgres(ctx), b.examineClock(ctx), b.examineKeys(ctx), b.examineAuditLog(ctx, c)}
	}
	return []Finding{b.examineDamage(ctx), b.examineClock(ctx), ExamineDisk("disk of the data folder", c.Data), b.examineWAL(), b.examineKeys(ctx), b.examineBackups(ctx, c.Backups), b.examineAuditLog(ctx, c)}
}

// examinePostgres checks that the server keeps what it confirms. Opening the store has checked its version and that it is no
// standby.
func (b *Backend) examinePostgres(ctx context.Context) Finding {
	server, err := b.store.PostgresFacts(ctx)
	switch {
	case err != nil:
		return Finding{Failure, "database", err.Error(), "run the command again"}
	case server.Standby:
		return Finding{Failure, "database", "the server is a standby, which takes no changes", "name the primary in --database-url"}
	case server.Fsync == "off" || server.FullPageWrites == "off":
		return Finding{Failure, "database", "the server runs with fsync or full_page_writes off, so a power cut can destroy the database", "turn both on"}
	}
	return Finding{OK, "database", fmt.Sprintf("Postgres %s has this program's schema, and keeps changes with synchronous_commit %s", server.Version, server.SynchronousCommit), ""}
}

func (b *Backend) examineDamage(ctx context.Context) Finding {
	f := Finding{OK, "database", "opens, has this program's schema, and its quick check finds no damage", ""}
	if err := b.store.QuickCheck(ctx); err != nil {
		f.Verdict, f.Found, f.Do = Failure, err.Error(), "keep a copy of the database, and restore the newest backup"
	}
	return f
}

func (b *Backend) examineClock(ctx context.Context) Finding {
	newest, err := b.store.NewestTime(ctx)
	if err != nil {
		return Finding{Failure, "clock", "the newest time in the database can't be read: " + err.Error(), "run the command again"}
	}
	if ahead := newest.Sub(b.now()); ahead > clockAhead {
		return Finding{Failure, "clock", fmt.Sprintf("the newest time in the database is %s in the future", ahead.Round(time.Second)), "set the clock of this machine (NTP), then see After the clock was wrong in docs/operations.md"}
	}
	return Finding{OK, "clock", "not behind the newest time in the database", ""}
}

// ExamineDisk checks the free space of a folder's disk.
func ExamineDisk(what, folder string) Finding {
	free, size := store.DiskSpace(folder)
	found := fmt.Sprintf("%d MiB free of %d MiB", free>>20, size>>20)
	switch {
	case size == 0:
		return Finding{Skipped, what, "the system does not say how much is free", ""}
	case free < leastFree || free*100/size < freePercent:
		return Finding{Warning, what, found, "make space: on a full disk tokens can't be changed"}
	}
	return Finding{OK, what, found, ""}
}

// ExamineConnections checks the limit on open files of this process.
func ExamineConnections(c config.Serving) Finding {
	const what, fewConnections = "open files", 1000
	most, reduced := web.ConnectionLimit(c)
	f := Finding{OK, what, fmt.Sprintf("%d connections fit into the limit of this command", most), ""}
	if reduced || c.MaxConnections == 0 && most < fewConnections {
		f.Verdict, f.Do = Warning, "raise the limit on open files of the server (ulimit -n, or LimitNOFILE of its unit)"
	}
	return f
}

func (b *Backend) examineWAL() Finding {
	f := Finding{OK, "write-ahead log", fmt.Sprintf("%d MiB", b.store.Sizes().WAL>>20), ""}
	if b.store.Sizes().WAL > largeWAL {
		f.Verdict, f.Do = Warning, "look for a program that keeps the database open for reading, such as sqlite3, and end it"
	}
	return f
}

func (b *Backend) examineKeys(ctx context.Context) Finding {
	const what = "signing keys"
	keys, err := b.Signer.List(ctx)
	if err != nil {
		return Finding{Failure, what, err.Error(), "restore master.key, or set TOKENTAB_MASTER_KEY"}
	}
	next := ""
	for _, key := range keys {
		if key.Ahead {
			return Finding{Warning, what, fmt.Sprintf("the next one, %s, signs only at %s, because the clock was ahead when it was made", key.ID, key.SignsFrom.UTC().Format(time.RFC3339)), "run tokentab keys rotate again"}
		}
		if key.State == signer.KeyNext {
			next = fmt.Sprintf("; the next one, %s, signs from %s", key.ID, key.SignsFrom.UTC().Format(time.RFC3339))
		}
	}
	for _, key := range keys {
		if key.State != signer.KeySigning {
			continue
		}
		age := b.now().Sub(key.InsertedAt)
		found := fmt.Sprintf("the master key opens them, and %s signs; it is %d days old", key.ID, int(age.Hours()/24))
		found += next
		if age > oldKey && next == "" {
			return Finding{Warning, what, found, "run tokentab keys rotate"}
		}
		return Finding{OK, what, found, ""}
	}
	return Finding{Failure, what, "none signs", "run tokentab keys rotate"}
}

func (b *Backend) examineBackups(ctx context.Context, c config.Backups) Finding {
	const what, make = "backup", "set --backup-dir, or run tokentab backup every day"
	facts, err := b.Backups.Facts(ctx)
	oldest := oldBackup
	if c.BackupDir != "" {
		oldest = 2 * time.Duration(c.BackupEvery)
	}
	age, known := facts.Age(b.now())
	switch {
	case err != nil:
		return Finding{Failure, what, "what is known of backups can't be read: " + err.Error(), "run the command again"}
	case !facts.FailedAt.IsZero():
		return Finding{Failure, what, "the last attempt failed at " + facts.FailedAt.Format(time.RFC3339), "see the log of the server, or run tokentab backup"}
	case facts.ProvenAt.IsZero():
		return Finding{Warning, what, "there is none", make}
	case !known:
		return Finding{Warning, what, "the last proven one is of " + facts.ProvenAt.Format(time.RFC3339) + ", which is in the future", "run tokentab backup once the clock is right"}
	case age > oldest:
		return Finding{Warning, what, fmt.Sprintf("the last proven one is %d hours old", int(age.Hours())), make}
	}
	return Finding{OK, what, fmt.Sprintf("proven %d hours ago", int(age.Hours())), ""}
}
