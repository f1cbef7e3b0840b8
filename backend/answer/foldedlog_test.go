package answer

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRepeatedLinesAreFolded(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	f := NewFoldedLog(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return at })
	come := func(key string) {
		f.Add(slog.LevelWarn, "refused", []byte(key), func() []slog.Attr { return []slog.Attr{slog.String("address", key)} })
	}
	lines := func() []string {
		defer out.Reset()
		var list []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			list = append(list, rest)
		}
		return list
	}
	want := func(when string, want ...string) {
		t.Helper()
		if got := lines(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	for range 1000 {
		come("a")
	}
	want("at once", "refused address=a")
	at = at.Add(foldFor)
	f.flush()
	want("after a minute", "refused address=a repeated=999")
	come("a")
	want("while it goes on")
	at = at.Add(foldFor)
	f.flush()
	want("a minute later", "refused address=a repeated=1")
	at = at.Add(foldFor)
	f.flush()
	come("a")
	want("after a quiet minute", "refused address=a")
	come("a")
	at = at.Add(-24 * time.Hour)
	come("a")
	want("after the clock was set back", "refused address=a repeated=1")
	f.End()
	want("at the end", "refused address=a repeated=1")
}

func TestLinesAndMemoryAreBoundedWhateverComes(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	f := NewFoldedLog(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return at })
	for range 3 {
		out.Reset()
		for i := range 100_000 {
			f.Add(slog.LevelWarn, "refused", fmt.Append(nil, i%30_000), func() []slog.Attr { return nil })
		}
		if keys := len(f.messages["refused"].keys); keys > foldKeys {
			t.Errorf("%d keys", keys)
		}
		at = at.Add(foldFor)
		f.flush()
		if n := strings.Count(out.String(), "\n"); n > 2*foldKeys+1 || n < foldKeys {
			t.Errorf("%d lines in a minute", n)
		}
	}
}

func TestARepeatedRefusalAllocatesNothing(t *testing.T) {
	f := NewFoldedLog(slog.New(slog.DiscardHandler), time.Now)
	key := []byte("some key")
	come := func() { f.Add(slog.LevelWarn, "refused", key, func() []slog.Attr { return nil }) }
	come()
	if n := testing.AllocsPerRun(100, come); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTextOfStrangersIsBoundedAndPrintableInTheLog(t *testing.T) {
	for text, want := range map[string]string{
		"https://evil.example": "https://evil.example", "a\nlevel=ERROR": "a?level=ERROR", "a\u202eb\u200bc\xff": "a?b?c", strings.Repeat("é", 80): strings.Repeat("é", 50),
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
