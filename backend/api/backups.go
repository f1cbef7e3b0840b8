package api

import (
	"context"

	"tokentab/backend/backup"
)

// Backup is the state of the backups of the installation in responses.
type Backup struct {
	Type      string            `json:"type" enum:"backup"`
	ProvenAt  OptionalTimestamp `json:"proven_at" doc:"Time of the state in the last proven backup; null if there is none"`
	Bytes     int64             `json:"bytes" doc:"The size of that backup"`
	APITokens int64             `json:"api_tokens" doc:"How many API tokens that backup has, of all accounts"`
	FailedAt  OptionalTimestamp `json:"failed_at" doc:"When the last backup failed; null unless it did"`
	Failure   *string           `json:"failure" doc:"Why the last backup failed: disk_full, no_access, not_proven, audit_broken or other_failure; null unless it did"`
	Restore   *backupRestore    `json:"restore" doc:"null unless the database was restored from a backup, or lost changes that it had"`
}

type backupRestore struct {
	_          struct{}          `nullable:"true"`
	MadeAt     OptionalTimestamp `json:"made_at" doc:"Time of the state in the backup; null if the database lost changes, and an operator confirmed it as it is"`
	RestoredAt Timestamp         `json:"restored_at" doc:"When the database was restored or confirmed"`
	Suspended  bool              `json:"suspended" doc:"Whether the restore suspended every API token that was active in the backup"`
	Reviewed   bool              `json:"reviewed" doc:"Whether an admin user of the account has reviewed the API tokens since"`
}

func restoreOf(r backup.Restored) *backupRestore {
	if r.At.IsZero() {
		return nil
	}
	return &backupRestore{MadeAt: OptionalTimestamp(r.MadeAt), RestoredAt: Timestamp(r.At), Suspended: r.Suspended, Reviewed: r.Reviewed}
}

func (s *Service) getBackup(ctx context.Context, who *caller, _ *struct{}) (*one[Backup], error) {
	owner, err := s.Accounts.Get(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	restored, err := s.Backups.Restored(ctx, who.AccountID, owner.InsertedAt)
	if err != nil {
		return nil, err
	}
	return s.backupDetails(ctx, restored)
}

func (s *Service) backupDetails(ctx context.Context, restored backup.Restored) (*one[Backup], error) {
	facts, err := s.Backups.Facts(ctx)
	if err != nil {
		return nil, err
	}
	return details(Backup{
		Type: "backup", ProvenAt: OptionalTimestamp(facts.ProvenAt), Bytes: facts.Bytes, APITokens: facts.Tokens,
		FailedAt: OptionalTimestamp(facts.FailedAt), Failure: orNull(string(facts.Failure)), Restore: restoreOf(restored),
	}), nil
}

func (s *Service) reviewRestore(ctx context.Context, who *caller, _ *struct{}) (*one[Backup], error) {
	owner, err := s.Accounts.Get(ctx, who.AccountID)
	if err != nil {
		return nil, err
	}
	restored, err := s.Backups.Review(ctx, who.Actor, owner.InsertedAt)
	if err != nil {
		return nil, err
	}
	return s.backupDetails(ctx, restored)
}
