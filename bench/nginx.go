package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// nginxFile is the configuration that users get.
const nginxFile = "deploy/nginx.conf"

// startNginx starts nginx with the shipped file, one worker on the servers' core, in front of the bare server as the
// application. The same file without the check is what it is compared with.
func (s *stage) startNginx(ctx context.Context, name string) error {
	binary, err := need(ctx, s.out, "nginx /usr/sbin/nginx", "The shipped proxy configuration is for nginx.", "nginx-light")
	if err != nil {
		return err
	}
	shipped, err := os.ReadFile(nginxFile)
	if err != nil {
		return err
	}
	text := string(shipped)
	switch name {
	case plain:
		text = withoutCheck(text)
	case checkingSocket:
		text = overSocket(text, s.socket())
	}
	folder := filepath.Join(s.folder, strings.ReplaceAll(name, " ", "-"))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	file := filepath.Join(folder, "nginx.conf")
	p, err := s.start(ctx, func(address string) []string {
		_, port, splitErr := net.SplitHostPort(address)
		text, err = placed(text, port, s.running[ours].address, s.running[bare].address, folder)
		err = errors.Join(splitErr, err, os.WriteFile(file, []byte(text), 0o600))
		return []string{binary, "-p", folder, "-c", file, "-e", "stderr", "-g", "daemon off; pid " + folder + "/pid;"}
	})
	if err != nil {
		return err
	}
	s.running[name] = p
	s.facts.takesPart(version(ctx, binary, "-v"))
	p.behind = []*process{s.running[bare]}
	if name != plain {
		p.behind = append(p.behind, s.running[ours])
	}
	good := get(pathApplication)
	if err := p.ready(ctx, good.with(0)); err != nil {
		return err
	}
	wanted := http.StatusOK
	if name != plain {
		wanted = http.StatusUnauthorized
	}
	if a, err := ask(p.address, good.with(firstBad)); err != nil || a.status != wanted {
		return fmt.Errorf("a bad token was answered %d, not %d (%v)", a.status, wanted, err)
	}
	return nil
}

// placed puts the addresses of this run into the shipped file, which is otherwise as it is, and one worker.
func placed(text, port, ours, application, folder string) (string, error) {
	// Workers do not run as root, so they can't write in the folder; these two would be in one that only root may make.
	temporary := "http {\n    client_body_temp_path " + folder + "/body;\n    proxy_temp_path " + folder + "/proxy;\n"
	for _, change := range [][2]string{
		{"127.0.0.1:8080", ours}, {"127.0.0.1:9000", application}, {"*:8000", "127.0.0.1:" + port},
		{"worker_processes auto", "worker_processes 1"}, {"http {\n", temporary},
	} {
		if strings.Count(text, change[0]) != 1 {
			return "", fmt.Errorf("%s has %q %d times, not once", nginxFile, change[0], strings.Count(text, change[0]))
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	return text, nil
}

// overSocket takes the other line of the shipped file, for a socket in the place of Tokentab's address. The address stays
// in a comment.
func overSocket(text, socket string) string {
	const address, other = "server 127.0.0.1:8080;", "# server unix:/run/tokentab/tokentab.sock;"
	return strings.NewReplacer(address, "# "+address, other, "server unix:"+socket+"; #").Replace(text)
}

// withoutCheck leaves out what asks tokentab, and what is known from its answer.
func withoutCheck(text string) string {
	lines := strings.Split(text, "\n")
	var names []string
	for _, set := range regexp.MustCompile(`auth_request_set\s+(\$\w+)`).FindAllStringSubmatch(text, -1) {
		names = append(names, set[1]+";")
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return strings.Contains(line, "auth_request") || slices.ContainsFunc(names, func(name string) bool { return strings.Contains(line, name) })
	}), "\n")
}
