package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Peers are other programs that check tokens, each in a folder with dependencies of its own.
const peers = "bench/peers"

// startPocketBase builds and starts PocketBase with one user.
func (s *stage) startPocketBase(ctx context.Context) error {
	binary, data := filepath.Join(s.folder, "pocketbase"), filepath.Join(s.folder, "pocketbase-data")
	fmt.Fprintln(s.out, "Building PocketBase.")
	if err := command(ctx, nil, "go", "build", "-C", peers+"/pocketbase", "-o", binary, "."); err != nil {
		return err
	}
	return s.startPeer(ctx, pocketBase, func(address string) []string { return []string{binary, address, data} })
}

// startBetterAuth installs and starts Better Auth with one API key.
func (s *stage) startBetterAuth(ctx context.Context) error {
	const home = peers + "/better-auth"
	data := filepath.Join(s.folder, "better-auth-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return fmt.Errorf("it runs on Node 20.19 or newer, which is not installed: %w", err)
	}
	s.facts.takesPart(version(ctx, node, "--version"))
	if !newerThan(home+"/node_modules/.package-lock.json", home+"/package-lock.json") {
		fmt.Fprintln(s.out, "Installing Better Auth.")
		if err := command(ctx, nil, "npm", "--prefix", home, "ci"); err != nil {
			return err
		}
	}
	return s.startPeer(ctx, betterAuth, func(address string) []string { return []string{node, home + "/server.mjs", address, data} })
}

// startPeer starts a peer and reads the credential that it prints.
func (s *stage) startPeer(ctx context.Context, name string, args func(address string) []string) error {
	p, err := s.start(ctx, args)
	if err != nil {
		return err
	}
	s.running[name] = p
	if p.credential, err = p.firstLine(ctx); err != nil {
		return err
	}
	return p.ready(ctx, peerTraffic[name].as(p.credential).first())
}

// peerTraffic is what each peer is asked.
var peerTraffic = map[string]traffic{
	pocketBase: whole("POST", "/api/collections/users/auth-refresh"),
	betterAuth: whole("GET", "/"),
}

// newerThan says whether a file is there and no older than another.
func newerThan(file, other string) bool {
	made, err1 := os.Stat(file)
	source, err2 := os.Stat(other)
	return err1 == nil && err2 == nil && !made.ModTime().Before(source.ModTime())
}
