package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAgentsThatFillTheDiskLeaveRoomToRevokeTokens(t *testing.T) {
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
	span := func() (int, map[string]any) {
		noise := make([]byte, 30_000)
		_, _ = rand.Read(noise)
		return call("/agent_spans", fmt.Sprintf(`{"details":{"agent_instance_id":%q,"schema_name":"s","status":"complete","payload":{"noise":%q}}}`, instance, base64.StdEncoding.EncodeToString(noise)))
	}
	kept := 0
	for status = 200; status == 200 && kept < 1000; kept++ {
		status, answer = span()
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
	if status, answer := span(); status != 200 {
		t.Errorf("with space again: %d %v", status, answer)
	}
}
