package main

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite" // the driver that the program uses

	"tokentab/backend/pfid"
	"tokentab/backend/token"
)

// secretPrefix starts all secrets; their number in 16 hex digits ends them, so that SQL and wrk need no list of a million.
// They are as long as those of deployment tokens. Only introspection reads anything in a secret: issuer and audience. The
// claims begin like those of issued tokens, because introspection is slower for others.
var secretPrefix = func() string {
	claims := `{"iss":"http://tokens.example.com","sub":"` + strings.Repeat("x", pfid.TextSize) + `","aud":["http://tokens.example.com"],"jti":"` +
		strings.Repeat("x", 412) + `"}`
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	text := encode(strings.Repeat("x", 82)) + "." + encode(claims) + "." + encode(strings.Repeat("x", 64))
	return text[:len(text)-16]
}()

func secret(number int) string { return fmt.Sprintf("%s%016x", secretPrefix, number) }

func init() {
	sqlite.MustRegisterDeterministicScalarFunction("secret_hash", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		hash := sha256.Sum256([]byte(secret(int(args[0].(int64)))))
		return hash[:], nil
	})
	// An id of a time and a partition, and of random bits that a number stands for.
	sqlite.MustRegisterDeterministicScalarFunction("id_of", 3, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		random := sha256.Sum256(strconv.AppendInt(nil, args[2].(int64), 10))
		id, err := pfid.New(time.UnixMilli(args[0].(int64)), 0, bytes.NewReader(random[:]))
		text := id.String()
		return text[:10] + args[1].(string) + text[16:], err
	})
}

// fillSQL stores 100 agents, a deployment of each, :tokens deployment tokens, which have the longest identity, and the
// account token that calls introspection. Ids are those of the first environment up to the random part, then a number.
// OR FAIL keeps SQLite from preparing to undo a statement, which takes as long as the rest. The factor of status_index is
// odd, so no two tokens share an entry.
const fillSQL = `
CREATE TEMP TABLE a AS SELECT account_id AS account, id AS environment, substr(id, 1, 16) AS p FROM environments ORDER BY id LIMIT 1;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :tokens) SELECT i FROM n;
INSERT INTO agents (id, account_id, name, inserted_at, updated_at)
	SELECT p || printf('%016d', i), account, 'Agent ' || i, :now, :now FROM a, n WHERE i < 100;
INSERT INTO agent_deployments (id, account_id, agent_id, environment_id, inserted_at, updated_at)
	SELECT p || printf('%016d', i), account, p || printf('%016d', i), environment, :now, :now FROM a, n WHERE i < 100;
INSERT INTO status_lists (number, taken, inserted_at) SELECT 1 + i / :list, MIN(:list, :tokens - i), :now FROM n WHERE i % :list = 0;
INSERT OR FAIL INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, agent_id, environment_id, agent_deployment_id,
		expires_at, inserted_at, updated_at, status_list, status_index)
	SELECT p || printf('%016d', i), account, '', secret_hash(i), printf('%04x', i & 65535), 'agent_deployment', 'active', p || printf('%016d', i % 100),
		environment, p || printf('%016d', i % 100), :expires, :now, :now, 1 + i / :list, i * 2654435761 % :size FROM a CROSS JOIN n;
INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
	SELECT p || printf('%016d', :tokens), account, '', secret_hash(:tokens), printf('%04x', :tokens & 65535), 'account', 'active', :expires, :now, :now FROM a;
INSERT OR FAIL INTO token_uses (token_id) SELECT id FROM api_tokens ORDER BY id;
UPDATE accounts SET api_token_count = api_token_count + :tokens + 1;`

// fill stores tokens in the new database at path, which no other process may have open. The account token's number is
// tokens, the others are below. A failed fill ends the run.
func fill(path string, tokens int) error {
	now := time.Now()
	return fillWith(path, fillSQL, sql.Named("tokens", tokens), sql.Named("list", token.StatusListFill), sql.Named("size", token.StatusListSize),
		sql.Named("now", now.UnixMilli()), sql.Named("expires", now.AddDate(1, 0, 0).Truncate(time.Second).UnixMilli()))
}

// fillWith runs statements on a database that no other process may have open. Nothing protects the file meanwhile.
func fillWith(path, statements string, named ...any) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-500000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(statements, named...)
	return errors.Join(err, db.Close())
}
