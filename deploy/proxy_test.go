// Package deploy_test runs the shipped configurations in the real proxies, each between a real Tokentab and an
// application that tells what reached it.
package deploy_test

import (
	"bufio"
	"cmp"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tokentab/backend/backendtest"
)

// proxy is a program that runs shipped files.
type proxy struct {
	name     string
	files    []string // the first is the one that the program is given
	whenDown int      // the status that a client gets while Tokentab is down
	whenSlow int      // and while it does not respond; 0 if no setting bounds the wait
	run      func(t *testing.T, folder, port string)
}

// traefikPath has no Debian package to fall back on; make traefik builds the program and sets it.
var traefikPath = flag.String("traefik", "", "run traefik.yml and traefik-dynamic.yml too, in this program")

var proxies = []proxy{
	{name: "nginx", files: []string{"nginx.conf"}, whenDown: 503, whenSlow: 503, run: runNginx},
	{name: "Caddy", files: []string{"Caddyfile"}, whenDown: 502, whenSlow: 504, run: runCaddy},
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *traefikPath != "" {
		proxies = append(proxies, proxy{name: "Traefik", files: []string{"traefik.yml", "traefik-dynamic.yml"}, whenDown: 500, run: runTraefik})
	}
	os.Exit(m.Run())
}

// places are the addresses and the requirement that a user sets in a file.
type places struct {
	tokentab, socket, application, port, need string
	preflights                                bool   // the lines that pass them on count
	impatient                                 bool   // keeps the file's timeout for Tokentab
	around                                    string // lines of another configuration that takes up the upstreams, maps and server of nginx.conf
}

// fill sets the places in a file, all in one pass. The proxy listens on loopback only.
func (p places) fill(text string) string {
	if p.preflights {
		text = uncommentPreflights(text)
	}
	if p.around != "" {
		_, taken, _ := strings.Cut(text, "\n    upstream")
		text = "events {}\nhttp {\n" + p.around + "\n    upstream" + taken
	}
	var replacements []string
	if p.socket != "" { // nginx has a line for each
		replacements = append(replacements, "server 127.0.0.1:8080;", "#", "# server unix:/run/tokentab/tokentab.sock;", "server unix:"+p.socket+"; #")
	}
	replacements = append(replacements,
		"127.0.0.1:8080", p.tokentab,
		"127.0.0.1:9000", p.application,
		"*:8000;", "127.0.0.1:"+p.port+";", // nginx
		":8000 {", ":"+p.port+" {\n\tbind 127.0.0.1", // Caddy
		`":8000"`, `"127.0.0.1:`+p.port+`"`, // Traefik
	)
	if !p.impatient { // a busy machine may need longer than a user should wait
		replacements = append(replacements, "proxy_read_timeout    2s;", "proxy_read_timeout 30s;", "response_header_timeout 2s", "response_header_timeout 30s")
	}
	if p.need != "" {
		replacements = append(replacements, endpoint+"?", endpoint+"?"+p.need, endpoint, endpoint+"?"+p.need)
	}
	return strings.NewReplacer(replacements...).Replace(text)
}

const endpoint = "/api/v1/validate"

// uncommentPreflights makes the lines count that stand as comments below the words on CORS preflights.
func uncommentPreflights(text string) string {
	lines, below := strings.Split(text, "\n"), false
	for i, line := range lines {
		indent, comment, found := strings.Cut(line, "# ")
		switch {
		case !found || strings.TrimSpace(indent) != "":
			below = false
		case below:
			lines[i] = indent + comment
		case strings.HasSuffix(comment, "answer them:"):
			below = true
		}
	}
	return strings.Join(lines, "\n")
}

// scene is a proxy between its two servers.
type scene struct {
	*backendtest.Program
	proxy       proxy
	address     string // where the proxy listens
	application *application
	link        *relay // on which the proxy reaches Tokentab
	tokens      tokens
}

// start runs the proxy with its shipped files and a need, or none, until the test ends.
func (x proxy) start(t *testing.T, need string, options ...backendtest.Option) *scene {
	t.Helper()
	return x.startWith(t, places{need: need}, options...)
}

// startWith is start with what else is set in the files.
func (x proxy) startWith(t *testing.T, set places, options ...backendtest.Option) *scene {
	t.Helper()
	p := backendtest.Start(t, options...)
	s := &scene{
		Program: p, proxy: x, address: backendtest.FreeAddress(t), application: newApplication(t),
		link: newRelay(t, strings.TrimPrefix(p.URL, "http://")), tokens: issueTokens(t, p),
	}
	_, port, _ := strings.Cut(s.address, ":")
	folder := t.TempDir()
	set.tokentab, set.socket, set.application, set.port = cmp.Or(set.tokentab, s.link.address), p.Config.Socket, s.application.address, port
	for _, name := range x.files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(set.fill(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x.run(t, folder, port)
	return s
}

func runNginx(t *testing.T, folder, _ string) {
	t.Helper()
	program := needed(t, "nginx", "nginx-light")
	file := filepath.Join(folder, "nginx.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Only root may write to the default folders of nginx for large bodies.
	own := "http {\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		own += kind + "_temp_path " + filepath.Join(folder, kind) + ";\n"
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "http {\n", own, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	global := "daemon off; pid " + filepath.Join(folder, "pid") + "; error_log stderr notice;"
	if os.Geteuid() == 0 {
		global += " user root;" // can read the test's folder
	}
	background(t, "start worker process", exec.Command(program, "-e", "stderr", "-p", folder, "-c", file, "-g", global))
}

func runCaddy(t *testing.T, folder, _ string) {
	t.Helper()
	command := exec.Command(needed(t, "caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", filepath.Join(folder, "Caddyfile"))
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	background(t, "serving initial configuration", command)
}

func runTraefik(t *testing.T, folder, port string) {
	t.Helper()
	command := exec.Command(*traefikPath, "--configFile=traefik.yml")
	command.Dir = folder
	file, err := os.OpenFile(filepath.Join(folder, "traefik.yml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("\nlog:\n  level: INFO\n"); err != nil {
		t.Fatal(err)
	}
	background(t, "Starting provider *file.Provider", command)
	for status := http.StatusNotFound; status == http.StatusNotFound; { // until the routes are read
		response, err := http.Get("http://127.0.0.1:" + port)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		status = response.StatusCode
	}
}

// needed returns where a program is, and installs its Debian package where that is allowed.
func needed(t *testing.T, name, pkg string) string {
	t.Helper()
	command := exec.Command("../e2e/need.sh", name, "The shipped configuration of "+name+" is tested with the real program.", pkg)
	command.Stderr = os.Stderr
	path, err := command.Output()
	if err != nil {
		t.Fatalf("%s is not here: %v", name, err)
	}
	return strings.TrimSpace(string(path))
}

// background runs a program until the test ends, and returns when the program has written the line that says that it
// listens.
func background(t *testing.T, ready string, command *exec.Cmd) {
	t.Helper()
	out, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout = command.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	log, listens, ended := &backendtest.Buffer{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		open := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = log.Write(append(lines.Bytes(), '\n'))
			if !open && strings.Contains(lines.Text(), ready) {
				open = true
				close(listens)
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = command.Wait() // the signal is no failure
		if t.Failed() {
			t.Logf("%s wrote:\n%s", command.Path, log)
		}
	})
	select {
	case <-listens:
	case <-ended:
		t.Fatalf("%s did not start:\n%s", command.Path, log)
	}
}
