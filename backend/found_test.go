package backend_test

import (
	"testing"

	"tokentab/backend/backendtest"
	"tokentab/backend/fault"
	"tokentab/backend/people"
)

func TestNoAccountIsFoundedWithoutItsAdminUser(t *testing.T) {
	p := backendtest.Start(t)
	p.Found()
	founder := people.Founder{AccountName: "Second", Email: backendtest.Email, Password: backendtest.Password}
	if _, err := p.People.FoundAnother(t.Context(), founder); fault.KindOf(err) != fault.Validation {
		t.Errorf("an account whose founder has the email of another admin user: %v", err)
	}
	if _, err := p.People.Found(t.Context(), people.Founder{AccountName: "Second", Email: "eve@example.com", Password: backendtest.Password}, ""); fault.KindOf(err) != fault.InvalidAction {
		t.Errorf("a second first account: %v", err)
	}
	if all, err := p.Accounts.All(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d accounts are left, %v; want one", len(all), err)
	}
	if _, err := p.People.SignIn(t.Context(), "eve@example.com", backendtest.Password, people.Browser{}); fault.KindOf(err) != fault.NotAuthenticated {
		t.Errorf("the founder of no account signs in: %v", err)
	}
}
