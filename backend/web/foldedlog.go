package web

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// How much a foldedLog writes and keeps, stated in docs/settings.md.
const (
	foldFor  = time.Minute
	foldKeys = 10 // of each message
	// maxLogged bounds what is logged of a text that a stranger chose, in bytes.
	maxLogged = 100
)

// foldedLog is for what strangers can repeat. The first line of a message and a key is written at once, then once a
// minute how often it came again. However many keys come, a message has at most 21 lines a minute.
type foldedLog struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	began    time.Time // of the present minute
	messages map[string]*folded
}

// folded is what came of one message.
type folded struct {
	level  slog.Level
	keys   map[string]*repeated
	others int // that came in this minute with keys for which there was no room
}

// repeated is what came with one key.
type repeated struct {
	attrs []slog.Attr // of the first one
	again int         // how often it came again in this minute
}

func newFoldedLog(log *slog.Logger, now func() time.Time) *foldedLog {
	return &foldedLog{log: log, now: now, began: now(), messages: map[string]*folded{}}
}

// add logs a message, unless it came before with the same key. attrs is called for a line that is written at once. The
// message is one of the program's own, so there are few.
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

// flush writes what is due.
func (f *foldedLog) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
}

// end writes all that came again.
func (f *foldedLog) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum()
}

// turn begins the next minute, if it is time, or if the clock was set back.
func (f *foldedLog) turn() {
	now := f.now()
	if passed := now.Sub(f.began); passed >= 0 && passed < foldFor {
		return
	}
	f.sum()
	f.began = now
}

// sum writes what came again, and forgets the keys that did not.
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

// watch writes what is due until stop is closed.
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

// logged bounds a text that a stranger chose, and replaces what a reader of the log could not see or would take for
// something else.
func logged(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxLogged)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
