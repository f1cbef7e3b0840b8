package backend_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/config"
	"tokentab/backend/filemode"
	"tokentab/backend/pgtest"
)

// secretFiles is a server's TLS key, master key, mail server and folder of backups.
func secretFiles(t *testing.T) (tlsKey, masterKey, mail, backups string, option backendtest.Option) {
	t.Helper()
	folder := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	chain, key := backendtest.Certificate(t, "tokens.example.com")
	certificate := put("chain.pem", chain)
	tlsKey, backups = put("key.pem", key), filepath.Join(folder, "backups")
	masterKey = put("master-key", []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	mail = put("mail", []byte("smtp://mail.example.com"))
	if err := os.Mkdir(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKENTAB_MASTER_KEY", "")
	t.Setenv("TOKENTAB_MASTER_KEY_FILE", masterKey)
	t.Setenv("TOKENTAB_SMTP_URL_FILE", mail)
	return tlsKey, masterKey, mail, backups, func(c *config.Config, _ *backend.World) {
		c.TLSCert, c.TLSKey = certificate, tlsKey
		if c.DatabaseURL == "" {
			c.BackupDir, c.BackupEvery, c.BackupKeep = backups, config.Lifetime(time.Hour), 2
		}
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestAServerRefusesSecretsAndBackupsThatOthersCanReplace(t *testing.T) {
	key, master, _, backups, option := secretFiles(t)
	c := config.Config{Storage: config.Storage{Data: t.TempDir()}, Issuing: config.Issuing{MaxTokenLifetime: config.Lifetime(time.Hour)}, Serving: config.Serving{Listen: "127.0.0.1:0", CacheTokens: 100}}
	option(&c, nil)
	open := func(path string, mode os.FileMode, want string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		chmod(t, path, mode)
		defer chmod(t, path, info.Mode().Perm())
		b, err := backend.Open(t.Context(), c, backend.World{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err == nil {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s, mode %#o: %v", path, mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o666, 0o660, 0o602} {
		open(key, mode, "--tls-cert and --tls-key: others on this machine can write")
		open(master, mode, "TOKENTAB_MASTER_KEY_FILE: others on this machine can write")
	}
	open(key, 0o440, "")
	open(backups, 0o777, "--backup-dir: everyone on this machine can replace files")
	open(backups, 0o702, "--backup-dir: everyone on this machine can replace files")
	open(backups, 0o777|os.ModeSticky, "")
	open(backups, 0o770, "")
}

func TestAServerWarnsOfSecretsThatEveryoneCanRead(t *testing.T) {
	key, master, mail, _, option := secretFiles(t)
	chmod(t, key, 0o644)
	chmod(t, mail, 0o444)
	chmod(t, master, 0o440)
	p := backendtest.StartIn(t, t.TempDir(), backendtest.NewClock(), option)
	log := p.Log.String()
	for _, want := range []string{"setting=--tls-key file=" + key + " mode=0644", "setting=TOKENTAB_SMTP_URL_FILE file=" + mail + " mode=0444"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	if strings.Contains(log, master) {
		t.Errorf("it warns of a file that only its owner and group can read: %s", log)
	}
}

func TestARunningServerTakesNoTLSKeyAndNoBackupFolderThatOthersCanReplace(t *testing.T) {
	key, _, _, backups, option := secretFiles(t)
	p := backendtest.StartIn(t, t.TempDir(), backendtest.NewClock(), option)
	chain, other := backendtest.Certificate(t, "tokens.example.com")
	if err := os.WriteFile(p.Config.TLSCert, chain, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, other, 0o600); err != nil {
		t.Fatal(err)
	}
	chmod(t, key, 0o666)
	p.Web.ReloadCertificate()
	if log := p.Log.String(); !strings.Contains(log, "the current certificate stays in use") || !strings.Contains(log, "others on this machine can write") {
		t.Error(log)
	}
	if p.Config.BackupDir == "" {
		return
	}
	eventually(t, "a backup", func() bool { facts, err := p.Backups.Facts(t.Context()); return err == nil && !facts.ProvenAt.IsZero() })
	chmod(t, backups, 0o777)
	p.Clock.Move(time.Hour)
	eventually(t, "a failure", func() bool {
		facts, err := p.Backups.Facts(t.Context())
		return err == nil && facts.Failure != "" && strings.Contains(p.Log.String(), "everyone on this machine can replace files")
	})
}

// TestFilesThatRootMakesBelongToTheOwnerOfTheFolder sets up, restores and closes as root in a folder of another user, as whom the
// server runs.
func TestFilesThatRootMakesBelongToTheOwnerOfTheFolder(t *testing.T) {
	pgtest.OnSQLite(t, "the files of the data folder")
	user, group := os.Geteuid(), os.Getegid() // only root makes files for others
	if user == 0 {
		user, group = 65533, 65532
	}
	p := backendtest.Start(t)
	made, restored := t.TempDir(), t.TempDir()
	for _, folder := range []string{made, restored} {
		if err := os.Chown(folder, user, group); err != nil {
			t.Fatal(err)
		}
	}
	if err := tryOpen(t, made, false); err != nil {
		t.Fatal(err)
	}
	file := backUp(t, p, "a long passphrase")
	withKey := func(o *backend.RestoreOrder) { o.Passphrase = "a long passphrase" }
	for range 2 {
		if _, err := restoreInto(t, p, restored, file, withKey, force); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{made, restored} {
		files, err := os.ReadDir(folder)
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			info, err := file.Info()
			if err != nil {
				t.Fatal(err)
			}
			if u, g, _ := filemode.OwnerOf(info); int(u) != user || int(g) != group {
				t.Errorf("%s belongs to user %d and group %d", file.Name(), u, g)
			}
		}
	}
	other, linked := filepath.Join(t.TempDir(), "other"), filepath.Join(made, "linked")
	if err := errors.Join(os.WriteFile(other, nil, 0o600), os.Link(other, linked)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(linked)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	filemode.GiveToFolder(f)
	if info, err := f.Stat(); err != nil {
		t.Fatal(err)
	} else if u, _, _ := filemode.OwnerOf(info); int(u) != os.Geteuid() {
		t.Errorf("a file with another name now belongs to user %d", u)
	}
}
