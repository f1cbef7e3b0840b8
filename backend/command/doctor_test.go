package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
