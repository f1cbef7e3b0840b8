package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/audit"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// ChangeTokens implements token.Store. It takes the same few statements for one token and for hundreds.
func (s Tokens) ChangeTokens(ctx context.Context, account pfid.ID, ids []pfid.ID, to token.Status, at time.Time, choose func([]token.Listed) ([]pfid.ID, error), recorder audit.Recorder) ([]token.Listed, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (list []token.Listed, err error) {
		if err := settleMoves(tx, account, ids, recorder); err != nil {
			return nil, err
		}
		if list, err = tokensIn(tx, account, ids); err != nil {
			return nil, err
		}
		chosen, err := choose(list)
		if err != nil || len(chosen) == 0 {
			return list, err
		}
		if to == 0 {
			return list, deleteTokens(tx, account, chosen, recorder)
		}
		if err := setStatus(tx, account, chosen, to, at, recorder); err != nil {
			return list, err
		}
		changed, err := tokensIn(tx, account, ids)
		if err != nil {
			return list, err
		}
		return changed, nil
	})
}

// tokensIn returns the account's tokens with these ids, in their order.
func tokensIn(tx *gorm.DB, account pfid.ID, ids []pfid.ID) ([]token.Listed, error) {
	list, err := apiTokens.byID(tx, ids)
	return slices.DeleteFunc(list, func(t token.Listed) bool { return t.AccountID != account }), err
}

// setStatus changes tokens directly, which takes precedence over a retirement: reinstating their agents won't touch them.
func setStatus(tx *gorm.DB, account pfid.ID, ids []pfid.ID, to token.Status, at time.Time, recorder audit.Recorder) error {
	err := tx.Exec("UPDATE api_tokens SET status = ?, suspended_by_retirement = FALSE, updated_at = ? WHERE id IN "+anyOf, to.String(), stamp(at), document{ids}).Error
	if err != nil {
		return err
	}
	if to != token.Active {
		if err := endInvites(tx, account, at, recorder); err != nil {
			return err
		}
	}
	return recordWith(tx, recorder, actionOf(to), "", ids...)
}

func deleteTokens(tx *gorm.DB, account pfid.ID, ids []pfid.ID, recorder audit.Recorder) error {
	if err := keepStatusEntries(tx, "id IN "+anyOf, document{ids}); err != nil {
		return err
	}
	if err := keepCreators(tx, ids); err != nil {
		return err
	}
	if err := tx.Exec("DELETE FROM api_tokens WHERE id IN "+anyOf, document{ids}).Error; err != nil {
		return err
	}
	if err := countTokens(tx, account, -len(ids)); err != nil {
		return err
	}
	return recordWith(tx, recorder, audit.APITokenDeleted, "", ids...)
}
