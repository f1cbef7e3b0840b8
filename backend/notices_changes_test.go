package backend_test

import (
	"errors"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
)

// TestOnlyPresentMembersOfAnAccountChangeItsWebhook covers requests that began before a member or an account was gone.
func TestOnlyPresentMembersOfAnAccountChangeItsWebhook(t *testing.T) {
	p := backendtest.Start(t)
	ada := p.Found()
	bob := p.Join(ada, "bob@example.com")
	if _, _, err := p.Notices.SetWebhook(t.Context(), ada, "https://example.com/ada"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.People.RemoveMember(t.Context(), ada, bob.AdminUserID, false); err != nil {
		t.Fatal(err)
	}
	set := func(by audit.Actor) error {
		_, _, err := p.Notices.SetWebhook(t.Context(), by, "https://example.com/other")
		return err
	}
	replace := func(by audit.Actor) error {
		_, _, err := p.Notices.ReplaceSecret(t.Context(), by)
		return err
	}
	remove := func(by audit.Actor) error {
		_, err := p.Notices.DeleteWebhook(t.Context(), by)
		return err
	}
	for i, change := range []func(audit.Actor) error{set, replace, remove} {
		if is, ok := errors.AsType[*fault.Error](change(bob)); !ok || is.Kind != fault.NotAuthenticated {
			t.Errorf("change %d by a removed member: %v", i, is)
		}
	}
	if w, err := p.Notices.Webhook(t.Context(), ada.AccountID); err != nil || w.URL != "https://example.com/ada" {
		t.Errorf("%+v %v", w, err)
	}
	if _, err := p.Accounts.Delete(t.Context(), ada, "Acme"); err != nil {
		t.Fatal(err)
	}
	if is, ok := errors.AsType[*fault.Error](set(ada)); !ok || is.Kind != fault.NotAuthenticated {
		t.Errorf("by a member of a deleted account: %v", is)
	}
	if is, ok := errors.AsType[*fault.Error](set(audit.Actor{AccountID: ada.AccountID})); !ok || is.Kind != fault.NotFound {
		t.Errorf("in a deleted account: %v", is)
	}
}
