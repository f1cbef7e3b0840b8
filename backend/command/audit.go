package command

import (
	"context"
	"errors"
	"fmt"

	"tokentab/backend/audit"
	"tokentab/backend/config"
)

type audits struct {
	Verify verifyAudit `cmd:"" help:"Verify that no audit event was changed, moved, removed or added from outside, and print the head of each chain."`
}

// installation names the chain of events that belong to no account.
const installation = "installation"

type verifyAudit struct {
	config.Storage `embed:""`

	Account string `help:"Verify only the chain of this account; installation is the chain of events that belong to no account." placeholder:"ID"`
	Since   string `help:"Also prove that the chain still contains a head that an earlier run printed. Requires --account if there are several accounts." placeholder:"SEQUENCE:HASH"`
}

// Run prints a line for each chain. It fails if one does not verify.
func (v *verifyAudit) Run(ctx context.Context, std IO) (err error) {
	var since *audit.Point
	if v.Since != "" {
		point, err := audit.ParsePoint(v.Since)
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		since = &point
	}
	b, err := open(ctx, std, v.Storage, config.Issuing{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	chains, err := b.Audit.Chains(ctx)
	if err != nil {
		return err
	}
	switch {
	case v.Account == installation:
		chains = []string{""}
	case v.Account != "":
		id, err := parseID("--account", v.Account)
		if err != nil {
			return err
		}
		chains = []string{id.String()}
	case since != nil:
		account, err := chooseAccount(ctx, b, "")
		if err != nil {
			return err
		}
		chains = []string{account.String()}
	}
	broken := 0
	for _, chain := range chains {
		name := "account " + chain
		if chain == "" {
			name = installation
		}
		head, err := b.Audit.Verify(ctx, chain, since)
		if bad, ok := errors.AsType[*audit.Broken](err); ok {
			broken++
			fmt.Fprintf(std.Out, "%s: %v\n", name, bad)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Out, "%s: events %d to %d verify, head %s\n", name, head.KeptAfter+1, head.Sequence, head)
	}
	if broken > 0 {
		return fmt.Errorf("the audit trail was changed from outside: %d of %d chains do not verify. Keep a copy of the data folder and compare it with a backup", broken, len(chains))
	}
	return nil
}
