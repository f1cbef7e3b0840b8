package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/fault"
)

const (
	// tendEvery is how often the store checks on itself.
	tendEvery = time.Second
	// readyFor is how long Ready repeats its last answer.
	readyFor = time.Second
	// probeAfter is how old the last write may be before Ready tries one. A try changes only one page, because an
	// idle server is asked day and night.
	probeAfter = time.Minute
	// probeBytes is the size of a try after a failure, as large as a change may be.
	probeBytes = 64 << 10
	// checkEvery is how often a damaged database is checked again, which reads all of it.
	checkEvery = time.Minute
	// checkTimeout is the time limit of such a check.
	checkTimeout = 5 * time.Minute
	// walTrimmed is the size in bytes above which the WAL is emptied. That waits for its readers, for trimTimeout
	// milliseconds at most.
	walTrimmed  = 4 * walKept
	trimTimeout = 200
)

// health holds what is known about the state of the database.
type health struct {
	replaced atomic.Bool // a name leads to another file, or to none
	log      *slog.Logger
	now      func() time.Time

	mu      sync.Mutex
	writing trouble // of the last write
	seen    trouble // of any statement since the last clean check
	wrote   time.Time
	checked time.Time // when seen was last checked
	schema  map[string]string

	toldShort time.Time // when the log last said that the disk is almost full

	isStale atomic.Bool // Ready must not repeat its last answer
	isShort atomic.Bool // the disk had no room for reports of agents

	asking sync.Mutex // held by Ready
	asked  time.Time
	answer error
}

// noticeWrite records the outcome of a write and logs if it changes the state.
func (h *health) noticeWrite(err error) {
	found := troubleOf(err)
	if found == 0 && err != nil && errors.As(err, new(*fault.Error)) {
		return
	}
	h.mu.Lock()
	before := h.writing
	if found != 0 || err == nil {
		h.writing = found
	}
	if err == nil {
		h.wrote = h.now()
	}
	h.mu.Unlock()
	h.notice(err)
	if found != before {
		h.isStale.Store(true)
	}
	switch {
	case h.log == nil || found == before:
	case found != 0:
		h.log.Error("changes fail", "cause", err, "do", advice[found])
	case err == nil:
		h.log.Info("changes work again")
	}
}

// notice records trouble that only a check can clear.
func (h *health) notice(err error) {
	found := troubleOf(err)
	if found != damaged && found != otherSchema {
		return
	}
	h.mu.Lock()
	isNews := h.seen != found
	h.seen = found
	h.mu.Unlock()
	if isNews {
		h.isStale.Store(true)
	}
	if isNews && h.log != nil {
		h.log.Error("the database is damaged or its schema has changed", "cause", err, "do", advice[found])
	}
}

// refusal returns why changes are refused while the database is open read-only.
func (h *health) refusal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.writing, diskFull).fail(nil)
}

// fail returns the fault.Unavailable that callers get for a trouble.
func (t trouble) fail(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: sentences[t], RetryAfter: time.Second, Cause: cause}
}

var errReplaced = errors.New("store: a file of the database was removed or replaced while it is open")

// Replaced is true while a name of the database's files leads to a file other than the open one, or to none. A restart
// would not find what is read and written then, so the server must refuse all requests.
func (s *db) Replaced() *atomic.Bool { return &s.health.replaced }

// Ready returns nil if the store answers and the last write, including that of last uses, succeeded. Otherwise it
// returns fault.Unavailable. After a failed write it tries another one. It is cheap: it repeats its result for
// readyFor.
func (s *db) Ready(ctx context.Context) error {
	h := &s.health
	h.asking.Lock()
	defer h.asking.Unlock()
	if since := h.now().Sub(h.asked); h.isStale.Swap(false) || since < 0 || since >= readyFor || h.asked.IsZero() {
		h.answer = s.examine(ctx)
		h.asked = h.now()
	}
	return h.answer
}

func (s *db) examine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
	defer cancel()
	s.tendFiles(ctx)
	if err := s.Ping(ctx); err != nil {
		return err
	}
	if s.onDisk != nil {
		if err := s.checkSchema(ctx); err != nil {
			return err
		}
		s.checkDamage()
	}
	s.probe(ctx)
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, found := range []trouble{h.seen, h.writing} {
		if found != 0 {
			return found.fail(nil)
		}
	}
	if s.unsettled.Load() { // changes are refused until then
		return diskFull.fail(nil)
	}
	return nil
}

