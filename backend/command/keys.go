package command

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"tokentab/backend"
	"tokentab/backend/config"
	"tokentab/backend/signer"
)

type keys struct {
	List     listKeys     `cmd:"" help:"List the signing keys with their state, the time from which they sign, and their number of live tokens."`
	Rotate   rotateKeys   `cmd:"" help:"Add a signing key. It signs after ten minutes; older keys stay published while tokens need them."`
	Withdraw withdrawKeys `cmd:"" help:"Withdraw a signing key and revoke every token that it signed, after a theft or a restore."`
}

type listKeys struct {
	config.Storage `embed:""`
}

// Run prints a line for each key.
func (l *listKeys) Run(ctx context.Context, std IO) error {
	return with(ctx, std, l.Storage, config.Issuing{}, func(b *backend.Backend) error {
		list, err := b.Signer.List(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "KID\tSTATE\tPUBLISHED\tCREATED\tSIGNS FROM\tLIVE TOKENS")
		for _, key := range list {
			published := "no"
			if key.Published {
				published = "yes"
			}
			from := key.SignsFrom.Format(time.RFC3339)
			if key.AtOnce && key.SignsFrom.After(now()) {
				from = "at once"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\n", key.ID, key.State, published, key.InsertedAt.Format(time.RFC3339), from, key.Tokens)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		for _, key := range list {
			if key.Ahead {
				fmt.Fprintf(std.Err, "The key %s was created while the clock was ahead. Run tokentab keys rotate to replace it; the new key signs after ten minutes.\n", key.ID)
			}
		}
		return nil
	})
}

type rotateKeys struct {
	config.Storage `embed:""`
}

// Run adds a signing key. A running server signs with it after the key has been published long enough for verifiers to
// fetch it.
func (r *rotateKeys) Run(ctx context.Context, std IO) error {
	return with(ctx, std, r.Storage, config.Issuing{}, func(b *backend.Backend) error {
		key, err := b.Signer.Rotate(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.Err, "The key %s is published now and signs from %s.\n", key.ID, key.SignsFrom.Format(time.RFC3339))
		return err
	})
}

type withdrawKeys struct {
	config.Storage `embed:""`

	KID string `arg:"" help:"Id of the key, as printed by tokentab keys list."`
	Yes bool   `help:"Withdraw without asking."`
}

// Run withdraws a key and waits until a running server refuses its tokens.
func (w *withdrawKeys) Run(ctx context.Context, std IO) error {
	return with(ctx, std, w.Storage, config.Issuing{}, func(b *backend.Backend) error {
		list, err := b.Signer.List(ctx)
		if err != nil {
			return err
		}
		key, err := findKey(list, w.KID)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Err, "The key %s is %s. Withdrawing it revokes %s, or ends the old secret of one that was rotated since, and can't be undone.\n", key.ID, key.State, counted(key.Tokens, "live token", "live tokens"))
		if !w.Yes {
			if err := confirm(ctx, std, "withdraw", "the key"); err != nil {
				return err
			}
		}
		revoked, err := b.WithdrawKey(ctx, key.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.Err, "The key %s is withdrawn; %s revoked, and its old secrets of rotated tokens are ended. Services that verify offline accept its tokens until they fetch the keys again.\n",
			key.ID, counted(revoked, "token is", "tokens are"))
		return err
	})
}

func findKey(list []signer.Key, kid string) (signer.Key, error) {
	for _, key := range list {
		if key.ID == kid {
			return key, nil
		}
	}
	return signer.Key{}, fmt.Errorf("there is no signing key %s: tokentab keys list shows all", kid)
}
