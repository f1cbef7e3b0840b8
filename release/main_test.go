package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	some = []file{
		{name: "t/tokentab", content: []byte("program"), executable: true},
		{name: "t/docs/b.md", content: []byte("b")},
		{name: "t/LICENSE", content: []byte("licence")},
	}
	made = time.Unix(1_700_000_000, 0).UTC()
	want = []string{
		"t/ drwxr-xr-x", "t/docs/ drwxr-xr-x", "t/LICENSE -rw-r--r-- licence", "t/docs/b.md -rw-r--r-- b", "t/tokentab -rwxr-xr-x program",
	}
)

func TestArchivesDependOnNothingButTheirFiles(t *testing.T) {
	backwards := slices.Clone(some)
	slices.Reverse(backwards)
	for name, write := range map[string]func(io.Writer, []file, time.Time) error{"tar": writeTarGz, "zip": writeZip} {
		var first, second bytes.Buffer
		for to, files := range map[*bytes.Buffer][]file{&first: some, &second: backwards} {
			if err := write(to, files, made); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: the order in which the files come changes the bytes", name)
		}
	}
}

func TestTheTarHasEveryFileAsRoots(t *testing.T) {
	var b bytes.Buffer
	if err := writeTarGz(&b, some, made); err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if unzipped.Name != "" || !unzipped.ModTime.IsZero() {
		t.Errorf("gzip keeps %q, %v", unzipped.Name, unzipped.ModTime)
	}
	archive, got := tar.NewReader(unzipped), []string{}
	for {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || !h.ModTime.Equal(made) {
			t.Errorf("%s: %+v", h.Name, h)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %v %s", h.Name, h.FileInfo().Mode(), content)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("it has %q", got)
	}
}

func TestTheZipHasEveryFile(t *testing.T) {
	var b bytes.Buffer
	if err := writeZip(&b, some, made); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Modified.Equal(made) {
			t.Errorf("%s is from %v", f.Name, f.Modified)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %v %s", f.Name, f.Mode(), content)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("it has %q", got)
	}
}

func TestTheBillHasEachComponentOnce(t *testing.T) {
	part := func(own string, refs ...string) bill {
		b := bill{Metadata: map[string]any{"component": map[string]any{"bom-ref": own}}, Dependencies: []dependency{{Ref: own, DependsOn: refs}}}
		for _, ref := range refs {
			b.Components = append(b.Components, map[string]any{"bom-ref": ref})
		}
		return b
	}
	all := bill{}
	all.add(part("linux", "kong", "gorm"), "tokentab")
	all.add(part("windows", "gorm", "x/sys"), "tokentab")
	var refs []string
	for _, c := range all.ordered().Components {
		refs = append(refs, c["bom-ref"].(string))
	}
	want := []string{"gorm", "kong", "x/sys"}
	if !slices.Equal(refs, want) || len(all.Dependencies) != 1 || !slices.Equal(all.Dependencies[0].DependsOn, want) {
		t.Errorf("it has %q and %+v", refs, all.Dependencies)
	}
}

func TestChecksumsAreOfEveryFile(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"b.zip", "a.tar.gz"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeChecksums(folder); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  a.tar.gz\n%x  b.zip\n", sha256.Sum256([]byte("a.tar.gz")), sha256.Sum256([]byte("b.zip")))
	if string(got) != want {
		t.Errorf("checksums.txt has %q", got)
	}
}

// The page's tools are not in the program. What they share with the page is.
func TestTheBillLeavesOutDevelopmentPackages(t *testing.T) {
	tool := map[string]any{"bom-ref": "vite", "properties": []any{map[string]any{"name": "development", "value": "true"}}}
	all := bill{
		Components:   []map[string]any{tool, {"bom-ref": "react"}},
		Dependencies: []dependency{{Ref: "page", DependsOn: []string{"react", "vite"}}, {Ref: "vite", DependsOn: []string{"react"}}},
	}.without("development")
	if len(all.Components) != 1 || all.Components[0]["bom-ref"] != "react" || len(all.Dependencies) != 1 || !slices.Equal(all.Dependencies[0].DependsOn, []string{"react"}) {
		t.Errorf("left are %v and %+v", all.Components, all.Dependencies)
	}
}
