package command

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"tokentab/backend"
	"tokentab/backend/account"
	"tokentab/backend/audit"
	"tokentab/backend/config"
	"tokentab/backend/paging"
	"tokentab/backend/people"
	"tokentab/backend/text"
)

type listAccounts struct {
	config.Storage `embed:""`
}

// Run prints a line for each account.
func (l *listAccounts) Run(ctx context.Context, std IO) error {
	return with(ctx, std, l.Storage, config.Issuing{}, func(b *backend.Backend) error {
		all, err := b.Accounts.All(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ACCOUNT\tMEMBERS\tCREATED\tNAME")
		for _, a := range all {
			_, members, err := b.People.Members(ctx, a.ID, "", paging.Page{Size: 1})
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", a.ID, members, a.InsertedAt.Format(time.RFC3339), a.Name)
		}
		return table.Flush()
	})
}

type users struct {
	List          listUsers     `cmd:"" help:"List the admin users with their roles and numbers of live API tokens."`
	ResetPassword resetPassword `cmd:"" help:"Set a new password for an admin user who has lost theirs, and end all of their sessions."`
	SetRole       setRole       `cmd:"" help:"Make an admin user an admin or a viewer."`
	Remove        removeUser    `cmd:"" help:"Remove an admin user from their account and end all of their sessions."`
}

type listUsers struct {
	config.Storage `embed:""`

	Account string `help:"ID of the account; all accounts if empty." placeholder:"ID"`
}

// pageOfUsers is how many members one read gets.
const pageOfUsers = 100

// Run prints a line for each member.
func (l *listUsers) Run(ctx context.Context, std IO) error {
	return with(ctx, std, l.Storage, config.Issuing{}, func(b *backend.Backend) error {
		all, err := b.Accounts.All(ctx)
		if err != nil {
			return err
		}
		if l.Account != "" {
			id, err := chooseAccount(ctx, b, l.Account)
			if err != nil {
				return err
			}
			all = []account.Account{{ID: id}}
		}
		table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "EMAIL\tROLE\tLIVE TOKENS\tACCOUNT\tNAME")
		for _, a := range all {
			page := paging.Page{Size: pageOfUsers, Sort: "inserted_at"}
			for total := 1; page.Offset < total; page.Offset += page.Size {
				var members []people.Member
				if members, total, err = b.People.Members(ctx, a.ID, "", page); err != nil {
					return err
				}
				for _, m := range members {
					fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", text.ShownEmail(m.Email), m.Role, m.LiveTokens, m.AccountID, cmp.Or(m.Name, "-"))
				}
			}
		}
		return table.Flush()
	})
}

// oneUser is the admin user that a command changes.
type oneUser struct {
	config.Storage `embed:""`

	Email string `arg:"" help:"Email of the admin user, as printed by tokentab user list."`
}

// change opens the program and calls f with the user, as an actor of their account without a name: the command line. It
// returns once a running server obeys.
func (u *oneUser) change(ctx context.Context, std IO, f func(b *backend.Backend, actor audit.Actor, user people.AdminUser) error) error {
	return with(ctx, std, u.Storage, config.Issuing{}, func(b *backend.Backend) error {
		user, err := b.People.ByEmail(ctx, u.Email)
		if err != nil {
			return err
		}
		if err := f(b, audit.Actor{AccountID: user.AccountID}, user); err != nil {
			return err
		}
		return b.AwaitServer(ctx)
	})
}

type resetPassword struct {
	oneUser `embed:""`

	PasswordStdin bool `required:"" help:"Read the new password from the first line of standard input."`
}

// Run sets the password. The member is told by the running server.
func (r *resetPassword) Run(ctx context.Context, std IO) error {
	password, err := readPassword(ctx, std.In)
	if err != nil {
		return err
	}
	if err := people.CheckNewPassword(password); err != nil {
		return err
	}
	return r.change(ctx, std, func(b *backend.Backend, _ audit.Actor, user people.AdminUser) error {
		if err := b.People.ResetPassword(ctx, user, password); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.Err, "The password of %s is changed, and all of their sessions are ended.\n", r.Email)
		return err
	})
}

// ending says what becomes of the API tokens of a member who loses rights.
type ending struct {
	RevokeTokens bool `help:"Also revoke the API tokens that they created, which stay as they are otherwise."`
}

func (e ending) report(std IO, what string, m people.Member, revoked int) error {
	tokens := ""
	switch {
	case e.RevokeTokens:
		tokens = " " + counted(revoked, "API token is", "API tokens are") + " revoked."
	case m.LiveTokens > 0:
		tokens = " " + counted(m.LiveTokens, "API token that they created was not revoked; --revoke-tokens would revoke it.",
			"API tokens that they created were not revoked; --revoke-tokens would revoke them.")
	}
	_, err := fmt.Fprintf(std.Err, "%s%s\n", what, tokens)
	return err
}

type setRole struct {
	oneUser `embed:""`

	Role   string `arg:"" enum:"admin,viewer" help:"admin, who may change everything, or viewer, who may only look."`
	ending `embed:""`
}

// Run changes the role.
func (s *setRole) Run(ctx context.Context, std IO) error {
	return s.change(ctx, std, func(b *backend.Backend, actor audit.Actor, user people.AdminUser) error {
		m, revoked, err := b.People.SetRole(ctx, actor, user.ID, people.Role(s.Role), s.RevokeTokens)
		if err != nil {
			return err
		}
		if s.Role == string(people.RoleAdmin) {
			m.LiveTokens = 0 // there is nothing to say about them
		}
		return s.report(std, fmt.Sprintf("The role of %s is %s.", s.Email, m.Role), m, revoked)
	})
}

type removeUser struct {
	oneUser `embed:""`

	Yes    bool `help:"Remove without asking."`
	ending `embed:""`
}

// Run removes the member.
func (r *removeUser) Run(ctx context.Context, std IO) error {
	return r.change(ctx, std, func(b *backend.Backend, actor audit.Actor, user people.AdminUser) error {
		owner, err := b.Accounts.Get(ctx, user.AccountID)
		if err != nil {
			return err
		}
		if !r.Yes {
			fmt.Fprintf(std.Err, "Remove %s from %s? Their sessions and pending invites end. ", r.Email, owner.Name)
			if err := confirm(ctx, std, "remove", "the admin user"); err != nil {
				return err
			}
		}
		m, revoked, err := b.People.RemoveMember(ctx, actor, user.ID, r.RevokeTokens)
		if err != nil {
			return err
		}
		return r.report(std, fmt.Sprintf("%s is removed from %s.", r.Email, owner.Name), m, revoked)
	})
}
