package backend_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/backendtest"
	"tokentab/backend/pgtest"
)

func TestTheDoctorFindsWrongClocksOldKeysAndOldBackups(t *testing.T) {
	pgtest.OnSQLite(t, "the doctor looks at its files")
	p := backendtest.Start(t)
	p.Found()
	check := func(when string, want map[string]backend.Verdict) {
		t.Helper()
		for _, f := range p.Examine(t.Context(), p.Config) {
			if verdict, ok := want[f.What]; ok && f.Verdict != verdict {
				t.Errorf("%s: %+v, want %s", when, f, verdict)
			}
			if (f.Verdict == backend.Warning || f.Verdict == backend.Failure) != (f.Do != "") || strings.HasSuffix(f.Found+f.Do, ".") {
				t.Errorf("%s: the finding is %+v", when, f)
			}
			delete(want, f.What)
		}
		if len(want) > 0 {
			t.Errorf("%s: no finding about %v", when, want)
		}
	}
	check("at first", map[string]backend.Verdict{"clock": backend.OK, "signing keys": backend.OK, "backup": backend.Warning, "database": backend.OK, "write-ahead log": backend.OK})
	if _, err := p.BackUp(t.Context(), backend.BackupOrder{Path: filepath.Join(t.TempDir(), "backup"), Progress: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	check("with a backup", map[string]backend.Verdict{"backup": backend.OK})
	p.Clock.Move(-2 * time.Minute)
	check("with a clock that went back", map[string]backend.Verdict{"clock": backend.Failure, "backup": backend.Warning})
	if age := scrape(t, p)["tokentab_backup_age_seconds"].GetMetric(); len(age) > 0 {
		t.Errorf("a backup from the future is of the age %v", age)
	}
	p.Clock.Move(401 * 24 * time.Hour)
	check("a year later", map[string]backend.Verdict{"clock": backend.OK, "signing keys": backend.Warning, "backup": backend.Warning})
}
