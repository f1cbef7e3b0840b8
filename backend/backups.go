package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/filemode"
	"tokentab/backend/signer"
	"tokentab/backend/store"
)

const (
	// backupsEvery is how often a server looks whether a backup is due.
	backupsEvery = time.Second
	// backupAgain is how long it waits after a failed one.
	backupAgain = 5 * time.Minute
	// restBusyBackup is restBusy for backups, which should end while their log of changes is short.
	restBusyBackup = 2
)

// backupPrefix, a time in UTC and backupSuffix are the name of a scheduled backup.
const (
	backupPrefix = "tokentab-"
	backupTime   = "20060102T150405Z"
	backupSuffix = ".backup"
)

// BackupOrder describes a backup to make.
type BackupOrder struct {
	Path       string
	Passphrase string // encrypts the master key; empty to leave the key out
	Overwrite  bool   // an existing backup is replaced
	// Progress is called when a step begins.
	Progress func(step string)
}

// MadeBackup is a proven backup.
type MadeBackup struct {
	At     time.Time // the instant that it shows
	Bytes  int64
	Tokens int64
	Audit  error // why its audit trail does not verify, although it equals the database; nil if it verifies
}

// BackUp makes a backup and proves it, and records that it did, unless its audit trail does not verify. Scheduled backups record failures, too: no one watches them.
func (b *Backend) BackUp(ctx context.Context, order BackupOrder) (made MadeBackup, err error) {
	if err := checkNotOurs(b.data, order.Path); err != nil {
		return made, err
	}
	options := store.BackupOptions{Version: b.version, Overwrite: order.Overwrite, Progress: order.Progress}
	if order.Passphrase != "" {
		if options.Key, err = b.master.Encrypt(order.Passphrase); err != nil {
			return made, err
		}
	}
	options.Rest = resting(ctx, restBusyBackup)
	options.Audit = func(ctx context.Context, events audit.Store) error {
		return audit.NewTrail(events, b.auditKey).VerifyAll(ctx)
	}
	manifest, bytes, err := b.store.Backup(ctx, order.Path, options)
	made = MadeBackup{At: manifest.MadeAt, Bytes: bytes, Tokens: manifest.Rows["api_tokens"]}
	if errors.Is(err, backup.ErrAuditBroken) {
		made.Audit = err
		return made, nil
	}
	if err != nil {
		return made, err
	}
	if err := b.Backups.Proved(ctx, made.At, made.Bytes, made.Tokens); err != nil {
		b.log.Warn("the backup is made, but could not be recorded", "cause", err)
	}
	return made, nil
}

// RestoreOrder describes a restore.
type RestoreOrder struct {
	File          string
	Overwrite     bool // the database that is there is kept under another name
	SuspendActive bool
	Passphrase    string // decrypts the master key of the backup; empty to leave the master key as it is
	Progress      func(step string)
}

// Restore puts the database of a backup into the data folder. No server may run on it.
func Restore(ctx context.Context, c config.Storage, order RestoreOrder, world World) (store.Restored, error) {
	options := store.RestoreOptions{
		Overwrite: order.Overwrite, SuspendActive: order.SuspendActive, Now: world.Now, Random: world.Random, Progress: order.Progress,
	}
	if order.Passphrase != "" {
		options.Key = func(sealed []byte) ([]byte, error) {
			if sealed == nil {
				return nil, errors.New("the backup does not have the master key: restore it without --with-key, and put the file master.key into the data folder")
			}
			return signer.DecryptMasterKey(sealed, order.Passphrase)
		}
	}
	return store.Restore(ctx, order.File, c.Data, options)
}

// scheduleBackups makes backups in a folder until stopRepeating.
func (b *Backend) scheduleBackups(c config.Backups) {
	if c.BackupDir == "" {
		return
	}
	var tried time.Time
	var failed error
	b.repeat(backupsEvery, "could not make a backup in the folder of --backup-dir; will retry", func(ctx context.Context) error {
		now := b.now().UTC()
		if since := now.Sub(tried); failed != nil && since >= 0 && since < backupAgain {
			return failed
		}
		due, err := isBackupDue(c, now)
		if err == nil && !due {
			failed = nil
			return nil
		}
		if err == nil {
			err = b.backUpInto(ctx, c, now)
		}
		if err != nil && ctx.Err() == nil {
			err = errors.Join(err, b.Backups.Failed(ctx, err))
		}
		tried, failed = now, err
		return err
	})
}

func (b *Backend) backUpInto(ctx context.Context, c config.Backups, now time.Time) error {
	if err := filemode.CheckFolder(c.BackupDir); err != nil {
		return err
	}
	if err := store.RemovePartialBackups(c.BackupDir, backupPrefix+"*"+backupSuffix); err != nil {
		return err
	}
	name := backupPrefix + now.Format(backupTime) + backupSuffix
	made, err := b.BackUp(ctx, BackupOrder{Path: filepath.Join(c.BackupDir, name), Progress: func(string) {}})
	if err != nil {
		return err
	}
	b.log.Info("made a backup", "file", name, "bytes", made.Bytes, "api_tokens", made.Tokens)
	earliest, latest, err := b.removal.bounds(ctx)
	if err == nil && earliest.Equal(latest) { // a clock that jumps back and forth would replace one after the other
		err = b.removeOldBackups(c, name, now)
	}
	return errors.Join(made.Audit, err)
}

// isBackupDue reports whether the folder has no backup of the last BackupEvery. One from the future doesn't count: a clock
// was wrong when it was made, or is wrong now.
func isBackupDue(c config.Backups, now time.Time) (bool, error) {
	all, err := backupsIn(c.BackupDir)
	for _, at := range all {
		if since := now.Sub(at); since >= 0 && since < time.Duration(c.BackupEvery) {
			return false, err
		}
	}
	return true, err
}

// removeOldBackups keeps the newest BackupKeep backups. Those from the future go first, but the one just made stays.
func (b *Backend) removeOldBackups(c config.Backups, made string, now time.Time) error {
	all, err := backupsIn(c.BackupDir)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		if future := all[x].After(now); future != all[y].After(now) {
			if future {
				return -1
			}
			return 1
		}
		return all[x].Compare(all[y])
	})
	for _, name := range names[:max(0, len(names)-c.BackupKeep)] {
		if name == made {
			continue
		}
		if err := os.Remove(filepath.Join(c.BackupDir, name)); err != nil {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}

// backupsIn returns the scheduled backups in a folder, with the times in their names.
func backupsIn(folder string) (map[string]time.Time, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	found := map[string]time.Time{}
	for _, entry := range entries {
		text, isBackup := strings.CutSuffix(strings.TrimPrefix(entry.Name(), backupPrefix), backupSuffix)
		if at, err := time.Parse(backupTime, text); isBackup && err == nil && entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), backupPrefix) {
			found[entry.Name()] = at
		}
	}
	return found, nil
}
