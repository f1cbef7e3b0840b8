package api_test

import (
	"net/http"
	"testing"
	"time"

	"tokentab/backend/backendtest"
	"tokentab/backend/people"
)

var background = backendtest.Header{Name: "X-Tokentab-Background", Value: "1"}

func TestASessionEndsThoughItsPagePolls(t *testing.T) {
	t.Parallel()
	p := backendtest.Start(t)
	p.Found()
	cookie, _ := backendtest.Cookie(t, p.SignIn(backendtest.Email, backendtest.Password), "session")
	status := func(method, path string, more ...backendtest.Header) int {
		return p.Call(method, path, nil, append(more, cookie, sameOrigin)...).Status
	}
	for range 23 {
		p.Clock.Move(time.Hour)
		if s := status(http.MethodGet, "/api/v1/api_token", background); s != http.StatusOK {
			t.Fatalf("a poll within the idle time: %d", s)
		}
	}
	if s := status(http.MethodGet, "/api/v1/api_token"); s != http.StatusOK {
		t.Fatalf("a request of a person: %d", s)
	}
	p.Clock.Move(people.IdleEnd - time.Minute)
	if s := status(http.MethodPost, "/api/v1/session/end_others", background); s != http.StatusOK {
		t.Fatalf("a change, which is nothing that a page does on its own: %d", s)
	}
	p.Clock.Move(people.IdleEnd - time.Minute)
	if s := status(http.MethodGet, "/api/v1/session/all", background); s != http.StatusOK {
		t.Fatalf("a poll after a change: %d", s)
	}
	p.Clock.Move(2 * time.Minute)
	if s := status(http.MethodGet, "/api/v1/api_token", background); s != http.StatusUnauthorized {
		t.Errorf("a poll after the idle time: %d", s)
	}
	if s := status(http.MethodGet, "/api/v1/api_token"); s != http.StatusUnauthorized {
		t.Errorf("a request after the idle time: %d", s)
	}
}
