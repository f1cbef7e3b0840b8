package main

import (
	"net/http"
	"sync"
	"testing"

	"tokentab/backend/backendtest"
)

func TestPromise2AFullDiskDuringIngestStopsNeitherValidationNorWhatFollows(t *testing.T) {
	data, manager := setUp(t)
	folder, full, _ := smallDisk(t, data)
	s := serveIn(t, folder)
	issue := func() (id, secret string) {
		t.Helper()
		status, made, err := s.call(http.MethodPost, "/api/v1/api_token", manager, `{"details":{"token_scope":"account"}}`)
		if err != nil || status != http.StatusOK {
			t.Fatal(status, made, err)
		}
		return made["details"].(map[string]any)["id"].(string), made["token"].(string)
	}
	revoked, revokedSecret := issue()
	revoke := func() int {
		t.Helper()
		status, answer, err := s.call(http.MethodPost, "/api/v1/api_token/"+revoked+"/revoke", manager, "")
		if err != nil || status != http.StatusOK && (status != http.StatusServiceUnavailable || answer["message"] == nil) {
			t.Fatalf("a revoke is answered %d %v %v", status, answer, err)
		}
		return status
	}
	validates := func(secret string, want int) {
		t.Helper()
		if status, answer, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != want {
			t.Errorf("a validation is answered %d %v %v, want %d", status, answer, err, want)
		}
	}
	validates(manager, http.StatusOK)
	validates(revokedSecret, http.StatusOK)
	in := newIngest(t, s, manager, createAgent(t, s, manager))

	// Each connection reports until it is refused for want of space, waits for space, and reports until it is served.
	var refused sync.WaitGroup
	refused.Add(ingestConnections)
	var isRefused [ingestConnections]bool
	space, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		in.run(s, func(i, status int, err error) bool {
			isOK := status == http.StatusOK
			if err != nil || !isOK && status != http.StatusServiceUnavailable {
				t.Errorf("connection %d is answered %d %v", i, status, err)
			}
			if !isRefused[i] && (!isOK || t.Failed()) {
				isRefused[i] = true
				refused.Done()
				<-space
				return !t.Failed()
			}
			return !t.Failed() && !(isRefused[i] && isOK)
		})
	}()
	full(true)
	refused.Wait()
	validates(manager, http.StatusOK)
	validates(revokedSecret, http.StatusOK)
	isRevoked := revoke() == http.StatusOK
	if isRevoked {
		validates(revokedSecret, http.StatusUnauthorized)
	} else {
		validates(revokedSecret, http.StatusOK)
	}
	full(false)
	if err := waitFor(s.address); err != nil {
		t.Fatal(err)
	}
	close(space)
	<-ended
	if !isRevoked && revoke() != http.StatusOK {
		t.Error("with space again, a token can't be revoked")
	}
	validates(revokedSecret, http.StatusUnauthorized)
	in.check(s)
	backendtest.CheckActivity(t, openDatabase(t, folder))
}
