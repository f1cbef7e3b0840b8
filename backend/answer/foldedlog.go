package answer

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Limits of a FoldedLog, stated in docs/settings.md.
const (
	foldFor  = time.Minute
	foldKeys = 10 // keys per message
	// maxLogged is the longest logged text from an unknown client, in bytes.
	maxLogged = 100
)

// FoldedLog is a log that limits lines that unknown clients can trigger. Add writes the first line of each message and key at
// once, then once a minute how often it was repeated: at most 21 lines per message and minute.
type FoldedLog struct {
	*slog.Logger
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

// NewFoldedLog returns a log whose first minute begins now.
func NewFoldedLog(log *slog.Logger, now func() time.Time) *FoldedLog {
	return &FoldedLog{Logger: log, now: now, began: now(), messages: map[string]*folded{}}
}

// Add logs a message unless the same key was logged this minute. attrs is called only if a line is written. Messages
// must be constants, since each is kept.
func (f *FoldedLog) Add(level slog.Level, message string, key []byte, attrs func() []slog.Attr) {
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
	f.LogAttrs(context.Background(), level, message, r.attrs...)
}

// flush starts a new minute if it is due.
func (f *FoldedLog) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
}

// End writes the remaining counts.
func (f *FoldedLog) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum()
}

// turn starts the next minute if it is due or the clock was set back.
func (f *FoldedLog) turn() {
	now := f.now()
	if passed := now.Sub(f.began); passed >= 0 && passed < foldFor {
		return
	}
	f.sum()
	f.began = now
}

// sum writes the counts of repeated keys and forgets the others.
func (f *FoldedLog) sum() {
	for message, m := range f.messages {
		for key, r := range m.keys {
			if r.again == 0 {
				delete(m.keys, key)
				continue
			}
			f.LogAttrs(context.Background(), m.level, message, append(r.attrs[:len(r.attrs):len(r.attrs)], slog.Int("repeated", r.again))...)
			r.again = 0
		}
		if m.others > 0 {
			f.LogAttrs(context.Background(), m.level, message, slog.Int("others", m.others))
			m.others = 0
		}
	}
}

// Watch flushes until stop is closed.
func (f *FoldedLog) Watch(stop <-chan struct{}) {
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

// Printable shortens a text from an unknown client, and replaces characters that are invisible or could be misread in the
// log.
func Printable(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxLogged)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// Failed logs a server-side failure, folded, since many may come at once.
func (f *FoldedLog) Failed(message string, cause error, attrs ...slog.Attr) {
	text := Printable(cause.Error())
	f.Add(slog.LevelError, message, []byte(text), func() []slog.Attr { return append(attrs, slog.Any("cause", cause)) })
}
