// The release command builds the archives that people install: the program for six platforms, with its documents,
// completions and man page. It writes them to a folder with their checksums and a bill of materials. The same commit,
// Go and npm give the same bytes.
//
// It needs Go and npm, and embeds the page as it was built last. make release builds the page and runs it.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// platform is an operating system and a processor, in Go's names.
type platform struct{ system, processor string }

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// release is what one run builds.
type release struct {
	version string
	ldflags string
	made    time.Time // the time of every file in the archives
	dist    string    // folder of the results
	scratch string    // folder of what they are made from
}

func main() {
	var r release
	var only string
	flag.StringVar(&r.version, "version", "", "version, which is part of the file names")
	flag.StringVar(&r.ldflags, "ldflags", "", "flags of the linker")
	flag.StringVar(&r.dist, "dist", "dist", "folder for the results; what is in it is removed")
	flag.StringVar(&only, "only", "", "build one platform, such as linux/amd64, without a bill of materials")
	epoch := flag.Int64("epoch", 0, "time of the files in the archives, in seconds since 1970")
	flag.Parse()
	r.made = time.Unix(*epoch, 0).UTC()
	if err := r.run(only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r *release) run(only string) (err error) {
	if r.version == "" || r.made.Unix() <= 0 {
		return errors.New("-version and -epoch are required")
	}
	if err := errors.Join(os.RemoveAll(r.dist), os.MkdirAll(r.dist, 0o755)); err != nil {
		return err
	}
	if r.scratch, err = os.MkdirTemp("", "tokentab-release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.scratch)) }()

	wanted := platforms
	if only != "" {
		system, processor, _ := strings.Cut(only, "/")
		wanted = []platform{{system, processor}}
		if !slices.Contains(platforms, wanted[0]) {
			return fmt.Errorf("there is no archive for %q", only)
		}
	}
	var programs []string
	for _, p := range wanted {
		program, err := r.build(p)
		if err != nil {
			return err
		}
		programs = append(programs, program)
	}
	common, err := r.commonFiles()
	if err != nil {
		return err
	}
	for i, p := range wanted {
		if err := r.pack(p, programs[i], common); err != nil {
			return err
		}
	}
	if only == "" {
		if err := r.billOfMaterials(programs); err != nil {
			return err
		}
	}
	return writeChecksums(r.dist)
}

// build compiles the program for a platform and returns its path.
func (r *release) build(p platform) (string, error) {
	program := filepath.Join(r.scratch, p.system+"-"+p.processor, p.program())
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", r.ldflags, "-o", program, ".")
	// Each variable changes the bytes, so what the user has set for other work must not count.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.system, "GOARCH="+p.processor, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	build.Stderr = os.Stderr
	fmt.Fprintln(os.Stderr, "building", p.system, p.processor)
	return program, build.Run()
}

func (p platform) program() string {
	if p.system == "windows" {
		return "tokentab.exe"
	}
	return "tokentab"
}

// documents are the files of the source that every archive has.
var documents = []string{
	"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md",
	"docs/offline/statuslist.go", "docs/offline/ver*.go", "docs/offline/verify.mjs", "docs/offline/verify.py",
	"deploy/Caddyfile", "deploy/nginx.conf", "deploy/envoy.yaml", "deploy/traefik.yml",
	"deploy/traefik-dynamic.yml", "deploy/tokentab.service", "deploy/Dockerfile", "deploy/compose.yaml", "deploy/nginx-copies.conf",
	"deploy/grafana.json", "deploy/alerts.yml",
}

// commonFiles returns what is the same in every archive: the documents, completions and the man page.
func (r *release) commonFiles() ([]file, error) {
	var files []file
	for _, pattern := range documents {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("%s matches no file: %w", pattern, errors.Join(err, fs.ErrNotExist))
		}
		for _, name := range found {
			content, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, file{name: filepath.ToSlash(name), content: content})
		}
	}
	own, err := r.build(platform{runtime.GOOS, runtime.GOARCH}) // cached if it is one of the archives
	if err != nil {
		return nil, err
	}
	for name, args := range map[string][]string{
		"completions/tokentab.bash": {"completion", "bash"},
		"completions/_tokentab":     {"completion", "zsh"},
		"completions/tokentab.fish": {"completion", "fish"},
		"man/tokentab.1":            {"man"},
	} {
		ask := exec.Command(own, args...)
		ask.Stderr = os.Stderr
		content, err := ask.Output()
		if err != nil {
			return nil, fmt.Errorf("tokentab %s: %w", strings.Join(args, " "), err)
		}
		files = append(files, file{name: name, content: content})
	}
	return files, nil
}

// pack writes the archive of a platform.
func (r *release) pack(p platform, program string, common []file) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("tokentab_%s_%s_%s", r.version, p.system, p.processor)
	files := []file{{name: path.Join(name, p.program()), content: content, executable: true}}
	for _, f := range common {
		f.name = path.Join(name, f.name)
		files = append(files, f)
	}
	write, extension := writeTarGz, ".tar.gz"
	if p.system == "windows" {
		write, extension = writeZip, ".zip"
	}
	to, err := os.Create(filepath.Join(r.dist, name+extension))
	if err != nil {
		return err
	}
	return errors.Join(write(to, files, r.made), to.Close())
}

// writeChecksums writes checksums.txt, which sha256sum --check reads.
func writeChecksums(folder string) error {
	entries, err := os.ReadDir(folder) // sorted by name
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(folder, "checksums.txt"), []byte(lines.String()), 0o644)
}
