package command

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/config"
)

type audits struct {
	Export exportAudit `cmd:"" help:"Print the audit events as JSON Lines, oldest first, with what others need to verify their chain."`
	Verify verifyAudit `cmd:"" help:"Verify that no audit event was changed, moved, removed or added from outside, and print the head of each chain."`
}

// installation names the chain of events that belong to no account.
var installation = audit.ChainName("")

type verifyAudit struct {
	config.Storage `embed:""`

	Account string `help:"Verify only the chain of this account; installation is the chain of events that belong to no account." placeholder:"ID"`
	Since   string `help:"Also prove that the chain still contains a head that an earlier run printed. Requires --account if there are several accounts." placeholder:"SEQUENCE:HASH"`
}

// Run prints a line for each chain. It fails if one does not verify.
func (v *verifyAudit) Run(ctx context.Context, std IO) error {
	var since *audit.Point
	if v.Since != "" {
		point, err := audit.ParsePoint(v.Since)
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		since = &point
	}
	return with(ctx, std, v.Storage, config.Issuing{}, func(b *backend.Backend) error {
		chains, err := chooseChains(ctx, b, v.Account, since != nil)
		if err != nil {
			return err
		}
		broken := 0
		var unprinted error
		for _, chain := range chains {
			name := audit.ChainName(chain)
			head, err := b.Audit.Verify(ctx, chain, since)
			if bad, ok := errors.AsType[*audit.Broken](err); ok {
				broken++
				_, err = fmt.Fprintf(std.Out, "%s: %v\n", name, bad)
			} else if err == nil {
				_, err = fmt.Fprintf(std.Out, "%s: events %d to %d verify, head %s\n", name, head.KeptAfter+1, head.Sequence, head)
			} else {
				return err
			}
			unprinted = cmp.Or(unprinted, err)
		}
		if broken > 0 {
			return fmt.Errorf("the audit trail was changed from outside: %d of %d chains do not verify. Keep a copy of the data folder and compare it with a backup", broken, len(chains))
		}
		return unprinted
	})
}

// chooseChains returns the chains that --account names: all if it is empty, unless only one is possible.
func chooseChains(ctx context.Context, b *backend.Backend, account string, onlyOne bool) ([]string, error) {
	switch {
	case account == installation:
		return []string{""}, nil
	case account != "":
		id, err := parseID("--account", account)
		return []string{id.String()}, err
	case onlyOne:
		id, err := chooseAccount(ctx, b, "")
		return []string{id.String()}, err
	}
	return b.Audit.Chains(ctx)
}

type exportAudit struct {
	config.Storage `embed:""`

	Account string `help:"Print only the events of this account; installation is the events that belong to no account." placeholder:"ID"`
	After   int64  `help:"Print only events with a higher sequence: those since an earlier export. Requires --account." placeholder:"SEQUENCE"`
}

// Run prints a JSON object for each event.
func (e *exportAudit) Run(ctx context.Context, std IO) error {
	if e.After != 0 && e.Account == "" || e.After < 0 {
		return errors.New("--after must be the sequence of an event of the account that --account names")
	}
	return with(ctx, std, e.Storage, config.Issuing{}, func(b *backend.Backend) error {
		chains, err := chooseChains(ctx, b, e.Account, false)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(std.Out)
		for _, chain := range chains {
			if err := b.Audit.Export(ctx, chain, e.After, out); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}
