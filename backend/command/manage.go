package command

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"tokentab/backend"
	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// newAccount are the flags for creating an account.
type newAccount struct {
	config.Storage `embed:""`

	Account       string `required:"" help:"Name of the account." placeholder:"NAME"`
	Email         string `required:"" help:"Email of its first admin user." placeholder:"EMAIL"`
	Name          string `help:"Name of its first admin user." placeholder:"NAME"`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
}

type setup struct {
	newAccount `embed:""`
}

// Run creates the first account, and the database if it does not exist.
func (s *setup) Run(ctx context.Context, std IO) error {
	mayCreate := func(w *backend.World) { w.MayCreate = true }
	return s.make(ctx, std, mayCreate, func(b *backend.Backend, founder people.Founder) (people.AdminUser, error) {
		return b.People.Found(ctx, founder, "")
	})
}

type accounts struct {
	List   listAccounts  `cmd:"" help:"List the accounts with their ids and numbers of members."`
	Create createAccount `cmd:"" help:"Create another account and its first admin user. Accounts share nothing."`
}

type createAccount struct {
	newAccount `embed:""`
}

// Run creates another account.
func (c *createAccount) Run(ctx context.Context, std IO) error {
	return c.make(ctx, std, func(*backend.World) {}, func(b *backend.Backend, founder people.Founder) (people.AdminUser, error) {
		return b.People.FoundAnother(ctx, founder)
	})
}

func (n *newAccount) make(ctx context.Context, std IO, option func(*backend.World), found func(*backend.Backend, people.Founder) (people.AdminUser, error)) error {
	password, err := readPassword(ctx, std.In)
	if err != nil {
		return err
	}
	founder := people.Founder{AccountName: n.Account, Email: n.Email, Name: n.Name, Password: password}
	if err := founder.Check(); err != nil { // before the database is created
		return err
	}
	return with(ctx, std, n.Storage, config.Issuing{}, func(b *backend.Backend) error {
		user, err := found(b, founder)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.Err, "Account %s (%s) created; %s can sign in.\n", n.Account, user.AccountID, user.Email)
		return err
	}, option)
}

type tokens struct {
	Create createToken  `cmd:"" help:"Create an API token and print its secret, alone, on standard output."`
	Export exportTokens `cmd:"" help:"Print all tokens of an account as lines of JSON, with the hashes of their secrets."`
	Import importTokens `cmd:"" help:"Import tokens by the hashes of their secrets, so that their clients keep them."`
}

type createToken struct {
	config.Storage `embed:""`
	config.Issuing `embed:""`

	Scope         string          `required:"" enum:"account,environment,agent_deployment" help:"account, environment or agent_deployment." placeholder:"SCOPE"`
	Role          string          `enum:"manage,read" default:"manage" help:"Role of an account token: manage, or read, which changes nothing." placeholder:"ROLE"`
	Account       string          `help:"ID of the account; required if there are several." placeholder:"ID"`
	AgentID       string          `help:"ID of the agent, for the scope agent_deployment. Without one, the agents are listed." placeholder:"ID"`
	EnvironmentID string          `help:"ID of the environment, for the scopes environment and agent_deployment. Without one, the environments are listed." placeholder:"ID"`
	ExpiresIn     config.Lifetime `help:"Lifetime, such as 90d. The default is 365d, or the longest allowed if that is shorter." placeholder:"TIME"`
	Name          string          `help:"Display name, up to 100 characters." placeholder:"TEXT"`
}

// Run creates the token and prints its secret. A token whose secret can't be printed is of no use to anyone, and is revoked.
func (c *createToken) Run(ctx context.Context, std IO) error {
	return with(ctx, std, c.Storage, c.Issuing, func(b *backend.Backend) error {
		order, err := c.order()
		if err != nil {
			return err
		}
		owner, err := chooseAccount(ctx, b, c.Account)
		if err != nil {
			return err
		}
		if err := c.checkChosen(ctx, b, owner); err != nil {
			return err
		}
		if err := checkOpen(std.Out); err != nil {
			return fmt.Errorf("the secret can't be printed: %w", err)
		}
		signal.Ignore(syscall.SIGPIPE) // if no one reads, the token must not stay
		made, secret, err := b.Tokens.Issue(ctx, audit.Actor{AccountID: owner}, order)
		if err != nil {
			return err
		}
		if _, err = fmt.Fprintln(std.Out, secret); err == nil {
			return nil
		}
		if _, failed := b.Tokens.Revoke(context.WithoutCancel(ctx), audit.Actor{AccountID: owner}, made.ID); failed != nil {
			return fmt.Errorf("the secret could not be printed, and the token %s could not be revoked: revoke it on the page: %w", made.ID, errors.Join(err, failed))
		}
		return fmt.Errorf("the secret could not be printed, so the token %s was revoked: %w", made.ID, err)
	})
}

