package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// systemd accepts every line of the unit, and finds it well protected.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	analyze := needed(t, "systemd-analyze", "systemd")
	unit, err := os.ReadFile("tokentab.service")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "tokentab")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(t.TempDir(), "tokentab.service")
	text := strings.ReplaceAll(string(unit), "/usr/local/bin/tokentab", program)
	// With the lines that are for a master key of its own, too.
	text = strings.NewReplacer("\n#LoadCredential", "\nLoadCredential", "\n#Environment", "\nEnvironment").Replace(text)
	if err := os.WriteFile(installed, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", installed).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", installed).CombinedOutput()
	if err != nil {
		t.Fatalf("security: %v\n%s", err, out)
	}
	found := regexp.MustCompile(`exposure level for \S+: (\d+\.\d)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("security names no level:\n%s", out)
	}
	var exposure float64
	if _, err := fmt.Sscan(string(found[1]), &exposure); err != nil {
		t.Fatal(err)
	}
	if exposure > 1.5 { // 0 is none, 10 is all
		t.Errorf("its exposure is %v:\n%s", exposure, out)
	}
	t.Logf("exposure %v", exposure)
}

// TestTheServiceMayWriteToEachFolderOfASetting holds for the folders that the documentation names for the unit: all others are read-only.
func TestTheServiceMayWriteToEachFolderOfASetting(t *testing.T) {
	unit, install := shipped(t, "tokentab.service"), shipped(t, "../docs/install.md")
	made := map[string]bool{}
	for kind, base := range map[string]string{"State": "/var/lib/", "Logs": "/var/log/", "Runtime": "/run/"} {
		for _, name := range strings.Fields(regexp.MustCompile(`(?m)^` + kind + `Directory=(.*)$`).FindStringSubmatch(unit)[1]) {
			made[base+name] = true
		}
	}
	for setting, pattern := range map[string]string{
		"TOKENTAB_DATA": `TOKENTAB_DATA=(\S+)`, "TOKENTAB_BACKUP_DIR": `TOKENTAB_BACKUP_DIR=(\S+?)\.?\n`, "TOKENTAB_AUDIT_LOG": `TOKENTAB_AUDIT_LOG=(\S+)/`, "TOKENTAB_SOCKET": `TOKENTAB_SOCKET=(\S+)/`,
	} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(unit)
		if found == nil || !made[found[1]] {
			t.Errorf("%s: the unit names %v, and makes %v", setting, found, made)
		} else if setting != "TOKENTAB_DATA" && !strings.Contains(install, "`"+found[1]+"`") {
			t.Errorf("%s: docs/install.md does not name %s", setting, found[1])
		}
	}
}

// A server ends at once if Postgres is down when it starts, and a machine may start for longer than any number of tries lasts. An
// upgrade of a large database takes minutes, and would begin anew.
func TestSystemdStartsTheServiceForAsLongAsItTakes(t *testing.T) {
	unit := shipped(t, "tokentab.service")
	for _, line := range []string{"Restart=on-failure", "RestartPreventExitStatus=78", "StartLimitIntervalSec=0", "TimeoutStartSec=infinity"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
