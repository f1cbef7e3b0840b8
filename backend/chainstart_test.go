package backend_test

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentab/backend/audit"
	"tokentab/backend/backendtest"
	"tokentab/backend/signer"
	"tokentab/backend/token"
)

const changedFromOutside = "the audit trail was changed from outside"

// brokenChains returns the chains that do not verify.
func brokenChains(t *testing.T, p *backendtest.Program) (broken []string) {
	t.Helper()
	chains, err := p.Audit.Chains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		_, err := p.Audit.Verify(t.Context(), chain, nil)
		if _, ok := errors.AsType[*audit.Broken](err); ok {
			broken = append(broken, chain)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return broken
}

func execIn(p *backendtest.Program, statements ...string) {
	for _, statement := range statements {
		p.Exec(statement)
	}
}

func TestNoOneWithoutTheMasterKeyCanBeginTheChainsAgain(t *testing.T) {
	const (
		heads  = "DELETE FROM audit_chains"
		mark   = "DELETE FROM settings WHERE name = 'audit_chained'"
		loose  = "UPDATE audit_events SET sequence = 0"
		events = "DELETE FROM audit_events"
	)
	for name, forgery := range map[string][]string{
		"the heads":                         {heads},
		"the heads, with loose events":      {heads, loose},
		"heads and mark":                    {heads, mark, loose, "UPDATE audit_events SET detail = 'forged' WHERE action = 'api_token.created'"},
		"all of audit":                      {heads, mark, events},
		"all of audit and all signing keys": {heads, mark, events, "DELETE FROM signing_keys"},
	} {
		t.Run(name, func(t *testing.T) {
			folder, clock := t.TempDir(), backendtest.NewClock()
			p := backendtest.StartIn(t, folder, clock)
			actor := p.Found()
			p.Issue(actor, token.Order{Scope: token.ScopeAccount})
			execIn(p, forgery...)
			p.Stop()
			for _, start := range []string{"first", "second"} {
				p = backendtest.StartIn(t, folder, clock)
				if log := p.Log.String(); !strings.Contains(log, changedFromOutside) {
					t.Errorf("the %s start does not notice: %s", start, log)
				}
				if broken := brokenChains(t, p); len(broken) != 2 {
					t.Errorf("after the %s start, only the chains %q are broken", start, broken)
				}
				p.Issue(actor, token.Order{Scope: token.ScopeAccount}) // changes go on
				p.Stop()
			}
		})
	}
}

// unmarked makes a database as versions without chains wrote it.
func unmarked(t *testing.T, p *backendtest.Program) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Folder, signer.MasterKeyFile))
	if err != nil {
		text = []byte(os.Getenv("TOKENTAB_MASTER_KEY"))
	}
	master, err := signer.ParseMasterKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var kid string
	var sealed []byte
	if err := p.Database().QueryRow("SELECT kid, sealed_private_key FROM signing_keys").Scan(&kid, &sealed); err != nil {
		t.Fatal(err)
	}
	vault := master.Vault(rand.Reader)
	plain, err := vault.Open(sealed, kid)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		t.Fatal(err)
	}
	if sealed, err = vault.Seal(plain, kid); err != nil {
		t.Fatal(err)
	}
	p.Exec("UPDATE signing_keys SET sealed_private_key = $1", sealed)
}

func TestAnUpgradeBeginsTheChainsOnceAndTheKeysRememberIt(t *testing.T) {
	folder, clock := t.TempDir(), backendtest.NewClock()
	p := backendtest.StartIn(t, folder, clock)
	actor := p.Found()
	_, secret := p.Issue(actor, token.Order{Scope: token.ScopeAccount})
	before := []string{"UPDATE audit_events SET sequence = 0", "DELETE FROM audit_chains", "DELETE FROM settings WHERE name = 'audit_chained'"}
	unmarked(t, p)
	execIn(p, before...)
	p.Stop()
	p = backendtest.StartIn(t, folder, clock)
	if broken := brokenChains(t, p); len(broken) > 0 || strings.Contains(p.Log.String(), changedFromOutside) {
		t.Errorf("after the upgrade the chains %q are broken: %s", broken, p.Log)
	}
	p.Call("GET", "/api/v1/ping", nil, backendtest.Bearer(secret)).Want(t, "the request", 200)
	p.Issue(actor, token.Order{Scope: token.ScopeAccount}) // the key still signs
	// A key that has begun before, and one that is added, remember it.
	if _, err := p.Signer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	execIn(p, before...)
	p.Stop()
	p = backendtest.StartIn(t, folder, clock)
	if broken := brokenChains(t, p); len(broken) != 2 {
		t.Errorf("only the chains %q are broken", broken)
	}
}
