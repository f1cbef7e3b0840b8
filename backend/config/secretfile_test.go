package config

import (
	"errors"
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

func TestAFileThatIsTooLargeForASettingIsNotReadWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)); err != nil {
		t.Fatal(err)
	}
	endless := []string{path}
	if _, err := os.Stat("/dev/zero"); err == nil {
		endless = append(endless, "/dev/zero")
	}
	for _, path := range endless {
		t.Setenv("TOKENTAB_MASTER_KEY", "")
		t.Setenv("TOKENTAB_MASTER_KEY_FILE", path)
		_, key := MasterKey()
		_, passphrase := Passphrase(path)
		for setting, err := range map[string]error{"TOKENTAB_MASTER_KEY_FILE": key, "--passphrase-file": passphrase, "--config": LoadFile(path, nil)} {
			if err == nil || err.Error() != setting+": "+path+" is larger than 1048576 bytes" {
				t.Errorf("%s: %v", setting, err)
			}
		}
	}
}

func TestASecretFileIsReadWithoutWhatEditorsAdd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	t.Setenv("TOKENTAB_DATABASE_URL", "")
	t.Setenv("TOKENTAB_DATABASE_URL_FILE", path)
	empty := "TOKENTAB_DATABASE_URL_FILE: " + path + " is empty"
	for content, want := range map[string]string{"\ufeffa secret\r\n": "a secret", " \r\n": empty, "\ufeff\r\n": empty} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		secret, err := DatabaseURLFromFile()
		if got := string(secret); err != nil && err.Error() != want || err == nil && got != want {
			t.Errorf("%q is read as %q: %v", content, got, err)
		}
	}
	if err := os.WriteFile(path, []byte("\ufeff a passphrase \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if passphrase, err := Passphrase(path); err != nil || passphrase != " a passphrase " {
		t.Errorf("a passphrase is read as %q: %v", string(passphrase), err)
	}
}

func TestAMetricsTokenThatNoClientCanSendIsRefused(t *testing.T) {
	c := Config{Storage: Storage{Data: "d"}, Issuing: Issuing{MaxTokenLifetime: Lifetime(day)}, Serving: Serving{Listen: "127.0.0.1:8080", CacheTokens: 1}}
	path := filepath.Join(t.TempDir(), "token")
	t.Setenv("TOKENTAB_METRICS_TOKEN", "")
	t.Setenv("TOKENTAB_METRICS_TOKEN_FILE", path)
	for token, wrong := range map[string]string{
		"a token\x00 of C":                                      "white space",
		"a-token-of-a-C-program\x00":                            "control characters, such as U+0000",
		"a\x00-\x00t\x00o\x00k\x00e\x00n\x00-\x00o\x00f\x00":    "control characters, such as U+0000",
		"\xff\xfea\x00-\x00t\x00o\x00k\x00e\x00n\x00-\x00o\x00": "valid Unicode text",
	} {
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.MetricsToken, err = MetricsTokenFromFile(); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), "--metrics-token must") || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", token, err)
		}
	}
}
