package web

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Limits of a foldedLog, stated in docs/settings.md.
const (
	foldFor  = time.Minute
	foldKeys = 10 // keys per message
	// maxLogged is the longest logged text from an unknown client, in bytes.
	maxLogged = 100
)

// foldedLog limits log lines that unknown clients can trigger. It writes the first line of each message and key at
// once, then once a minute how often it was repeated: at most 21 lines per message and minute.
type foldedLog struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	began    time.Time // start of the current minute
	messages map[string]*folded
}

// folded is the lines of one message in the current minute.
type folded struct {
	level  slog.Level
	keys   map[string]*repeated
	others int // lines of this minute with keys beyond foldKeys
}

// repeated is the lines of one key.
type repeated struct {
	attrs []slog.Attr // of the first line
	again int         // repetitions in this minute
}

func newFoldedLog(log *slog.Logger, now func() time.Time) *foldedLog {
	return &foldedLog{log: log, now: now, began: now(), messages: map[string]*folded{}}
}

// add logs a message unless the same key was logged this minute. attrs is called only if a line is written. Messages
// must be constants, since each is kept.
func (f *foldedLog) add(level slog.Level, message string, key []byte, attrs func() []slog.Attr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
	m := f.messages[message]
	if m == nil {
		m = &folded{level: level, keys: map[string]*repeated{}}
		f.messages[message] = m
	}
	if r := m.keys[string(key)]; r != nil {
		r.again++
		return
	}
	if len(m.keys) >= foldKeys {
		m.others++
		return
	}
	r := &repeated{attrs: attrs()}
	m.keys[string(key)] = r
	f.log.LogAttrs(context.Background(), level, message, r.attrs...)
}

// flush starts a new minute if it is due.
func (f *foldedLog) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
}

// end writes the remaining counts.
func (f *foldedLog) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum()
}

// turn starts the next minute if it is due or the clock was set back.
func (f *foldedLog) turn() {
	now := f.now()
	if passed := now.Sub(f.began); passed >= 0 && passed < foldFor {
		return
	}
	f.sum()
	f.began = now
}

// sum writes the counts of repeated keys and forgets the others.
func (f *foldedLog) sum() {
	for message, m := range f.messages {
		for key, r := range m.keys {
			if r.again == 0 {
				delete(m.keys, key)
				continue
			}
			f.log.LogAttrs(context.Background(), m.level, message, append(r.attrs[:len(r.attrs):len(r.attrs)], slog.Int("repeated", r.again))...)
			r.again = 0
		}
		if m.others > 0 {
			f.log.LogAttrs(context.Background(), m.level, message, slog.Int("others", m.others))
			m.others = 0
		}
	}
}

// watch flushes until stop is closed.
func (f *foldedLog) watch(stop <-chan struct{}) {
	ticker := time.NewTicker(foldFor / 6)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.flush()
		case <-stop:
			return
		}
	}
}

// logged shortens a text from an unknown client, and replaces characters that are invisible or could be misread in the
// log.
func logged(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxLogged)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
