package pgtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOnlyTheseHelpersLeaveTestsOut looks through the Go tests, so that no other way leaves out a test on one of the stores.
// Each test that it leaves out on Postgres says why.
func TestOnlyTheseHelpersLeaveTestsOut(t *testing.T) {
	skips := regexp.MustCompile(`\.(Skip|Skipf|SkipNow)\(`)
	leftOut := regexp.MustCompile(`pgtest\.OnSQLite\(t, "[^"]{10,}"\)`)
	tests, left := 0, 0
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "pgtest" || strings.HasPrefix(path, "../pgtest") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(content)
		if skips.MatchString(text) {
			t.Errorf("%s skips a test by another way", path)
		}
		if said, all := len(leftOut.FindAllString(text, -1)), strings.Count(text, "pgtest.OnSQLite("); said != all {
			t.Errorf("%s leaves %d tests out, and says why for %d", path, all, said)
		}
		tests += strings.Count(text, "\nfunc Test")
		left += strings.Count(text, "pgtest.OnSQLite(")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d tests are of SQLite only", left, tests)
	if left*6 > tests {
		t.Errorf("%d of %d tests run on SQLite only", left, tests)
	}
}
