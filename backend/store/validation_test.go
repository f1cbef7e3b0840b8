package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"modernc.org/sqlite"

	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
	"tokentab/backend/pgtest"
	"tokentab/backend/token"
)

// fillUses stores tokens for tests of last uses, and returns their ids in order.
func (s *shelf) fillUses(tokens int) []pfid.ID {
	s.t.Helper()
	ids := make([]pfid.ID, tokens)
	for i := range ids {
		ids[i] = s.id()
	}
	slices.SortFunc(ids, func(a, b pfid.ID) int { return slices.Compare(a[:], b[:]) })
	for _, statement := range []string{
		`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
			SELECT value, '` + s.actor.AccountID.String() + `', '', ` + bytesOf("value") + `, '', 'account', 'active', 1, 1, 1 FROM ` + eachValue,
		"INSERT INTO token_uses (token_id) SELECT value FROM " + eachValue,
	} {
		for part := range slices.Chunk(ids, 10_000) {
			texts := make([]string, len(part))
			for i, id := range part {
				texts[i] = `"` + id.String() + `"`
			}
			if err := s.writer.Exec(statement, "["+strings.Join(texts, ",")+"]").Error; err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return ids
}

// recordUses writes a batch of uses in the order of their tokens.
func (s *shelf) recordUses(at int64, uses ...token.Use) {
	s.t.Helper()
	slices.SortStableFunc(uses, func(a, b token.Use) int { return pfid.Compare(a.TokenID, b.TokenID) })
	s.batch++
	if err := s.Tokens.RecordUses(s.t.Context(), token.UseBatch{Number: s.batch, Uses: uses, At: at}); err != nil {
		s.t.Fatal(err)
	}
}

func TestALastUseMovesForwardOnlyAndOfNoTokenThatIsGone(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(3)
	gone := s.id()
	for _, step := range []struct{ at, want int64 }{{1000, 1000}, {500, 1000}, {2000, 2000}} {
		s.recordUses(now().UnixMilli(), token.Use{TokenID: ids[0], At: step.at, Accepted: 1}, token.Use{TokenID: ids[1], At: 700}, token.Use{TokenID: gone, At: step.at, Accepted: 1})
		for i, want := range []int64{step.want, 700, 0} {
			if found, err := s.Tokens.Token(t.Context(), s.actor.AccountID, ids[i]); err != nil || max(found.LastUsedAt.UnixMilli(), 0) != want {
				t.Errorf("after %d token %d was last used at %d, %v; want %d", step.at, i, max(found.LastUsedAt.UnixMilli(), 0), err, want)
			}
		}
	}
	if n := s.count("token_uses"); n != len(ids) {
		t.Errorf("%d rows for %d tokens", n, len(ids))
	}
}

func TestALastUseFromAClockThatWasAheadIsCorrectedByTheNext(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(1)
	for _, step := range []struct{ at, now, want int64 }{
		{9_000_000, 1_000_000, 9_000_000}, // as the clock is set back between the use and its writing
		{1_000_500, 1_000_000, 1_000_500},
		{9_000_000, 1_000_000, 1_000_500},
	} {
		s.recordUses(step.now, token.Use{TokenID: ids[0], At: step.at})
		if found, err := s.Tokens.Token(t.Context(), s.actor.AccountID, ids[0]); err != nil || max(found.LastUsedAt.UnixMilli(), 0) != step.want {
			t.Errorf("after %d: last used at %d, %v; want %d", step.at, max(found.LastUsedAt.UnixMilli(), 0), err, step.want)
		}
	}
}

func TestUsesOfMoreTokensThanAStatementHoldsAllCount(t *testing.T) {
	s := newShelf(t)
	const tokens = 5*usesAtOnce + 3
	ids := s.fillUses(tokens)
	at := now().UnixMilli()
	var uses []token.Use
	for i, id := range ids { // those of a token may be in two statements
		for range 1 + i%3 {
			uses = append(uses, token.Use{TokenID: id, Hour: uint32(at / 3_600_000), Accepted: 1, At: at})
		}
	}
	s.recordUses(at, uses...)
	stored, err := s.Tokens.Uses(t.Context(), ids, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		use := stored.Tokens[id]
		if use.At != at || len(use.History.Hours) != 1 || use.History.Hours[0].Accepted != uint64(1+i%3) {
			t.Errorf("token %d was used %+v", i, use)
		}
	}
}

func TestPromise6ABatchOfUsesIsAddedOnceHoweverOftenItIsSent(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(3)
	at := now().UnixMilli()
	batch := token.UseBatch{Writer: 1, Number: 7, At: at}
	for _, id := range ids {
		batch.Uses = append(batch.Uses, token.Use{TokenID: id, Hour: uint32(at / 3_600_000), Accepted: 3, Refused: 2, At: at})
	}
	other := batch // of another process, which writes in between
	other.Writer = 2
	for range 3 {
		for _, sent := range []token.UseBatch{batch, other} {
			if err := s.Tokens.RecordUses(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Tokens.RecordUses(ended, token.UseBatch{Writer: 1, Number: 8, Uses: batch.Uses, At: at}); err == nil {
		t.Error("a batch whose context has ended was written")
	}
	stored, err := s.Tokens.Uses(t.Context(), ids, 1)
	if err != nil || stored.Batch != 7 || len(stored.Tokens) != len(ids) {
		t.Fatal(stored, err)
	}
	for _, id := range ids {
		if days := stored.Tokens[id].History.Days; len(days) != 1 || days[0].Accepted != 6 || days[0].Refused != 4 {
			t.Errorf("%+v, want 6 accepted and 4 refused", days)
		}
	}
}

func TestADamagedHistoryHoldsUpNoOtherAndIsReplaced(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(3)
	at := now().UnixMilli()
	for _, damage := range [][]byte{{9}, {1}, {1, 200, 1}, []byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), {1, 0, 0, 1, 5, 1, 1, 1}, []byte("no history")} {
		if err := s.writer.Exec("UPDATE token_uses SET uses = ? WHERE token_id = ?", damage, ids[1]).Error; err != nil {
			t.Fatal(err)
		}
		if stored, err := s.Tokens.Uses(t.Context(), ids, 0); err != nil || len(stored.Tokens[ids[1]].History.Days) != 0 {
			t.Errorf("%x is read as %+v, %v", damage, stored.Tokens[ids[1]], err)
		}
		var uses []token.Use
		for _, id := range ids {
			uses = append(uses, token.Use{TokenID: id, Hour: uint32(at / 3_600_000), Accepted: 1, At: at})
		}
		s.recordUses(at, uses...)
		stored, err := s.Tokens.Uses(t.Context(), ids, 0)
		if err != nil || len(stored.Tokens[ids[1]].History.Days) != 1 || stored.Tokens[ids[1]].History.Days[0].Accepted != 1 || len(stored.Tokens[ids[2]].History.Days) != 1 {
			t.Errorf("after %x: %+v, %v", damage, stored.Tokens, err)
		}
	}
}

func TestUsesAreNotWrittenInATransactionThatMayBeUndone(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(1)
	undone := errors.New("undone")
	var refused error
	err := s.Together(t.Context(), func(ctx context.Context) error {
		refused = s.Tokens.RecordUses(ctx, token.UseBatch{Number: 1, Uses: []token.Use{{TokenID: ids[0], At: 1}}, At: now().UnixMilli()})
		return undone
	})
	if !errors.Is(err, undone) || refused == nil {
		t.Errorf("%v, and the uses were taken: %v", err, refused)
	}
}

func TestPromise8UsesThatAnEarlierVersionKeptInPiecesGoToTheirRows(t *testing.T) {
	pgtest.OnSQLite(t, "a schema that Postgres never had")
	old := newOlder(t, "00013")
	account, agent, gone := old.actor.AccountID, old.id(), old.id()
	old.exec("UPDATE accounts SET api_token_count = 3")
	old.exec("INSERT INTO agents (id, account_id, name, last_seen_at, inserted_at, updated_at) VALUES (?, ?, 'Bot', 1500, 1, 1)", agent, account)
	tokens := []pfid.ID{old.id(), old.id(), old.id()}
	rows := []any{nil, 5000, nil}
	for i, id := range tokens {
		hash := token.HashOf(id[:])
		old.exec(`INSERT INTO api_tokens (id, account_id, name, secret_hash, hint, token_scope, status, expires_at, inserted_at, updated_at)
			VALUES (?, ?, '', ?, 'abcd', 'account', 'active', ?, 1, 1)`, id, account, hash[:], now().Add(time.Hour).UnixMilli())
		old.exec("INSERT INTO token_uses (token_id, last_used_at) VALUES (?, ?)", id, rows[i])
	}
	piece := func(number int, uses ...token.Use) {
		var bytes []byte
		for _, use := range uses {
			bytes = append(append(bytes, use.TokenID[:]...), use.AgentID[:]...)
			bytes = binary.BigEndian.AppendUint64(bytes, uint64(use.At))
		}
		old.exec("INSERT INTO noted_uses (piece, uses) VALUES (?, CAST(? AS BLOB))", number, string(append(bytes, 0))) // with a byte too many
	}
	piece(1, token.Use{TokenID: tokens[0], AgentID: agent, At: 3000}, token.Use{TokenID: tokens[1], At: 4000})
	piece(2, token.Use{TokenID: tokens[0], AgentID: agent, At: 2000}, token.Use{TokenID: gone, AgentID: agent, At: 3500})
	s := old.upgraded()
	for i, want := range []int64{3000, 5000, 0} {
		if found, err := s.Tokens.Token(t.Context(), account, tokens[i]); err != nil || max(found.LastUsedAt.UnixMilli(), 0) != want {
			t.Errorf("token %d was last used at %d, %v; want %d", i, max(found.LastUsedAt.UnixMilli(), 0), err, want)
		}
	}
	var seen, uses int64
	err1 := s.reader.Raw("SELECT last_seen_at FROM agents WHERE id = ?", agent).Scan(&seen).Error
	err2 := s.reader.Raw("SELECT count(*) FROM token_uses").Scan(&uses).Error
	if seen != 3500 || uses != 3 || err1 != nil || err2 != nil {
		t.Errorf("the agent was seen at %d, %v; want 3500. %d rows of uses, %v; want 3", seen, err1, uses, err2)
	}
}

func TestValidationsAndListsHaveReadersOfTheirOwn(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(1)
	takeAll := func(of *gorm.DB) (free func()) {
		t.Helper()
		pool, err := of.DB()
		if err != nil {
			t.Fatal(err)
		}
		var taken []*sql.Conn
		for range pool.Stats().MaxOpenConnections {
			reader, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, reader)
		}
		return func() {
			for _, reader := range taken {
				_ = reader.Close()
			}
		}
	}
	free := takeAll(s.reader)
	if _, ok, err := s.Tokens.FindToken(t.Context(), token.HashOf([]byte(ids[0].String()))); ok || err != nil {
		t.Errorf("while lists take all their readers: %v %v", ok, err)
	}
	free()
	free = takeAll(s.finder)
	if _, err := s.Tokens.Token(t.Context(), s.actor.AccountID, ids[0]); err != nil {
		t.Errorf("while validations take all their readers: %v", err)
	}
	free()
}

// begun is called by begin_read, a function of SQL, and so while a query runs.
var begun func()

func init() {
	sqlite.MustRegisterScalarFunction("begin_read", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		begun()
		return int64(1), nil
	})
}

func TestAReadEndsWithItsContextEvenInTheMiddleOfARow(t *testing.T) {
	s := newShelf(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	err := s.readTogether(ctx, func(tx *gorm.DB) error {
		var n int
		if err := tx.Raw("SELECT 1").Scan(&n).Error; err != nil || n != 1 {
			t.Errorf("before the end: %d %v", n, err)
		}
		begun = leave
		return tx.Raw("WITH RECURSIVE c (x) AS (SELECT begin_read() UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c").Scan(&n).Error
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a read without an end has ended with %v", err)
	}
	for range 8 { // no later read is interrupted
		if _, err := s.lists.List(t.Context(), s.actor.AccountID, token.Filter{}, paging.Page{Size: 1}); err != nil {
			t.Errorf("a read after it: %v", err)
		}
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("the database counts as unfit: %v", err)
	}
}

func TestTokensAreListedByTheirLastUse(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(4)
	s.recordUses(now().UnixMilli(), token.Use{TokenID: ids[3], At: 1000}, token.Use{TokenID: ids[0], At: 3000}, token.Use{TokenID: ids[2], At: 2000})
	for descending, want := range map[bool][]int{false: {1, 3, 2, 0}, true: {0, 2, 3, 1}} { // never comes first
		for offset := range ids {
			page := paging.Page{Offset: offset, Size: 2, Sort: "last_used_at", Descending: descending}
			found, err := s.lists.List(t.Context(), s.actor.AccountID, token.Filter{Scope: token.ScopeAccount}, page)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, listed := range found.Tokens {
				got = append(got, slices.Index(ids, listed.ID))
			}
			if want := want[offset:min(offset+2, len(ids))]; !slices.Equal(got, want) {
				t.Errorf("descending %v, from %d: %v, want %v", descending, offset, got, want)
			}
		}
	}
}

func TestATokenWithoutARowForItsUseIsListedAllTheSame(t *testing.T) {
	s := newShelf(t)
	ids := s.fillUses(2)
	if err := s.writer.Exec("DELETE FROM token_uses WHERE token_id = ?", ids[0]).Error; err != nil {
		t.Fatal(err)
	}
	if found, err := s.Tokens.Token(t.Context(), s.actor.AccountID, ids[0]); err != nil || !found.LastUsedAt.IsZero() {
		t.Errorf("%v %v, or nobody could revoke it", found.LastUsedAt, err)
	}
	page := paging.Page{Size: 10, Sort: "last_used_at"}
	if found, err := s.lists.List(t.Context(), s.actor.AccountID, token.Filter{Scope: token.ScopeAccount}, page); err != nil || len(found.Tokens) != 2 {
		t.Errorf("%d tokens are listed, %v", len(found.Tokens), err)
	}
}

// BenchmarkRecordUses writes uses of many tokens, some of them again and again or all in order, with an hour's and a day's
// count and an address. An operation is one of them.
func BenchmarkRecordUses(b *testing.B) {
	const stored = 200_000
	s := newShelf(b)
	ids := s.fillUses(stored)
	at := now().UnixMilli()
	client := []token.Client{{Address: netip.MustParseAddr("192.0.2.1"), At: at}}
	for _, used := range []int{1000, stored} {
		chosen := rand.Perm(stored)[:used]
		slices.Sort(chosen)
		for _, together := range []int{50, 100, 1000} {
			b.Run(fmt.Sprintf("used=%d/together=%d", used, together), func(b *testing.B) {
				uses := make([]token.Use, 0, together)
				for n := 0; n < b.N; n += len(uses) {
					at++
					uses = uses[:0]
					for i := range together {
						uses = append(uses, token.Use{TokenID: ids[chosen[(n+i)%used]], Hour: uint32(at / 3_600_000), Accepted: 1, At: at, Clients: client})
					}
					s.recordUses(at, uses...)
				}
			})
		}
	}
}