func (c *createToken) order() (token.Order, error) {
	order := token.Order{Name: c.Name}
	order.Scope, _ = token.ParseScope(c.Scope)
	if role, _ := token.ParseRole(c.Role); role != token.Manage {
		order.Role = role
	}
	var err error
	if order.AgentID, err = parseID("--agent-id", c.AgentID); err != nil {
		return order, err
	}
	if order.EnvironmentID, err = parseID("--environment-id", c.EnvironmentID); err != nil {
		return order, err
	}
	if c.ExpiresIn > 0 {
		order.Lifetime = time.Duration(c.ExpiresIn)
	}
	return order, nil
}

// checkChosen returns an error that lists the choices if an id is missing that the scope needs.
func (c *createToken) checkChosen(ctx context.Context, b *backend.Backend, owner pfid.ID) error {
	page := paging.Page{Size: mostListed, Sort: "inserted_at"} // the oldest first, as in the API
	if c.AgentID == "" && c.Scope == token.ScopeAgentDeployment.String() {
		agents, total, err := b.Agents.List(ctx, owner, "", page)
		if err != nil {
			return err
		}
		some := make([]choice, len(agents))
		for i, a := range agents {
			some[i] = choice{a.ID, a.Name}
		}
		return mustChoose("--agent-id", "agents", some, total)
	}
	if c.EnvironmentID == "" && c.Scope != token.ScopeAccount.String() {
		environments, total, err := b.Accounts.Environments(ctx, owner, page)
		if err != nil {
			return err
		}
		some := make([]choice, len(environments))
		for i, e := range environments {
			some[i] = choice{e.ID, e.Name}
		}
		return mustChoose("--environment-id", "environments", some, total)
	}
	return nil
}

func mustChoose(flag, what string, some []choice, total int) error {
	if total == 0 {
		return fmt.Errorf("%s is required, and the account has no %s", flag, what)
	}
	return fmt.Errorf("%s is required; choose one of these %s%s", flag, what, listed(some, total))
}

func chooseAccount(ctx context.Context, b *backend.Backend, wanted string) (pfid.ID, error) {
	all, err := b.Accounts.All(ctx)
	if err != nil {
		return pfid.ID{}, err
	}
	choices := make([]choice, len(all))
	for i, a := range all {
		choices[i] = choice{a.ID, a.Name}
	}
	switch {
	case len(all) == 0:
		return pfid.ID{}, errors.New("there is no account yet: run tokentab setup, or open the setup link that tokentab serve prints")
	case wanted == "" && len(all) == 1:
		return all[0].ID, nil
	case wanted == "":
		return pfid.ID{}, fmt.Errorf("there are several accounts; choose one with --account=ID%s", listed(choices, len(choices)))
	}
	for _, a := range all {
		if a.ID.String() == wanted {
			return a.ID, nil
		}
	}
	return pfid.ID{}, fmt.Errorf("--account: there is no account %s; choose one of these%s", wanted, listed(choices, len(choices)))
}

// choice is what an id of a flag may name.
type choice struct {
	id   pfid.ID
	name string
}

// mostListed is how many choices a message lists.
const mostListed = 20

// listed returns a line for each of some choices, with its id and name, and says how many of total it leaves out.
func listed(some []choice, total int) string {
	var lines strings.Builder
	shown := some[:min(len(some), mostListed)]
	for _, c := range shown {
		fmt.Fprintf(&lines, "\n  %s  %s", c.id, c.name)
	}
	if more := total - len(shown); more > 0 {
		fmt.Fprintf(&lines, "\n  … and %d more", more)
	}
	return lines.String()
}

func parseID(flag, text string) (pfid.ID, error) {
	if text == "" {
		return pfid.ID{}, nil
	}
	id, err := pfid.Parse(text)
	if err != nil {
		return pfid.ID{}, fmt.Errorf("%s must be an id of 32 lower-case characters, not %q", flag, text)
	}
	return id, nil
}
