package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asvs are the requirements of OWASP ASVS 5.0 that security.md answers, as section, first and last number.
var asvs = []struct {
	section     string
	first, last int
}{
	{"3.3", 1, 4}, {"3.4", 1, 6}, {"3.5", 1, 3}, {"4.1", 3, 4}, {"6.1", 1, 1}, {"6.3", 1, 2}, {"6.3", 7, 7}, {"6.4", 1, 1},
	{"6.4", 5, 5}, {"6.5", 2, 2}, {"6.5", 6, 6}, {"7.1", 1, 2}, {"7.2", 1, 4}, {"7.3", 1, 2}, {"7.4", 1, 5}, {"7.5", 1, 3},
	{"8.2", 1, 3}, {"8.3", 1, 2}, {"8.4", 1, 1}, {"9.1", 1, 3}, {"9.2", 1, 4}, {"10.1", 1, 1}, {"10.3", 1, 3}, {"10.3", 5, 5},
	{"10.4", 8, 10}, {"11.2", 3, 4}, {"11.4", 1, 1}, {"11.5", 1, 1}, {"13.1", 4, 4}, {"13.2", 1, 3}, {"13.3", 1, 2},
	{"13.3", 4, 4}, {"13.4", 2, 2}, {"13.4", 5, 6}, {"14.2", 1, 2}, {"14.2", 6, 6}, {"14.3", 1, 3}, {"16.1", 1, 1},
	{"16.2", 1, 5}, {"16.3", 1, 4}, {"16.4", 1, 3}, {"16.5", 1, 4},
}

var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")

func TestSecurityNamesOnlyTestsThatExist(t *testing.T) {
	there := testsInTree(t)
	named := testName.FindAllStringSubmatch(securityDocument(t), -1)
	if len(named) < 100 {
		t.Fatalf("security.md names only %d tests", len(named))
	}
	for _, n := range named {
		if !there[n[1]] {
			t.Errorf("security.md names %s, which does not exist", n[1])
		}
	}
}

func TestSecurityNamesATestOfEachPromise(t *testing.T) {
	promises := section(t, "## Promises")
	for number := 1; number <= 9; number++ {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \| .*TestPromise%d[A-Z]`, number, number))
		if !row.MatchString(promises) {
			t.Errorf("security.md names no test of promise %d", number)
		}
	}
}

func TestSecurityAnswersEachRequirementOfASVSOnce(t *testing.T) {
	var want, got []string
	for _, r := range asvs {
		for number := r.first; number <= r.last; number++ {
			want = append(want, fmt.Sprintf("%s.%d", r.section, number))
		}
	}
	states := []string{"met", "partly", "open", "not applicable"}
	for _, row := range regexp.MustCompile(`(?m)^\| ([\d.]+) \| (.+?) \| (.+?) \| (.+) \|$`).FindAllStringSubmatch(section(t, "## ASVS"), -1) {
		got = append(got, row[1])
		if !slices.Contains(states, row[3]) {
			t.Errorf("%s is %q, which is none of %q", row[1], row[3], states)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("security.md answers\n%q, want\n%q", got, want)
	}
}

func TestLinksBetweenTheDocumentsLeadSomewhere(t *testing.T) {
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]*?)(?:#([^)\s]*))?\)`)
	for _, from := range append(documents, above...) {
		for _, l := range link.FindAllStringSubmatch(read(t, from), -1) {
			if strings.Contains(l[1], ":") { // an address on the web
				continue
			}
			to := from
			if l[1] != "" {
				to = filepath.Join(filepath.Dir(from), l[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s leads to %s, which does not exist", from, to)
			} else if l[2] != "" && !slices.Contains(anchors(read(t, to)), l[2]) {
				t.Errorf("%s leads to %s#%s, and there is no such heading", from, to, l[2])
			}
		}
	}
}

// anchors returns the names under which the headings of a document can be linked to, as GitHub makes them.
func anchors(document string) (all []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(document, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// testsInTree returns the names of all tests of the Go code.
func testsInTree(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\([tf] \*testing\.[TF]\)`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			for _, d := range declared.FindAllStringSubmatch(read(t, path), -1) {
				there[d[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// section returns the part of security.md below a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(securityDocument(t), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("security.md has no %q", heading)
	}
	before, _, _ := strings.Cut(rest, "\n## ")
	return before
}

func securityDocument(t *testing.T) string {
	t.Helper()
	return read(t, "security.md")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
