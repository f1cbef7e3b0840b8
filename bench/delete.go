package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// benchDelete prints how long the changes of another account take while an account with many tokens is deleted, and how
// long until its last row is gone.
func benchDelete(out io.Writer, program string, tokens int) (err error) {
	s, err := newServed(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if err := fill(s.database(), tokens); err != nil {
		return err
	}
	create := exec.Command(program, "account", "create", "--account", "Other", "--email", "other@example.com", "--password-stdin", "--data", s.data)
	create.Stdin = strings.NewReader("a password for the other\n")
	text, err := create.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	if err := s.start(); err != nil {
		return err
	}
	owner, err := s.signIn("bench@example.com", "a password for the bench")
	if err != nil {
		return err
	}
	other, err := s.signIn("other@example.com", "a password for the other")
	if err != nil {
		return err
	}
	changes := func() (time.Duration, error) {
		began := time.Now()
		_, err := other.call("PUT", "/api/v1/account/"+other.account, `{"details":{"name":"Other"}}`)
		return time.Since(began), err
	}
	began := time.Now()
	if _, err := owner.call("DELETE", "/api/v1/account/"+owner.account, `{"details":{"name":"Bench"}}`); err != nil {
		return err
	}
	answered := time.Since(began)
	var meanwhile times
	for moving := true; moving; {
		for range 50 {
			took, err := changes()
			if err != nil {
				return err
			}
			meanwhile = append(meanwhile, took)
		}
		metrics, err := other.call("GET", "/metrics", "")
		if err != nil {
			return err
		}
		moving = !regexp.MustCompile(`(?m)^tokentab_token_moves 0$`).MatchString(metrics)
	}
	all := time.Since(began)
	fmt.Fprintf(out, "An account with %d tokens: deleted after %s, its last row gone after %s. %d changes of another account meanwhile: median %s, 99th percentile %s, longest %s (goal at most 1s).\n",
		tokens, answered.Round(time.Millisecond), all.Round(time.Second), len(meanwhile), meanwhile.at(50).Round(10*time.Microsecond), meanwhile.at(99).Round(10*time.Microsecond), meanwhile.at(100).Round(time.Millisecond))
	return nil
}

// signedIn calls the API with a session.
type signedIn struct {
	address, account string
	client           *http.Client
}

func (s *served) signIn(email, password string) (*signedIn, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	who := &signedIn{address: "http://" + s.address, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	text, err := who.call("POST", "/api/v1/session", fmt.Sprintf(`{"details":{"email":%q,"password":%q}}`, email, password))
	if err != nil {
		return nil, err
	}
	var session struct {
		Details struct{ Account struct{ ID string } }
	}
	err = json.Unmarshal([]byte(text), &session)
	who.account = session.Details.Account.ID
	return who, err
}

func (s *signedIn) call(method, path, body string) (string, error) {
	request, err := http.NewRequest(method, s.address+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return string(text), err
}
