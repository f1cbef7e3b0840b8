package command

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
)

func TestTheDoctorFindsFilesThatOthersCanReadOrReplace(t *testing.T) {
	folder := t.TempDir()
	data, backups, master, key, mail := filepath.Join(folder, "data"), filepath.Join(folder, "backups"), filepath.Join(folder, "data", "master.key"), filepath.Join(folder, "key.pem"), filepath.Join(folder, "mail")
	for _, path := range []string{data, backups} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{master, key, mail} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TOKENTAB_SMTP_URL_FILE", mail)
	d := doctor{}
	d.Data, d.BackupDir, d.TLSKey = data, backups, key
	for _, c := range []struct {
		path string
		mode os.FileMode
		want backend.Verdict
	}{
		{key, 0o600, backend.OK}, {key, 0o640, backend.OK}, {key, 0o644, backend.Warning}, {key, 0o666, backend.Failure}, {key, 0o660, backend.Failure},
		{mail, 0o444, backend.Warning}, {mail, 0o666, backend.Failure}, {master, 0o660, backend.Failure}, {master, 0o644, backend.Warning},
		{backups, 0o777, backend.Failure}, {backups, 0o777 | os.ModeSticky, backend.OK}, {backups, 0o755, backend.OK},
	} {
		info, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		f := d.examineFiles()
		if f.Verdict != c.want || c.want != backend.OK && (!strings.Contains(f.Found, c.path) || !strings.Contains(f.Do, "chmod")) {
			t.Errorf("%s, mode %#o: %+v", c.path, c.mode, f)
		}
		if err := os.Chmod(c.path, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	d.BackupDir = filepath.Join(folder, "missing")
	if f := d.examineFiles(); f.Verdict != backend.Failure || !strings.Contains(f.Found, d.BackupDir) || !strings.Contains(f.Do, "make the folder") {
		t.Errorf("a missing folder of backups: %+v", f)
	}
}

func TestAFindingReadsAsSentences(t *testing.T) {
	for found, want := range map[string]string{"not ready: The disk is full.": "fail  server: not ready: The disk is full. See its log.", "no answer": "fail  server: no answer. See its log."} {
		if line := lineOf(backend.Finding{Verdict: backend.Failure, What: "server", Found: found, Do: "see its log"}); line != want {
			t.Errorf("%q", line)
		}
	}
}

func TestTheDoctorComparesTheTimesOfTheCertificateWithTheClock(t *testing.T) {
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	var d doctor
	d.TLSCert, d.TLSKey = filepath.Join(t.TempDir(), "chain"), filepath.Join(t.TempDir(), "key")
	for says, years := range map[string][2]int{"is not valid before 2200-": {2200, 2300}, "expired at 2001-": {2000, 2001}, "expires at 2300-": {2000, 2300}} {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Date(years[0], 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(years[1], 1, 1, 0, 0, 0, 0, time.UTC),
		}, &x509.Certificate{}, &pair.PublicKey, pair)
		err = errors.Join(err, os.WriteFile(d.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
			os.WriteFile(d.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		if f := d.examineCertificate(); !strings.HasPrefix(f.Found, says) || (f.Verdict == backend.OK) != strings.HasPrefix(says, "expires") {
			t.Errorf("%s: %+v", says, f)
		}
	}
}
