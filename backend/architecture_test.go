package backend_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "tokentab/"

// mayImport lists the packages of ours that each package may import. A package that is not listed may import none.
var mayImport = map[string][]string{
	"main":            {"backend/command"},
	"backend/command": {"backend", "backend/config", "backend/filemode", "backend/account", "backend/people", "backend/audit", "backend/fault", "backend/paging", "backend/pfid", "backend/text", "backend/signer", "backend/token"},
	"backend":         {"backend/metrics", "backend/config", "backend/filemode", "backend/web", "backend/store", "backend/signer", "backend/password", "backend/mail", "backend/webhook", "backend/notice", "backend/idempotency", "backend/live", "backend/account", "backend/people", "backend/activity", "backend/agent", "backend/audit", "backend/backup", "backend/fault", "backend/paging", "backend/pfid", "backend/token"},
	"demo":            {"backend", "backend/config", "backend/people", "backend/account", "backend/activity", "backend/agent", "backend/audit", "backend/paging", "backend/pfid", "backend/token"},
	"backend/pgtest":  {},
	"backend/backendtest": {
		"backend/pfid", "backend/pgtest", "backend", "backend/config", "backend/store", "backend/password", "backend/people", "backend/agent", "backend/audit", "backend/token", "backend/paging",
	},
	"backend/web":         {"backend/metrics", "backend/config", "backend/filemode", "backend/audit", "backend/validation", "backend/api", "backend/request", "backend/answer", "backend/idempotency", "backend/live", "backend/notice", "backend/backup", "backend/account", "backend/people", "backend/activity", "backend/agent", "backend/token", "backend/fault"},
	"backend/validation":  {"backend/metrics", "backend/request", "backend/answer", "backend/signer", "backend/token", "backend/fault", "backend/pfid", "backend/text"},
	"backend/api":         {"backend/request", "backend/answer", "backend/bulk", "backend/rawjson", "backend/idempotency", "backend/live", "backend/notice", "backend/backup", "backend/account", "backend/people", "backend/activity", "backend/agent", "backend/audit", "backend/token", "backend/fault", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/bulk":        {"backend/idempotency", "backend/rawjson", "backend/fault"},
	"backend/answer":      {"backend/request", "backend/fault"},
	"backend/request":     {"backend/config", "backend/fault", "backend/text"},
	"backend/mail":        {"backend/config"},
	"backend/store":       {"backend/metrics", "backend/signer", "backend/idempotency", "backend/notice", "backend/account", "backend/people", "backend/activity", "backend/agent", "backend/audit", "backend/backup", "backend/token", "backend/fault", "backend/filemode", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/signer":      {"backend/audit", "backend/fault", "backend/filemode", "backend/pfid", "backend/token"},
	"backend/token":       {"backend/audit", "backend/fault", "backend/memory", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/account":     {"backend/audit", "backend/fault", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/people":      {"backend/audit", "backend/fault", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/notice":      {"backend/audit", "backend/fault", "backend/pfid", "backend/text"},
	"backend/live":        {"backend/fault", "backend/pfid"},
	"backend/webhook":     {},
	"backend/backup":      {"backend/audit", "backend/fault", "backend/pfid"},
	"backend/activity":    {"backend/audit", "backend/fault", "backend/paging", "backend/pfid", "backend/text"},
	"backend/agent":       {"backend/audit", "backend/fault", "backend/paging", "backend/pfid", "backend/text", "backend/unit"},
	"backend/text":        {"backend/fault"},
	"backend/audit":       {"backend/fault", "backend/filemode", "backend/paging", "backend/pfid"},
	"backend/unit":        {"backend/pfid"},
	"backend/config":      {"backend/filemode", "backend/text"},
	"backend/password":    {"backend/fault", "backend/text"},
	"backend/idempotency": {"backend/fault", "backend/pfid"},
}

// homes lists the packages that may import each library. A package that is not listed may only import the standard
// library.
var homes = map[string][]string{
	"github.com/gofiber/fiber/v2":           {"backend/web", "backend/api"},
	"github.com/valyala/fasthttp":           {"backend/web", "backend/api", "backend/validation", "backend/answer", "backend/request"},
	"github.com/danielgtaylor/huma":         {"backend/api"},
	"gorm.io/gorm":                          {"backend/store"},
	"modernc.org":                           {"backend/store"},
	"github.com/jackc/pgx/v5":               {"backend/store"},
	"github.com/pressly/goose":              {"backend/store"},
	"github.com/klauspost/compress":         {"backend/store"},
	"github.com/golang-jwt/jwt":             {"backend/signer"},
	"filippo.io/age":                        {"backend/signer"},
	"golang.org/x/crypto":                   {"backend/password"},
	"golang.org/x/term":                     {"backend/command"},
	"golang.org/x/net/idna":                 {"backend/text"},
	"golang.org/x/sync/singleflight":        {"backend/token"},
	"golang.org/x/text/unicode/norm":        {"backend/text"},
	"github.com/wneessen/go-mail":           {"backend/mail"},
	"github.com/KimMachineGun/automemlimit": {"backend/command"},
	"github.com/alecthomas/kong":            {"backend/command"},
	"github.com/coreos/go-systemd/v22":      {"backend/command"},
	"github.com/prometheus":                 {"backend/metrics"},
	"golang.org/x/sys":                      {"backend/store", "backend/request", "backend/memory"},

	"github.com/santhosh-tekuri/jsonschema": {"backend/backendtest"},
}

func TestRoomsImportOnlyWhatTheirRulesAllow(t *testing.T) {
	seen := map[string]bool{}
	for path, imports := range importsBelow(t, "..") {
		room := filepath.ToSlash(filepath.Dir(path))
		if room == "." {
			room = "main"
		}
		if strings.HasPrefix(room, "bench") || room == "docs/offline" || strings.HasPrefix(room, "node_modules") {
			continue // tools beside the program, not part of it
		}
		seen[room] = true
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported, module); ok {
				if !slices.Contains(mayImport[room], own) {
					t.Errorf("%s imports %s, which %s may not", path, own, room)
				}
				continue
			}
			if !strings.Contains(strings.Split(imported, "/")[0], ".") {
				continue // the standard library
			}
			if !slices.Contains(homeOf(imported), room) {
				t.Errorf("%s imports %s, which does not live in %s", path, imported, room)
			}
		}
	}
	for room := range mayImport {
		if !seen[room] {
			t.Errorf("the rules name %s, which is not there", room)
		}
	}
}

// TestNoCodeMakesHardLinks searches the code for calls that make hard links, which FAT, many network shares and FUSE
// lack.
func TestNoCodeMakesHardLinks(t *testing.T) {
	for path := range importsBelow(t, ".") {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"os.Link(", "syscall.Link(", "unix.Link"} {
			if strings.Contains(string(code), call) {
				t.Errorf("%s calls %s…), which fails where there are no hard links: rename a file instead", path, call)
			}
		}
	}
}

func homeOf(imported string) []string {
	for library, rooms := range homes {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			return rooms
		}
	}
	return nil
}

// importsBelow returns the imports of each Go file except tests.
func importsBelow(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found[relative] = []string{}
		for _, spec := range file.Imports {
			found[relative] = append(found[relative], strings.Trim(spec.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
