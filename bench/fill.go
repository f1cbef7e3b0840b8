package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	_ "github.com/glebarez/go-sqlite" // the driver that the program itself uses

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

const (
	// agents is how many agents the stored tokens spread over.
	agents = 100
	// rowsAtOnce is how many tokens one INSERT writes, with so many values each.
	rowsAtOnce, valuesEach = 200, 7
	// listStep spreads the tokens of a status list over it: being odd, it gives no two of them the same place.
	listStep = 0x9E3779B1
)

// fill writes tokens into the database of an account that was just set up, which nobody else may have open: as many
// agent deployment tokens, whose identity is the longest there is, and one account token after them.
func fill(ctx context.Context, path string, tokens int) (err error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	// A fill that fails throws everything away, so nothing is kept to take it back or to survive a power cut: without a
	// journal ten million tokens take no more disk than they need in the end.
	db, err := sql.Open("sqlite", dsn+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-500000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	f := &filling{ctx: ctx, tx: tx, now: time.Now(), random: rand.NewChaCha8([32]byte{})}
	if err := f.deployments(); err != nil {
		return err
	}
	if err := f.tokens(tokens); err != nil {
		return err
	}
	if err := f.accountToken(caller(tokens)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO token_uses (token_id) SELECT id FROM api_tokens ORDER BY id"); err != nil {
		return err
	}
	return tx.Commit()
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

// expiry is when all tokens expire, in Unix milliseconds.
func (f *filling) expiry() int64 {
	return f.now.Add(365 * 24 * time.Hour).Truncate(time.Second).UnixMilli()
}

// tokens stores the deployment tokens with the numbers below n.
func (f *filling) tokens(n int) (err error) {
	// OR FAIL, since SQLite need not be able to take back half a statement then, which halves the time. A row that fails
	// ends the fill all the same.
	const columns = `INSERT OR FAIL INTO api_tokens (account_id, name, token_scope, status, environment_id, expires_at, inserted_at, updated_at,
		id, secret_hash, hint, agent_id, agent_deployment_id, status_list, status_index) VALUES `
	at := f.now.UnixMilli()
	// What is the same in every row is written into the statement: binding values is what takes the time.
	row := fmt.Sprintf("('%s', '', 'agent_deployment', 'active', '%s', %d, %d, %d, ?, ?, ?, ?, ?, ?, ?)", f.account, f.environment, f.expiry(), at, at)
	insert, err := f.tx.PrepareContext(f.ctx, columns+strings.Repeat(row+", ", rowsAtOnce-1)+row)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	values := make([]any, 0, valuesEach*rowsAtOnce)
	for i := range n {
		id, err := f.id()
		if err != nil {
			return err
		}
		secret := secret(i)
		hash := sha256.Sum256([]byte(secret))
		agent := i % agents
		values = append(values, id, hash[:], secret[len(secret)-4:], f.agents[agent], f.deployed[agent],
			1+i/token.StatusListFill, i*listStep%token.StatusListSize)
		switch {
		case len(values) == cap(values):
			_, err = insert.ExecContext(f.ctx, values...)
		case i == n-1:
			rows := len(values) / valuesEach
			_, err = f.tx.ExecContext(f.ctx, columns+strings.Repeat(row+", ", rows-1)+row, values...)
		default:
			continue
		}
		if err != nil {
			return err
		}
		values = values[:0]
	}
	for first := 0; first < n; first += token.StatusListFill {
		_, err := f.tx.ExecContext(f.ctx, "INSERT INTO status_lists (number, taken, inserted_at) VALUES (?, ?, ?)",
			1+first/token.StatusListFill, min(token.StatusListFill, n-first), at)
		if err != nil {
			return err
		}
	}
	return f.counted(n)
}

// accountToken stores the token with this number, which may do everything in the account.
func (f *filling) accountToken(number int) error {
	id, err := f.id()
	if err != nil {
		return err
	}
	secret := secret(number)
	hash := sha256.Sum256([]byte(secret))
	_, err = f.tx.ExecContext(f.ctx, `INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
		VALUES (?, ?, '', ?, ?, 'account', 'active', ?, ?, ?)`,
		id, f.account, hash[:], secret[len(secret)-4:], f.expiry(), f.now.UnixMilli(), f.now.UnixMilli())
	return errors.Join(err, f.counted(1))
}

// counted adds tokens to the number that the account keeps of them.
func (f *filling) counted(n int) error {
	_, err := f.tx.ExecContext(f.ctx, "UPDATE accounts SET api_token_count = api_token_count + ? WHERE id = ?", n, f.account)
	return err
}
