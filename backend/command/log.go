package command

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// Limits of the log, stated in docs/settings.md.
const (
	logBuffer = 1 << 20                // bytes waiting for the reader; further lines are dropped and counted
	logAtEnd  = 250 * time.Millisecond // how long a stop waits for the last lines
	logAgain  = time.Second            // pause after a failed write
)

// sayAtMost is how long Say waits for a reader.
const sayAtMost = 100 * time.Millisecond

// Say writes a program's first or last words. It waits at most sayAtMost, and then returns nil: a blocked reader must not keep
// the program from serving or ending.
func Say(to io.Writer, words string) error {
	said := make(chan error, 1)
	go func() {
		_, err := io.WriteString(to, words)
		said <- err
	}()
	select {
	case err := <-said:
		return err
	case <-time.After(sayAtMost):
		return nil
	}
}

// steadyLog is a log that never blocks or ends the program, even if its reader is slow or gone or the disk is full. It
// writes in the background and retries. If its buffer is full, it drops lines, and reports their number once the log
// works again.
type steadyLog struct {
	to     io.Writer
	report func(dropped int)

	mu      sync.Mutex
	waiting []byte // whole lines
	writing int    // bytes taken from waiting and not yet written
	dropped int    // lines since the last report

	wake, end, ended chan struct{}
}

// newLog returns a logger in the given format, text or json, and a function that writes the remaining lines, waiting at
// most logAtEnd.
func newLog(to io.Writer, format string) (log *slog.Logger, end func()) {
	l := &steadyLog{to: to, wake: make(chan struct{}, 1), end: make(chan struct{}), ended: make(chan struct{})}
	log = slog.New(slog.NewTextHandler(l, nil))
	if format == "json" {
		log = slog.New(slog.NewJSONHandler(l, nil))
	}
	l.report = func(dropped int) {
		log.Warn("the log could not be written for some time, and lines were lost", "lines", dropped)
	}
	go l.run(logAgain)
	return log, sync.OnceFunc(func() {
		close(l.end)
		select {
		case <-l.ended:
		case <-time.After(logAtEnd):
		}
	})
}

// Write implements io.Writer. It takes one line, and never blocks or fails.
func (l *steadyLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	if len(l.waiting)+l.writing+len(line) > logBuffer {
		l.dropped++
	} else {
		l.waiting = append(l.waiting, line...)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// run writes until the log ends. It retries a failed write after the given pause.
func (l *steadyLog) run(again time.Duration) {
	defer close(l.ended)
	var taken []byte
	for {
		taken = l.take(taken)
		n, err := l.write(taken)
		taken = taken[n:]
		if err != nil {
			select {
			case <-time.After(again):
				continue
			case <-l.end:
				return
			}
		}
		if l.reportDropped() {
			continue
		}
		select {
		case <-l.wake:
		case <-l.end:
			if _, err := l.write(l.take(nil)); err == nil && l.reportDropped() {
				_, _ = l.write(l.take(nil)) // the last attempt
			}
			return
		}
	}
}

func (l *steadyLog) write(lines []byte) (int, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	return l.to.Write(lines)
}

// take returns the bytes left by a failed write, followed by the waiting lines.
func (l *steadyLog) take(left []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	left = append(left, l.waiting...)
	l.waiting, l.writing = l.waiting[:0], len(left)
	return left
}

// reportDropped logs the number of dropped lines, if any.
func (l *steadyLog) reportDropped() bool {
	l.mu.Lock()
	l.writing = 0
	dropped := l.dropped
	l.dropped = 0
	l.mu.Unlock()
	if dropped > 0 {
		l.report(dropped)
	}
	return dropped > 0
}