// probe tries a write if the last one failed or is older than probeAfter. If another write is under way, that one
// decides.
func (s *db) probe(ctx context.Context) {
	h := &s.health
	h.mu.Lock()
	since := h.now().Sub(h.wrote)
	hasFailed := h.writing != 0
	isKnown := !hasFailed && since >= 0 && since < probeAfter
	h.mu.Unlock()
	if isKnown || len(s.writing) > 0 {
		return
	}
	value := fmt.Sprintf("%16d", h.now().UnixMilli()) // differs each time, so that it must be written
	if hasFailed {
		// Random, because Postgres would compress repeated text to nothing.
		var random [probeBytes / 2]byte
		_, _ = rand.Read(random[:])
		value = hex.EncodeToString(random[:])
	}
	_ = s.SetSetting(ctx, "probe", value)
}

// checkSchema returns an error if any part of the schema has changed since the database was opened. Additions are
// allowed.
func (s *db) checkSchema(ctx context.Context) error {
	found, err := s.readSchema(ctx)
	if err != nil {
		return err
	}
	for name, statement := range s.health.schema {
		if found[name] != statement {
			cause := fmt.Errorf("store: the schema of %s was changed by another program", name)
			s.health.mu.Lock()
			isNews := s.health.seen != otherSchema
			s.health.seen = otherSchema
			s.health.mu.Unlock()
			if isNews && s.health.log != nil {
				s.health.log.Error("the database is damaged or its schema has changed", "cause", cause, "do", advice[otherSchema])
			}
			return otherSchema.fail(cause)
		}
	}
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	if s.health.seen == otherSchema {
		s.health.seen = 0
	}
	return nil
}

func (s *db) readSchema(ctx context.Context) (map[string]string, error) {
	var rows []struct{ Name, SQL string }
	err := s.read(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT type || ' ' || name AS name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'").Scan(&rows).Error
	})
	found := map[string]string{}
	for _, row := range rows {
		found[row.Name] = row.SQL
	}
	return found, err
}

// checkDamage checks a database in which damage was seen. It runs in the background, because it reads the whole
// database.
func (s *db) checkDamage() {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	since := h.now().Sub(h.checked)
	if h.seen != damaged || since >= 0 && since < checkEvery && !h.checked.IsZero() {
		return
	}
	h.checked = h.now()
	s.tending.Go(func() {
		ctx, cancel := context.WithTimeout(s.tended, checkTimeout)
		defer cancel()
		var result string
		s.pools.RLock()
		err := s.reader.WithContext(ctx).Raw("PRAGMA quick_check(1)").Scan(&result).Error
		s.pools.RUnlock()
		if err != nil || result != "ok" {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = 0
		if h.log != nil {
			h.log.Info("a check found the database undamaged")
		}
	})
}

// tend checks on the database every tendEvery until the store is closed.
func (s *db) tend() {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.tended.Done():
			return
		case <-ticker.C:
			s.tendFiles(s.tended)
			s.trim(s.tended)
			s.reopen(s.tended)
			if s.unsettled.Load() && s.writer != nil {
				_ = s.settle(s.tended)
			}
		}
	}
}

// trim empties the WAL if it has grown large, as it does while a long read holds it back, or if the disk is almost full.
func (s *db) trim(ctx context.Context) {
	longest := int64(walTrimmed)
	if s.health.isShort.Load() {
		longest = leastRoom / 4
		defer func() { s.health.isShort.Store(s.lacksRoom(ctx, 0)) }()
	}
	if !isLarger(s.path+"-wal", longest) || s.health.replaced.Load() {
		return
	}
	db, err := connect(s.path, 1, fmt.Sprintf("_pragma=busy_timeout(%d)", trimTimeout))
	if err != nil {
		return
	}
	defer closePools(db)
	// The passive checkpoint waits for no one. The rest then takes little time, during which nothing can be written.
	var first struct{ Busy, Log, Checkpointed int }
	if err := db.WithContext(ctx).Raw("PRAGMA wal_checkpoint(PASSIVE)").Scan(&first).Error; err != nil || first.Log != first.Checkpointed {
		return
	}
	_ = s.alone(ctx, func() error { return db.WithContext(ctx).Exec("PRAGMA wal_checkpoint(TRUNCATE)").Error })
}
