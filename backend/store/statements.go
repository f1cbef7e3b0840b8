package store

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"
)

// maxStatements is how many statements each pool keeps compiled. Filters can be combined in ever new ways.
const maxStatements = 200

// beforeStatement is called before each statement, so that tests can make one fail.
var beforeStatement = func(query string) error { return nil }

// statements is a pool that keeps its statements compiled. GORM's own pool compiles a statement that was first used in a
// transaction again for each use.
type statements struct {
	*sql.DB
	mu   sync.Mutex
	kept map[string]*statement
	// wanted are statements that a transaction used. They are compiled before the next one: compiled inside, they would end
	// with it, and the pool may have no other connection.
	wanted map[string]bool

	keepsNone bool // the driver keeps them
}

// statement is a compiled statement. It is closed once it is neither kept nor used.
type statement struct {
	*sql.Stmt
	users int
	gone  bool
}

func newStatements(pool *sql.DB) *statements {
	return &statements{DB: pool, kept: map[string]*statement{}, wanted: map[string]bool{}}
}

// GetDBConn implements gorm.GetDBConnector.
func (p *statements) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// take returns a kept statement, which the caller must drop; nil if there is none.
func (p *statements) take(query string) *statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.kept[query]
	if s != nil {
		s.users++
	}
	return s
}

func (p *statements) drop(s *statement) {
	p.mu.Lock()
	s.users--
	isOver := s.gone && s.users == 0
	p.mu.Unlock()
	if isOver {
		_ = s.Close() // its connections are closed later in any case
	}
}

// compile returns a kept statement, compiled now if necessary.
func (p *statements) compile(ctx context.Context, query string) (*statement, error) {
	if s := p.take(query); s != nil {
		return s, nil
	}
	compiled, err := p.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: compiled, users: 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept[query] != nil { // compiled by another meanwhile
		s.gone = true
		return s, nil
	}
	if len(p.kept) >= maxStatements {
		for _, old := range p.kept {
			if old.gone = true; old.users == 0 {
				_ = old.Close()
			}
		}
		clear(p.kept)
	}
	p.kept[query] = s
	return s, nil
}

// ExecContext implements gorm.ConnPool.
func (p *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := beforeStatement(query); err != nil {
		return nil, err
	}
	if p.keepsNone {
		return p.DB.ExecContext(ctx, query, args...)
	}
	s, err := p.compile(ctx, query)
	if err != nil {
		return nil, err
	}
	defer p.drop(s)
	return s.ExecContext(ctx, args...)
}

// QueryContext implements gorm.ConnPool.
func (p *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := beforeStatement(query); err != nil {
		return nil, err
	}
	if p.keepsNone {
		return p.DB.QueryContext(ctx, query, args...)
	}
	s, err := p.compile(ctx, query)
	if err != nil {
		return nil, err
	}
	defer p.drop(s)
	return s.QueryContext(ctx, args...)
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p *statements) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	if err := beforeStatement("BEGIN"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = map[string]bool{}
	p.mu.Unlock()
	for query := range wanted {
		if s, err := p.compile(ctx, query); err == nil { // else the transaction reports it
			p.drop(s)
		}
	}
	tx, err := p.DB.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &statementsTx{Tx: tx, all: p}, nil
}

// statementsTx is a transaction that uses the kept statements of its pool.
type statementsTx struct {
	*sql.Tx
	all *statements
}

// kept returns a kept statement; nil if there is none yet.
func (t *statementsTx) kept(query string) *statement {
	if t.all.keepsNone {
		return nil
	}
	s := t.all.take(query)
	if s == nil {
		t.all.mu.Lock()
		if len(t.all.wanted) < maxStatements {
			t.all.wanted[query] = true
		}
		t.all.mu.Unlock()
	}
	return s
}

// ExecContext implements gorm.ConnPool.
func (t *statementsTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := beforeStatement(query); err != nil {
		return nil, err
	}
	s := t.kept(query)
	if s == nil {
		return t.Tx.ExecContext(ctx, query, args...)
	}
	defer t.all.drop(s)
	return t.StmtContext(ctx, s.Stmt).ExecContext(ctx, args...)
}

// QueryContext implements gorm.ConnPool.
func (t *statementsTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := beforeStatement(query); err != nil {
		return nil, err
	}
	s := t.kept(query)
	if s == nil {
		return t.Tx.QueryContext(ctx, query, args...)
	}
	defer t.all.drop(s)
	return t.StmtContext(ctx, s.Stmt).QueryContext(ctx, args...)
}
