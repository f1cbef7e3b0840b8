package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// spanOf returns a request to create a span whose payload is random bytes, so that compression makes it no smaller. Making it anew
// for each span would take longer than keeping it.
func spanOf(bytes int, instance any) string {
	noise := make([]byte, bytes)
	_, _ = rand.Read(noise)
	return fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"complete","payload":{"noise":%q}}}`, instance, base64.StdEncoding.EncodeToString(noise))
}

func TestAgentsThatFillTheDiskLeaveRoomToRevokeTokens(t *testing.T) {
	t.Parallel()
	data, manager := setUp(t)
	folder, _, _ := smallDisk(t, data)
	s := serveIn(t, folder)
	call := func(path, body string) (int, map[string]any) {
		t.Helper()
		status, answer, err := s.call(http.MethodPost, "/api/v1"+path, manager, body)
		if err != nil {
			t.Fatal(err)
		}
		return status, answer
	}
	if status, answer := call("/agent", `{"details":{"name":"bot","external_identifier":"bot"}}`); status != 200 {
		t.Fatal(status, answer)
	}
	register := `{"agent_id":"bot","agent_version":{"external_identifier":"1"}}`
	status, answer, err := s.call(http.MethodGet, "/api/v1/environment", manager, "")
	if err != nil || status != 200 {
		t.Fatal(status, answer, err)
	}
	status, answer = call("/agent_instance/register", register)
	if status != 200 {
		t.Fatal(status, answer)
	}
	instance := answer["details"].(map[string]any)["id"]
	report := spanOf(30_000, instance)
	kept := 0
	for status = 200; status == 200 && kept < 1000; kept++ {
		status, answer = call("/agent_spans", report)
	}
	if kept < 5 || status != 503 || answer["status"] != "error" {
		t.Errorf("after %d spans: %d %v", kept, status, answer)
	}
	for range 5 {
		status, made := call("/api_token", `{"details":{"token_scope":"account"}}`)
		if status != 200 {
			t.Fatal(status, made)
		}
		secret, _ := made["token"].(string)
		if status, _, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != 200 {
			t.Error(status, err)
		}
		if status, answer := call("/api_token/"+made["details"].(map[string]any)["id"].(string)+"/revoke", ""); status != 200 {
			t.Error(status, answer)
		}
		if status, _, err := s.call(http.MethodGet, "/api/v1/ping", secret, ""); err != nil || status != 401 {
			t.Error(status, err)
		}
	}
	if err := syscall.Mount("none", filepath.Dir(folder), "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	if status, answer := call("/agent_spans", report); status != 200 {
		t.Errorf("with space again: %d %v", status, answer)
	}
}

func TestWhatWasRemovedFromAFullDiskMakesRoomForReports(t *testing.T) {
	t.Parallel()
	data, manager := setUp(t)
	folder, _, _ := smallDisk(t, data)
	s := serveIn(t, folder)
	call := func(method, path, body string) (int, map[string]any) {
		t.Helper()
		status, answer, err := s.call(method, "/api/v1"+path, manager, body)
		if err != nil {
			t.Fatal(err)
		}
		return status, answer
	}
	var agent any
	var report string
	begin := func() {
		status, answer := call(http.MethodPost, "/agent", `{"details":{"name":"bot"}}`)
		if status != 200 {
			t.Fatal(status, answer)
		}
		agent = answer["details"].(map[string]any)["id"]
		for deadline := time.Now().Add(30 * time.Second); ; { // the worker removes what was deleted in steps
			status, answer = call(http.MethodPost, "/agent_instance/register", fmt.Sprintf(`{"agent_id":%q,"agent_version":{"external_identifier":"1"}}`, agent))
			if status == 200 {
				break
			}
			if status != 503 || time.Now().After(deadline) {
				t.Fatal(status, answer)
			}
		}
		report = spanOf(10_000, answer["details"].(map[string]any)["id"])
	}
	// fill reports until nothing is taken although the write-ahead log was emptied, and returns how much was.
	fill := func() (kept int) {
		for {
			log, err := os.Stat(filepath.Join(folder, "tokentab.db-wal"))
			if err != nil {
				t.Fatal(err)
			}
			status, answer := call(http.MethodPost, "/agent_spans", report)
			switch status {
			case 200:
				kept++
			case 503:
				if log.Size() <= 256<<10 {
					return kept
				}
			default:
				t.Fatal(status, answer)
			}
		}
	}
	begin()
	first := fill()
	if status, answer := call(http.MethodDelete, fmt.Sprint("/agent/", agent), ""); status != 200 {
		t.Fatal(status, answer)
	}
	begin()
	again := 0
	for deadline := time.Now().Add(30 * time.Second); again < first/2; again += fill() {
		if time.Now().After(deadline) {
			t.Fatalf("%d spans fill the disk, and %d after they were removed", first, again)
		}
	}
	if status, answer := call(http.MethodPost, "/api_token", `{"details":{"token_scope":"account"}}`); status != 200 {
		t.Errorf("a token can't be created: %d %v", status, answer)
	}
}
