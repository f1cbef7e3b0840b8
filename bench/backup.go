package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// backupRate is how many validations a second the measurement of backups sends, with one creation of a token for each hundred.
const backupRate = 200

// benchBackup prints how long a backup and its restore take, how large they are, and the 99th percentile of validations
// during backups and between them.
func benchBackup(out io.Writer, program string, tokens, rounds int) (err error) {
	s, err := newServed(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := fill(s.database(), tokens); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	var took, idle, during times
	file := filepath.Join(s.folder, "a.backup")
	for range rounds {
		quiet, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		between, err := s.validateUntil(quiet, tokens)
		cancel()
		if err != nil {
			return err
		}
		running, done := context.WithCancel(context.Background())
		began := time.Now()
		failed := make(chan error, 1)
		go func() {
			defer done()
			text, err := exec.Command(program, "backup", file, "--force", "--data", s.data).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, text)
			}
			failed <- err
		}()
		while, err := s.validateUntil(running, tokens)
		if err := errors.Join(err, <-failed); err != nil {
			return err
		}
		took = append(took, time.Since(began))
		idle, during = append(idle, between.at(99)), append(during, while.at(99))
	}
	database, err1 := os.Stat(s.database())
	made, err2 := os.Stat(file)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	began := time.Now()
	if text, err := exec.Command(program, "restore", file, "--data", filepath.Join(s.folder, "restored")).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	const mib = 1 << 20
	fmt.Fprintf(out, "%d tokens, %d MiB: a backup takes %s and %d MiB, a restore %s (medians of %d rounds).\n",
		tokens, database.Size()/mib, took.at(50).Round(time.Second/10), made.Size()/mib, time.Since(began).Round(time.Second/10), rounds)
	fmt.Fprintf(out, "Validations at %d a second, 99th percentile: %s during backups, %s between them.\n",
		backupRate, during.at(50).Round(10*time.Microsecond), idle.at(50).Round(10*time.Microsecond))
	return nil
}

// validateUntil validates tokens at a steady rate until the context ends, and returns how long each took.
func (s *served) validateUntil(ctx context.Context, tokens int) (took times, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 10 * time.Second}
	send := func(method, path string, number int, body string) {
		began := time.Now()
		request, err2 := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
		if err2 == nil {
			request.Header.Set("Authorization", "Bearer "+secret(number))
			request.Header.Set("Content-Type", "application/json")
			var response *http.Response
			if response, err2 = client.Do(request); err2 == nil {
				_, err2 = io.Copy(io.Discard, response.Body)
				err2 = errors.Join(err2, response.Body.Close())
				if response.StatusCode != http.StatusOK {
					err2 = fmt.Errorf("%s answers %d", path, response.StatusCode)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		err = errors.Join(err, err2)
		if method == http.MethodGet {
			took = append(took, time.Since(began))
		}
	}
	ticker := time.NewTicker(time.Second / backupRate)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			all.Wait()
			return took, err
		case <-ticker.C:
			all.Go(func() { send(http.MethodGet, "/api/v1/validate", rand.IntN(tokens), "") })
			if i%100 == 0 {
				all.Go(func() { send(http.MethodPost, "/api/v1/api_token", tokens, `{"details":{"token_scope":"account"}}`) })
			}
		}
	}
}
