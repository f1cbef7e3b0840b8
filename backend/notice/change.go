package notice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tokentab/backend/pfid"
)

// Change is a change of a member's password, role, sessions or membership that the member gets a mail about.
type Change struct {
	ID          pfid.ID
	Kind        string // password_changed, role_changed, sessions_ended or member_removed
	Role        string // the new one, for role_changed
	By          string // name or email of the admin user who made it; empty for the command line
	Address     string // network address of the client; empty for the command line
	At          time.Time
	Tries       int // to send the mail
	Email       string
	AccountName string
}

// mailChanges sends the mails about changes that are due. A mail that does not arrive is tried again for a day, unless the mail
// server refuses it for good. A failure delays neither the change nor other mails.
func (ns *Notices) mailChanges(ctx context.Context, at time.Time) error {
	changes, err := ns.Store.PendingChanges(ctx, at.Add(-writeEvery), at, maxMessages)
	if err != nil {
		return err
	}
	return eachAtOnce(ctx, changes, ns.mailChange)
}

// mailChange counts the try before, as try does.
func (ns *Notices) mailChange(ctx context.Context, c Change) error {
	ok, err := ns.Store.BeginChange(ctx, c, ns.Now().UTC().Add(delays[min(c.Tries, len(delays)-1)]))
	if err != nil || !ok {
		return err
	}
	subject, text := c.mail(ns.Origin)
	sending, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	err = ns.Mail.Send(sending, c.ID.String(), c.Email, subject, text)
	if err != nil && ctx.Err() == nil {
		ns.Log.Warn("a notice of a change did not arrive", "notice", c.ID, "try", c.Tries+1, "given_up", isFinal(err), "cause", err)
	}
	if err != nil && !isFinal(err) {
		return nil
	}
	return ns.Store.SettleChange(context.WithoutCancel(ctx), c)
}

// mail returns the subject and the text of the mail.
func (c Change) mail(origin string) (subject, text string) {
	what, advice := "", ""
	switch c.Kind {
	case "password_changed":
		what, subject = "The password of "+c.Email+" was changed", "Your password was changed"
		advice = "If this was not expected, ask another admin to end your sessions, and have your password reset on the server."
	case "role_changed":
		what, subject = fmt.Sprintf("The role of %s in %s is now %s. It was changed", c.Email, c.AccountName, c.Role), "Your role in "+c.AccountName+" is now "+c.Role
		advice = "If this was not expected, ask another admin of the account."
	case "member_removed":
		what, subject = c.Email+" was removed from "+c.AccountName, "You were removed from "+c.AccountName
		advice = "You can't sign in any more. If this was not expected, ask an admin of the account."
	default:
		what, subject = "Sessions of "+c.Email+" were ended", "Your sessions were ended"
		advice = "Sign in again. If this was not expected, change your password, and tell another admin of the account."
	}
	by := " on the command line of the server"
	if c.By != "" {
		by = " by " + c.By + " from " + c.Address
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s%s.\n\n%s\n\nTokentab of %s: %s\n", what, c.At.UTC().Format(mailTime), by, advice, c.AccountName, origin)
	return subject + " on Tokentab", b.String()
}
