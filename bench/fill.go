package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	_ "github.com/glebarez/go-sqlite" // the driver that the program itself uses

	"tokentab/backend/pfid"
)

const (
	// hotTokens is how many of the stored tokens the cases use.
	hotTokens = 1000
	// agents is how many agents the stored tokens spread over.
	agents = 100
	// rowsAtOnce is how many tokens one INSERT writes.
	rowsAtOnce = 200
)

// secrets are bearer values for the cases, all of one length.
type secrets struct {
	good []string // each is stored
	bad  []string // none is
}

// fill writes tokens into the database of an account that was just set up, all in one transaction. They are agent
// deployment tokens, whose identity is the longest there is. The order of secrets is the same in each run.
func fill(ctx context.Context, path string, tokens int) (made secrets, err error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	// Nothing else has to survive a power cut during the bench.
	db, err := sql.Open("sqlite", dsn+"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-500000)")
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return made, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	f := &filling{ctx: ctx, tx: tx, now: time.Now(), random: rand.NewChaCha8([32]byte{})}
	if err := f.deployments(); err != nil {
		return made, err
	}
	if made.good, err = f.tokens(tokens); err != nil {
		return made, err
	}
	for range hotTokens {
		made.bad = append(made.bad, f.secret())
	}
	return made, tx.Commit()
}

// filling is a fill under way.
type filling struct {
	ctx     context.Context
	tx      *sql.Tx
	now     time.Time
	random  *rand.ChaCha8
	account pfid.ID

	environment pfid.ID
	agents      [agents]pfid.ID
	deployed    [agents]pfid.ID
}

func (f *filling) id() (pfid.ID, error) {
	f.now = f.now.Add(time.Millisecond) // so that ids come in order, as they do where tokens are made one by one
	return pfid.New(f.now, f.account.Partition(), f.random)
}

// deployments makes agents and deploys each in the first environment.
func (f *filling) deployments() error {
	const first = "SELECT account_id, id FROM environments ORDER BY id LIMIT 1"
	if err := f.tx.QueryRowContext(f.ctx, first).Scan(&f.account, &f.environment); err != nil {
		return err
	}
	at := f.now.UnixMilli()
	for i := range agents {
		var err error
		if f.agents[i], err = f.id(); err != nil {
			return err
		}
		if f.deployed[i], err = f.id(); err != nil {
			return err
		}
		_, err = f.tx.ExecContext(f.ctx, "INSERT INTO agents (id, account_id, name, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?)",
			f.agents[i], f.account, fmt.Sprintf("Agent %d", i), at, at)
		if err != nil {
			return err
		}
		_, err = f.tx.ExecContext(f.ctx, "INSERT INTO agent_deployments (id, account_id, agent_id, environment_id, inserted_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
			f.deployed[i], f.account, f.agents[i], f.environment, at, at)
		if err != nil {
			return err
		}
	}
	return nil
}

// tokens stores so many tokens and returns the secrets of some of them, spread over all.
func (f *filling) tokens(n int) (hot []string, err error) {
	// OR FAIL, since SQLite need not be able to take back half a statement then, which halves the time. A row that fails
	// ends the fill all the same.
	const columns = `INSERT OR FAIL INTO api_tokens (account_id, name, token_scope, status, environment_id, expires_at, inserted_at, updated_at,
		id, secret_hash, hint, agent_id, agent_deployment_id) VALUES `
	at := f.now.UnixMilli()
	// What is the same in every row is written into the statement: binding values is what takes the time.
	row := fmt.Sprintf("('%s', '', 'agent_deployment', 'active', '%s', %d, %d, %d, ?, ?, ?, ?, ?)",
		f.account, f.environment, f.now.Add(365*24*time.Hour).Truncate(time.Second).UnixMilli(), at, at)
	insert, err := f.tx.PrepareContext(f.ctx, columns+strings.Repeat(row+", ", rowsAtOnce-1)+row)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	values := make([]any, 0, 5*rowsAtOnce)
	for i := range n {
		id, err := f.id()
		if err != nil {
			return nil, err
		}
		secret := f.secret()
		if i%(n/hotTokens) == 0 && len(hot) < hotTokens {
			hot = append(hot, secret)
		}
		hash := sha256.Sum256([]byte(secret))
		agent := i % agents
		values = append(values, id, hash[:], secret[len(secret)-4:], f.agents[agent], f.deployed[agent])
		switch {
		case len(values) == cap(values):
			_, err = insert.ExecContext(f.ctx, values...)
		case i == n-1:
			rows := len(values) / 5
			_, err = f.tx.ExecContext(f.ctx, columns+strings.Repeat(row+", ", rows-1)+row, values...)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		values = values[:0]
	}
	_, err = f.tx.ExecContext(f.ctx, "UPDATE accounts SET api_token_count = api_token_count + ? WHERE id = ?", n, f.account)
	return hot, err
}

// jwtParts are the bytes in the three parts of a deployment token's JWT: 796 characters of text in all.
var jwtParts = [...]int{82, 448, 64}

// secret returns a value of a JWT's length and shape that was never returned before. Online validation only hashes it.
func (f *filling) secret() string {
	var b [512]byte
	parts := make([]string, len(jwtParts))
	for i, size := range jwtParts {
		// ChaCha8 never fails.
		_, _ = io.ReadFull(f.random, b[:size])
		parts[i] = base64.RawURLEncoding.EncodeToString(b[:size])
	}
	return strings.Join(parts, ".")
}
