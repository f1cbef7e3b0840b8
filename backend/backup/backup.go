// Package backup knows when the installation was last backed up, and whether it was restored from a backup.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// Failure is why a backup failed.
type Failure string

// The failures. The zero Failure is none.
const (
	DiskFull     Failure = "disk_full"
	NoAccess     Failure = "no_access"     // the folder is missing or may not be written
	NotProven    Failure = "not_proven"    // the copy differs from the database
	AuditBroken  Failure = "audit_broken"  // the copy equals the database, whose audit trail does not verify
	OtherFailure Failure = "other_failure" // the log has the cause
)

// ErrNotProven means that a backup could be written, but differs from the database.
var ErrNotProven = errors.New("the backup differs from the database")

// ErrAuditBroken means that a backup was made and equals the database, but that the audit trail of both does not verify.
var ErrAuditBroken = errors.New("the audit trail was changed from outside")

// FailureOf returns why a backup failed; zero for nil.
func FailureOf(err error) Failure {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrNotProven):
		return NotProven
	case errors.Is(err, ErrAuditBroken):
		return AuditBroken
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG):
		return DiskFull
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR):
		return NoAccess
	}
	return OtherFailure
}

// Facts are what is known of the backups of an installation.
type Facts struct {
	ProvenAt time.Time `json:"proven_at,omitzero"` // the instant that the last proven backup shows; zero for none
	Bytes    int64     `json:"bytes"`              // its size
	Tokens   int64     `json:"tokens"`             // how many API tokens it has
	FailedAt time.Time `json:"failed_at,omitzero"` // the last attempt, if it failed; zero otherwise
	Failure  Failure   `json:"failure,omitempty"`  // zero unless the last attempt failed
}

// clockTolerance is how far in the future the last proven backup may be. A later one is from a clock that was ahead.
const clockTolerance = time.Minute

// Age returns how old the last proven backup is. It is unknown if there is none, or if a clock that was ahead stamped it.
func (f Facts) Age(at time.Time) (age time.Duration, known bool) {
	age = at.Sub(f.ProvenAt)
	return max(0, age), !f.ProvenAt.IsZero() && age >= -clockTolerance
}

// Restored says that the database was restored. The zero Restored is a database that never was.
type Restored struct {
	// MadeAt is the instant that the backup shows. It is zero if an operator has confirmed a database that lost changes.
	MadeAt time.Time `json:"made_at"`
	At     time.Time `json:"at"`
	// Suspended means that the restore suspended every token that was active in the backup, so none of them works again
	// without a decision.
	Suspended bool `json:"suspended"`
	// Reviewed means that an admin user of the account has looked. It is kept for each account.
	Reviewed bool `json:"-"`
}

// Names of the settings of the installation that hold Facts and Restored as JSON.
const (
	FactsSetting    = "backup"
	RestoredSetting = "restored"
)

// ReviewedSetting returns the name of the setting that holds the Restored.At which an account has reviewed.
func ReviewedSetting(account pfid.ID) string { return ReviewedPrefix + account.String() }

// ReviewedPrefix begins the name of each ReviewedSetting.
const ReviewedPrefix = "restore_reviewed/"

// Store keeps settings.
type Store interface {
	// Setting returns a setting of the installation; empty if it was never set.
	Setting(ctx context.Context, name string) (string, error)
	// SetSetting stores a setting of the installation.
	SetSetting(ctx context.Context, name, value string) error
	// RecordSetting is SetSetting with an event, in one transaction.
	RecordSetting(ctx context.Context, name, value string, event audit.Event) error
}

// Backups tells about the backups of an installation. It is safe for concurrent use.
type Backups struct {
	store  Store
	now    func() time.Time
	random io.Reader
}

// New returns the backups of the installation that a store keeps.
func New(store Store, now func() time.Time, random io.Reader) *Backups {
	return &Backups{store, now, random}
}

// Facts returns what is known of the backups.
func (b *Backups) Facts(ctx context.Context) (facts Facts, err error) {
	return facts, b.setting(ctx, FactsSetting, &facts)
}

// Proved records a proven backup.
func (b *Backups) Proved(ctx context.Context, at time.Time, bytes, tokens int64) error {
	return b.set(ctx, Facts{ProvenAt: at, Bytes: bytes, Tokens: tokens})
}

// Failed records that an attempt failed now.
func (b *Backups) Failed(ctx context.Context, cause error) error {
	facts, err := b.Facts(ctx)
	if err != nil {
		return err
	}
	facts.FailedAt, facts.Failure = b.now().UTC(), FailureOf(cause)
	return b.set(ctx, facts)
}

func (b *Backups) set(ctx context.Context, facts Facts) error {
	text, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	return b.store.SetSetting(ctx, FactsSetting, string(text))
}

func (b *Backups) setting(ctx context.Context, name string, into any) error {
	text, err := b.store.Setting(ctx, name)
	if err == nil && text != "" {
		if err = json.Unmarshal([]byte(text), into); err != nil {
			err = fmt.Errorf("backup: the setting %s: %w", name, err)
		}
	}
	return err
}

// Restored returns the last restore of the database, and whether the account has reviewed it. An account that was created
// later has nothing to review.
func (b *Backups) Restored(ctx context.Context, account pfid.ID, created time.Time) (r Restored, err error) {
	if err := b.setting(ctx, RestoredSetting, &r); err != nil || r.At.IsZero() {
		return r, err
	}
	reviewed, err := b.store.Setting(ctx, ReviewedSetting(account))
	r.Reviewed = reviewed == r.At.Format(time.RFC3339Nano) || created.After(r.shows())
	return r, err
}

// shows returns the latest instant that the database may show.
func (r Restored) shows() time.Time {
	if r.MadeAt.IsZero() {
		return r.At
	}
	return r.MadeAt
}

// Review records that the actor has looked at the tokens after the last restore. It returns fault.InvalidAction if there is
// nothing to review.
func (b *Backups) Review(ctx context.Context, actor audit.Actor, created time.Time) (Restored, error) {
	r, err := b.Restored(ctx, actor.AccountID, created)
	if err != nil {
		return r, err
	}
	if r.At.IsZero() || r.Reviewed {
		return r, fault.New(fault.InvalidAction, "There is no restore to review.")
	}
	detail := "backup of " + r.MadeAt.Format(time.RFC3339)
	if r.MadeAt.IsZero() {
		detail = "database confirmed at " + r.At.Format(time.RFC3339)
	}
	event, err := audit.New(b.now().UTC(), actor, audit.RestoreReviewed, actor.AccountID.String(), detail, b.random)
	if err != nil {
		return r, err
	}
	r.Reviewed = true
	return r, b.store.RecordSetting(ctx, ReviewedSetting(actor.AccountID), r.At.Format(time.RFC3339Nano), event)
}
