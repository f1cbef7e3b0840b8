package main

import (
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/activity"
	"tokentab/backend/config"
	"tokentab/backend/token"
)

func TestTheDemoHoldsWhatAVisitorShouldSee(t *testing.T) {
	folder := t.TempDir()
	if err := fill(t.Context(), folder, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	if err := fill(t.Context(), folder, "correct horse battery"); err == nil {
		t.Error("it fills a folder that has an account")
	}
	b, err := backend.Open(t.Context(), config.Config{Storage: config.Storage{Data: folder}}, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), Version: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	accounts, err := b.Accounts.All(t.Context())
	if err != nil || len(accounts) != 1 {
		t.Fatal(accounts, err)
	}
	id := accounts[0].ID
	counts, err := b.Tokens.Summarize(t.Context(), id, token.Filter{})
	if err != nil || counts.Total != 60 || counts.Suspended == 0 || counts.Revoked == 0 || counts.Expired == 0 || counts.Expiring < 3 {
		t.Errorf("%+v %v", counts, err)
	}
	scope := activity.Scope{AccountID: id}
	runs, n, err := b.Activity.Instances(t.Context(), scope, activity.InstanceFilter{}, everything)
	if err != nil || n < 15 || runs[0].Spans.Complete == 0 {
		t.Errorf("%d instances, %v", n, err)
	}
	if _, running, err := b.Activity.Instances(t.Context(), scope, activity.InstanceFilter{Status: activity.Active}, everything); err != nil || running == 0 {
		t.Errorf("%d instances run, %v", running, err)
	}
	if _, n, err := b.People.Members(t.Context(), id, "", everything); err != nil || n != 6 {
		t.Errorf("%d people, %v", n, err)
	}
}
