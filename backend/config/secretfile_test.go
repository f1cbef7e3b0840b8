package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretFileThatOthersCanWriteIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reads := map[string]func() (Secret, error){
		"TOKENTAB_MASTER_KEY_FILE": MasterKey, "TOKENTAB_SMTP_URL_FILE": SMTPURLFromFile, "TOKENTAB_METRICS_TOKEN_FILE": MetricsTokenFromFile,
		"TOKENTAB_DATABASE_URL_FILE": DatabaseURLFromFile, "TOKENTAB_TO_DATABASE_URL_FILE": ToDatabaseURLFromFile,
		"--passphrase-file": func() (Secret, error) { return Passphrase(path) },
	}
	for setting, read := range reads {
		if strings.HasPrefix(setting, Prefix) {
			t.Setenv(strings.TrimSuffix(setting, "_FILE"), "")
			t.Setenv(setting, path)
		}
		for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o444: true, 0o644: true, 0o640: true, 0o620: false, 0o660: false, 0o602: false, 0o666: false} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			secret, err := read()
			if ok && (err != nil || secret != "a secret") {
				t.Errorf("%s, mode %#o: %v", setting, mode, err)
			}
			if !ok && (err == nil || !strings.Contains(err.Error(), setting+": others on this machine can write "+path)) {
				t.Errorf("%s, mode %#o: %v", setting, mode, err)
			}
		}
	}
}

func TestAnEmptySecretFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(" \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_DATABASE_URL", "")
	t.Setenv("TOKENTAB_DATABASE_URL_FILE", path)
	if _, err := DatabaseURLFromFile(); err == nil || err.Error() != "TOKENTAB_DATABASE_URL_FILE: "+path+" is empty" {
		t.Error(err)
	}
}

func TestAByteOrderMarkIsNoPartOfASecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("\ufeffa secret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_MASTER_KEY", "")
	t.Setenv("TOKENTAB_MASTER_KEY_FILE", path)
	if secret, err := MasterKey(); err != nil || secret != "a secret" {
		t.Errorf("%q: %v", string(secret), err)
	}
}
